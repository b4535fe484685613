"""Who is alive: the heartbeats of the detectors."""
