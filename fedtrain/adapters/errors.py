"""Error of tensor files."""


class AdapterFileError(ValueError):
    """A tensor file is invalid. The message names the file, the tensor and the problem."""
