"""How many rows a process holds at a time."""

from fedtrain_trainer.outcome import Retry


def halved(rows: int | None) -> int:
    """After running out of memory with `rows` at a time. Raises Retry when it can't be less."""
    if rows is None or rows <= 1:
        raise Retry("out of memory with one row at a time; lower data.maxLength or enable gradientCheckpointing")
    return rows // 2
