"""Aggregation of a round's updates into the next global adapter: streaming, checked, deterministic; without torch."""
