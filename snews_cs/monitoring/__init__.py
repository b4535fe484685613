"""To see the server from outside: metrics, a health page, systemd's watchdog, and a doctor."""
