"""A deterministic simulation of servers, their store, their broker and their clocks (``python -m tests.protocol``)."""
