"""Tests of the adapter for code of the first SNEWS 2.0 application."""
