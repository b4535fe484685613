"""Tests of the schemas: what they say is what the server reads, publishes and exports."""
