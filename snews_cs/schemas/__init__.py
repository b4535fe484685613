"""JSON Schema (2020-12) of every message that the server reads or writes, and of what it exports.

Each has one source. What is published (``alert.json``, ``notice.json``) is a promise to others, written by hand; the
code is held to it. What is read follows from the tables of the decoders, what is exported from the records' types: both
are made of those when they are asked for.
"""
