"""Tests of what detectors' people are told of their heartbeats."""
