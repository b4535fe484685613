"""The server: the loop, the journal with its engine, the alerts on their way out, and what is said to people."""
