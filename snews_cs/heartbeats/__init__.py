"""Who is alive: what the detectors' heartbeats, and the observations that count as such, tell of them."""
