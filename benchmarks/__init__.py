"""What is measured: `make bench`. Nothing here asserts a time; the figures and their targets are in docs/."""
