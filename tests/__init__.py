"""Tests of snews_cs; the rooms mirror the package."""
