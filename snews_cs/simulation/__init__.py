"""Detectors that publish: scenarios, bursts with light-travel delays, the demonstration."""
