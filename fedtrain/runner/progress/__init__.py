"""Shows a running federation: a live table, plain lines, or JSON events."""
