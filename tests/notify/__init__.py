"""Tests of snews_cs.notify."""
