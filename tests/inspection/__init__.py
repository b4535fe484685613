"""Tests of what looks into a store."""
