"""What was said: typed messages, a decoder for each wire format, times, and the registry of detectors."""
