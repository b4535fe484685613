"""Drills: an event sent as detectors send one, as a test, and how long everything takes until subscribers have it."""
