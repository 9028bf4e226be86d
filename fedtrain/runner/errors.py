"""What can go wrong on this machine, in words for the user."""


class RunError(Exception):
    """The run cannot continue on this machine, such as when workers do not start. All records are kept."""
