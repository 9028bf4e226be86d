"""The error for a round that cannot be aggregated."""


class Refused(Exception):
    """The round cannot be aggregated, and a retry does not help. The message says why and what to change."""
