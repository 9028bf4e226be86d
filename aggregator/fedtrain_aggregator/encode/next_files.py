"""The files of the next global adapter and server state, and their tensors before and after the step."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fedtrain.ledger.ledger import Ledger
from fedtrain_aggregator.encode.segmented_file import SegmentedReader, SegmentedWriter, Zeros, copy_rest
from fedtrain_aggregator.layout import Segment
from fedtrain_aggregator.strategies.server_step import Tensor


@dataclass(frozen=True)
class NextFiles:
    """`in_place`: the previous files are temporary copies, as with a bucket, and are overwritten: a value is not needed
    once it has been stepped. Else the next files are drafts of the store, a folder, that are flushed before they become
    objects, and already while they are written. `files` closes all. Methods may raise StoreError, OSError."""

    ledger: Ledger
    in_place: bool
    files: ExitStack

    def draft(self) -> Path:
        """Return a new file."""
        return self.files.enter_context(self.ledger.draft())

    def after(self, previous: Path, segments: Sequence[Segment]) -> Path:
        """Return the file that becomes the next one, with all bytes outside `segments`."""
        if self.in_place:
            return previous
        following = self.draft()
        copy_rest(previous, following, segments)
        return following

    def tensor(self, previous: Path | None, following: Path, segments: Sequence[Segment]) -> Tensor:
        """Return the tensor in these segments of both files; before the first round it is zero."""
        before = self.files.enter_context(SegmentedReader(previous, segments)) if previous is not None else Zeros()
        return Tensor(before, self.files.enter_context(SegmentedWriter(following, segments, not self.in_place)))

    def tensors(self, previous: Path | None, following: Path, segments: Mapping[str, Segment]) -> Mapping[str, Tensor]:
        return {name: self.tensor(previous, following, [segment]) for name, segment in segments.items()}
