"""What can be wrong with a data set or with how it is to be split."""


class SplitError(Exception):
    """`hint` says how to put it right, in one line."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
