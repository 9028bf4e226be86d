"""From `federation.yaml` to a `Federation`, or to all its errors with their lines."""

from fedtrain.api.reading.errors import FieldError, Invalid
from fedtrain.api.reading.federation import Federation
from fedtrain.api.reading.reader import read_file

__all__ = ["Federation", "FieldError", "Invalid", "read_file"]
