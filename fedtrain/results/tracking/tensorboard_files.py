"""TensorBoard: event files in a folder."""

# pyright: basic
# (an optional library)

from collections.abc import Mapping
from pathlib import Path

from tensorboard.summary import Writer

from fedtrain.results.run_summary import RunSummary


class TensorBoard:
    """Event files of earlier calls are replaced, so each value is shown once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for file in folder.glob("events.out.tfevents.*"):
            file.unlink()
        self._writer = Writer(str(folder))

    def tracked(self) -> int:
        return -1

    def write(self, round: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, round)
        self._writer.flush()

    def close(self) -> str:
        self._writer.close()
        return f"tensorboard --logdir {self._folder.parent}"


def open_tracker(summary: RunSummary, place: str | None) -> TensorBoard:
    return TensorBoard(Path(place or "tensorboard") / f"{summary.namespace}-{summary.name}-{summary.run_id[:8]}")
