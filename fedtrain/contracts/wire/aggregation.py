"""The aggregator's input on the wire."""

from fedtrain.api.base import Count
from fedtrain.api.storage import Storage
from fedtrain.contracts.record import CONTRACT_VERSION
from fedtrain.contracts.records import Run
from fedtrain.contracts.wire import blocks
from fedtrain.contracts.wire.base import Wire


class AggregationOrder(Wire):
    """Aggregate the updates that close `k` of a round lists. The spec is in the ledger."""

    contract_version: int = CONTRACT_VERSION
    required_features: tuple[str, ...] = ()
    namespace: str
    name: str
    round: Count
    k: Count
    storage: blocks.Storage

    @classmethod
    def of(cls, run: Run, round: int, k: int, storage: Storage) -> "AggregationOrder":
        """`storage`: the location of the ledger; the order is without its credentials."""
        plain = storage.without_credentials().model_dump_json(by_alias=True, exclude_none=True)
        place = blocks.Storage.model_validate_json(plain)
        return cls(namespace=run.namespace, name=run.name, round=round, k=k, storage=place)

    def text(self) -> str:
        """Return the order as one line of JSON."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    def ledger_storage(self) -> Storage:
        """Return the place of the ledger. Raises ValidationError for a storage type that this version does not know."""
        return Storage.model_validate_json(self.storage.model_dump_json(by_alias=True, exclude_none=True))
