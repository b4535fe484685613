"""Tests of snews_cs.streams, against the embedded broker."""
