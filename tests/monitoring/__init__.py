"""Tests of what is to be seen from outside."""
