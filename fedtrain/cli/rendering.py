"""The Kubernetes objects of a round, built as the operator builds them.

Values that only a cluster knows are placeholders: the run id (and the hash in names), the uids of the training
that owns the hub's Jobs and of tasks, digests, and fingerprints of data.
"""

from collections.abc import Iterator

from fedtrain.api.reading.federation import Federation
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.cli.errors import UserError
from fedtrain.cli.on_cluster import Json, namespace_of, records_of
from fedtrain.contracts.records import ModelFacts, Run
from fedtrain.manifests.admission import Here, accepted
from fedtrain.manifests.hub_job import hub_job
from fedtrain.manifests.policy_check import Refusal, capped, judge
from fedtrain.manifests.pytorch_job import PyTorchJobs
from fedtrain.manifests.settings import Settings
from fedtrain.manifests.training_task import training_task
from fedtrain.preview.dry_run import RUN_ID, DryRun, Ends
from fedtrain.preview.model_facts import base_facts
from fedtrain.preview.rounds_preview import supposed
from fedtrain.preview.row_counts import Rows, count
from fedtrain.rounds.decision import AggregateOrder, Start

NO_UID = "00000000-0000-0000-0000-000000000000"
"""Uid of a training or task that does not exist yet."""

ENOUGH = 1000
"""Rows of each participant where the number does not matter."""


class Renderer:
    """Renders one federation. Raises UserError if the operator would not accept it."""

    def __init__(self, federation: Federation, settings: Settings) -> None:
        self._federation = federation
        self._settings = settings
        self._spec = federation.training.spec
        metadata = federation.training.metadata
        self._run = Run(run_id=RUN_ID, namespace=metadata.namespace, name=metadata.name, spec={})
        said = accepted(self._spec, Here(metadata.namespace), records_of(federation))
        if said.status == "False":
            raise UserError(f"the operator would not accept this training: {said.message}")

    @property
    def without_record(self) -> list[str]:
        """Participants without a Participant object in the files."""
        return [one.name for one in self._spec.participants if one.name not in self._federation.records]

    def objects(self, round: int, rows: Rows) -> Iterator[Json]:
        """Yield the objects in the order of their creation. `rows` overrides participants' numbers of rows, as in
        `preview`, whose exceptions this raises; round 0 needs none."""
        last = (
            round + 1 if round == self._spec.rounds.count else round
        )  # participants measure the result after the last round
        try:
            for start in self._dry_run(round, rows).orders(last):
                if round <= start.key.round <= last:
                    yield from self._of(start)
        except Ends as ends:
            raise UserError(f"round {round} would not run: {ends}") from ends

    def _of(self, start: Start) -> Iterator[Json]:
        key, order = start.key, start.order
        if isinstance(order, AggregateOrder) or key.who.startswith("_"):
            yield hub_job(self._spec, self._run, key, order, self._settings, NO_UID)
            return
        task = training_task(self._spec, self._run, key, order, namespace_of(self._federation, key.who))
        yield task
        ordered, policy = TrainingTaskSpec.model_validate(task["spec"]), self._federation.policies[key.who].spec
        launcher = PyTorchJobs(self._settings.trainer_image, self._settings.trainer_pull_policy)
        judged = judge(ordered, policy, launcher.image)
        if isinstance(judged, Refusal):
            raise UserError(f"{key.who} would refuse its task: {judged.message}")
        known = {**task, "metadata": {**task["metadata"], "uid": NO_UID}}  # its signed requests are mounted by uid
        yield launcher.render(known, capped(ordered, policy), judged, policy)

    def _dry_run(self, round: int, rows: Rows) -> DryRun:
        enough = dict.fromkeys(self._spec.data.names, ENOUGH)
        everywhere = {one.name: enough for one in self._spec.participants}
        counted = count(self._federation, rows) if round > 0 else everywhere
        facts = base_facts(self._federation) if round > 0 else None
        if facts is None and round > 0 and self._spec.partitioning.strategy == "DataVolumeAndGPUMemory":
            raise UserError(
                f"DataVolumeAndGPUMemory needs the sizes of the base model {self._spec.model.base}, which is not on "
                "this machine",
                "Render --round 0, which needs no sizes, or download the base model.",
            )
        unknown = ModelFacts(base_parameters=0, adapter_parameters=0, hidden_size=0, layers=0, vocabulary=0)
        preflights = {name: supposed(self._federation, name, number) for name, number in counted.items()}
        return DryRun(self._spec, self._run, preflights, facts or unknown)
