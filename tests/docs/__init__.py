"""Tests that README and docs/ say what is true."""
