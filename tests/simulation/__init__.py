"""Tests of the simulated detectors."""
