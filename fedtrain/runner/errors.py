"""What can go wrong on this machine, in words for the user."""


class RunError(Exception):
    """The run can't go on here and now: its workers can't be started, say. Nothing that was recorded is lost."""
