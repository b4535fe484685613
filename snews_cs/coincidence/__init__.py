"""The engine: which observations coincide, and which alerts follow. Pure: no I/O, no clock, no log."""
