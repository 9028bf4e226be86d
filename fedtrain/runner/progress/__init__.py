"""Showing a run while it goes on: a live table, plain lines, or JSON events."""
