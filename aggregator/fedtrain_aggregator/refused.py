"""The error for what no second try makes better."""


class Refused(Exception):
    """A round that can't be aggregated, whoever tries how often: the message says why and what to do."""
