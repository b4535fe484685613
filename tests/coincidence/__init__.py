"""The engine held against SPEC sections 2 to 5: ``oracle.py`` is their second, slow and obvious, definition."""
