"""The error of files of tensors."""


class AdapterFileError(ValueError):
    """A file of tensors can't be what it says it is. The message names the file, the tensor and what is wrong."""
