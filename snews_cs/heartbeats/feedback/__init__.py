"""Telling a detector's people how its heartbeats do: when they ask, when it falls silent, when it is back."""
