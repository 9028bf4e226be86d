"""A training on the control plane, and its operators, as a test of faults sees them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedtrain.ledger.ledger import Ledger
from hack.cluster.api import Api, Json
from hack.cluster.s3_server import S3Server
from tests.controlplane.faults.operators import SupervisedOperator
from tests.controlplane.training import Digests, Federation


@dataclass(frozen=True)
class Scene:
    """Bucket and Secret are there; the training is not, and no operator runs. `folder`: where their logs are."""

    federation: Federation
    api: Api
    s3_server: S3Server
    zygote: str
    kubeconfig: Path
    folder: Path

    def operator(self, **settings: str) -> SupervisedOperator:
        return SupervisedOperator(self.zygote, self.kubeconfig, self.folder, **settings)

    def apply(self, **changes: Any) -> None:
        self.federation.apply(self.api, self.s3_server, **changes)

    def change(self, **fields: Any) -> None:
        self.federation.change(self.api, **fields)

    def delete(self) -> None:
        self.federation.delete(self.api)

    @property
    def status(self) -> Json:
        return self.federation.status(self.api)

    @property
    def bucket(self) -> Json:
        return self.federation.bucket(self.s3_server)

    @property
    def ledger(self) -> Ledger:
        return self.federation.ledger(self.s3_server)

    def condition(self, name: str) -> Json:
        return self.federation.condition(self.api, name)

    def succeeded_with(self, expected: Digests) -> Ledger:
        return self.federation.succeeded_with(expected, self.api, self.s3_server)

    def at_banks(self, resource: str, text: str = "") -> list[Json]:
        return self.federation.at_banks(self.api, resource, text)
