"""Opening a training's ledger with its current credentials, and claiming its run there."""

import asyncio

from fedtrain.api.begun import begun
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.gathering.incoming import Incoming
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.lost_run import LostLedger
from fedtrain.ledger.probe import probe
from fedtrain.ledger.run_claim import SpecDiffers, claim_run, claimed, new_run
from fedtrain.ledger.store import StoreError
from fedtrain.manifests.kinds import Json, Ref
from fedtrain.rounds.clock import RoundClock
from fedtrain_operator.coordinator import blocked
from fedtrain_operator.coordinator.credentials import store_secret
from fedtrain_operator.coordinator.signatures import Signatures
from fedtrain_operator.coordinator.state import Memory
from fedtrain_operator.coordinator.stores import NoCredentials, open_grants, open_ledger
from fedtrain_operator.kube.client import Cluster


async def open_run(
    cluster: Cluster, training: Ref, spec: FederatedTrainingSpec, generation: int, memory: Memory, hint: int
) -> bool:
    """Puts ledger, run and gatherer into `memory`, unless they are there for the same Secret and generation; whether it
    did. `hint`: the probable current round. Raises Blocked, ApiError."""
    secret = await _secret(cluster, training, spec, memory)
    if memory.ledger is None or _data(secret) != _data(memory.secret):
        memory.secret, memory.gatherer = secret, None
        memory.signatures = Signatures()  # they were made with the previous keys
    if memory.gatherer is not None and memory.opened == generation:
        return False
    memory.secret_is_new = False  # it may be corrected at any time, unless the ledger opens with it
    before = memory.run
    wanted = new_run(training.namespace, training.name, spec)

    def claim() -> None:
        ledger = open_ledger(spec.storage, training.namespace, training.name, secret)
        if claimed(ledger) is None:
            if begun(hint):
                raise LostLedger(ledger.url)
            probe(ledger.store, open_ledger(spec.storage, training.namespace, training.name, secret).store)
            open_grants(ledger, wanted.run_id).copies.check()
        memory.ledger, memory.run = ledger, claim_run(ledger, wanted, begun(hint))

    try:
        await asyncio.to_thread(claim)
    except SpecDiffers as error:
        raise blocked.rules("SpecDiffers", " ".join(str(error).split())) from error
    except NoCredentials as error:
        raise blocked.no_credentials(str(error)) from error
    except StoreError as error:
        raise blocked.store(error) from error
    assert memory.ledger is not None
    assert memory.run is not None
    if before is not None and before.run_id != memory.run.run_id:
        memory.clock = RoundClock()  # the spec was corrected before the run began: its deadline starts now
        memory.refusals.stop()
    memory.grants = open_grants(memory.ledger, memory.run.run_id)
    incoming = Incoming(memory.ledger, memory.run.run_id, memory.grants.uploads)
    memory.gatherer = LedgerGatherer(memory.ledger, memory.run, hint, incoming)
    memory.facts, memory.secret_is_new = None, True
    memory.opened = generation
    return True


async def _secret(cluster: Cluster, training: Ref, spec: FederatedTrainingSpec, memory: Memory) -> Json | None:
    """The Secret that the file names, read again unless it was lately."""
    s3 = spec.storage.s3
    if s3 is None or s3.credentials_secret_ref is None:
        return None
    if memory.secret_is_new:
        return memory.secret
    name = Ref(training.namespace, s3.credentials_secret_ref.name)
    try:
        secret = await store_secret(cluster, name)
    except NoCredentials as error:
        raise blocked.no_credentials(str(error)) from error
    memory.secret_is_new = True
    return secret


def _data(secret: Json | None) -> Json | None:
    return None if secret is None else secret.get("data")
