"""Messages: every client, every bad input."""
