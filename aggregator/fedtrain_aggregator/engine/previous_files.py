"""Files of the previous round: the global adapter's tensors at once, and the files once they have been checked."""

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import HeaderFile, TensorEntry, header_bytes, parse_header
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import StoreUnavailable
from fedtrain_aggregator.errors import Refused

_ADAPTER = "The global adapter of the previous round"


@dataclass(frozen=True)
class PreviousFiles:
    """`tensors`: those of the adapter, by a header that was read on its own. Publish nothing that depends on them until
    `adapter` has returned."""

    tensors: Mapping[str, TensorEntry]
    _header: bytes
    _adapter: Future[Path]
    _state: Future[Path] | None

    def adapter(self) -> Path:
        """Wait for the adapter. Raises StoreError, OSError."""
        path = self._adapter.result()
        if header_bytes(HeaderFile(path), _ADAPTER) != self._header:
            raise StoreUnavailable(f"{_ADAPTER} was read twice, and its headers differ. Check the store.")
        return path

    def state(self) -> Path | None:
        """Wait for the server state; None before the first committed round. Raises StoreError, OSError."""
        return self._state.result() if self._state is not None else None


@contextmanager
def previous_files(ledger: Ledger, previous: Manifest, folder: Path) -> Generator[PreviousFiles]:
    """Read the header of the adapter. Meanwhile both files are checked, with a bucket after they have been copied to
    `folder`. Raises Refused if the adapter is not a safetensors file, StoreError, OSError."""
    with ThreadPoolExecutor(2) as pool:
        adapter = pool.submit(ledger.blob_file, previous.adapter, folder)
        state = pool.submit(ledger.blob_file, previous.state, folder) if previous.state is not None else None
        try:
            yield PreviousFiles(*_header(ledger, previous.adapter), adapter, state)
        except Refused:
            adapter.result()  # a damaged file is reported as such
            raise


def _header(ledger: Ledger, digest: Digest) -> tuple[Mapping[str, TensorEntry], bytes]:
    try:
        with closing(ledger.open_blob(digest)) as reader:
            header = header_bytes(reader, _ADAPTER)
            return parse_header(header, reader.size, _ADAPTER), header
    except AdapterFileError as error:
        raise Refused(str(error)) from None
