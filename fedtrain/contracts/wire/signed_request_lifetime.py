"""How long the signed requests of a task are valid."""

LIFETIME_SECONDS = 900
"""Seconds after the signature in which anyone who has the request can use it. The hub renews it after half of them."""
