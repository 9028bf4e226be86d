"""The error of data that cannot be read or do not fit their format."""


class DataError(Exception):
    """Trying again does not help. The message names the file, line and field, and the fix."""
