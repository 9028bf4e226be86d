"""`fedtrain participant privacy`: the privacy loss of a participant's data sets over all trainings."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from fedtrain.cli.participant_access import access
from fedtrain.plurals import several

if TYPE_CHECKING:
    from fedtrain.api.participant_policy import Dataset, ParticipantPolicySpec, PolicyPrivacy
    from fedtrain.manifests.privacy_ledger import Entry

    Owner = tuple[str, ParticipantPolicySpec, Callable[[], Mapping[str, Entry]]]
    """A participant, its policy, and the entries of its ledger, which may be unreadable."""


@dataclass(frozen=True)
class TrainingLoss:
    """`training`: namespace/name at the hub; `run_id` is of one run of this name. `releases`: count by key of the
    ledger's entry. `epsilon`: None if it cannot be computed."""

    training: str
    run_id: str
    releases: Mapping[str, int]
    epsilon: float | None


@dataclass(frozen=True)
class DatasetLoss:
    """All trainings on a data set with one unit together. `towards_hub`: epsilon of what the hub has seen, if the
    participant has added a share of the noise in a training, or if the hub's loss is what is limited; None otherwise,
    and if it cannot be computed. `maximum`: `privacy.maxEpsilon`, which limits `towards_hub` with `noiseLocation:
    Client`; None without a limit."""

    participant: str
    dataset: str
    unit: str
    epsilon: float | None
    delta: float
    maximum: float | None
    trainings: tuple[TrainingLoss, ...]
    towards_hub: float | None = None
    limits_hub: bool = False
    """Whether `maximum` limits `towards_hub`."""


@click.command()
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="Federation file of `fedtrain run`: show the ledgers beside its data instead of a cluster's.",
)
@click.option("-n", "--namespace", help="Namespace of the policy. [default: that of the context]")
@click.option("--policy", help="Name of the policy, if the namespace has several.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Output format.")
@access
def privacy(
    file: Path | None,
    namespace: str | None,
    policy: str | None,
    output: str,
    context: str | None,
    kubeconfig: str | None,
) -> None:
    """Show the privacy loss of this participant's data sets over all trainings.

    Each round counts from when its task starts, whether or not the hub used the update. With --file, shows the ledgers
    that `fedtrain run` keeps on this machine.
    """
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.kubectl import NoCluster
    from fedtrain.contracts.as_json import as_json
    from fedtrain.manifests.privacy_ledger import LedgerUnreadable

    if file is not None and (namespace or context or kubeconfig):
        raise click.UsageError("--file is for this machine. Remove --namespace, --context and --kubeconfig.")
    try:
        owners = _on_this_machine(file) if file is not None else _on_a_cluster(namespace, context, kubeconfig)
    except NoCluster as error:
        raise UserError(
            error.message, f"For a run on this machine, add `--file federation.yaml`. {error.hint}"
        ) from error
    try:
        known = [(who, terms, entries()) for who, terms, entries in owners if policy in (None, who)]
    except LedgerUnreadable as error:
        raise UserError(str(error)) from error
    if not known:
        others = ", ".join(who for who, _, _ in owners) or "none"
        place = str(file) if file is not None else "this namespace"
        raise UserError("there is no such ParticipantPolicy", f"Policies in {place}: {others}.")
    found = [
        loss
        for who, terms, entries in known
        for loss in losses(who, terms.privacy, entries, () if file is not None else terms.datasets)
    ]
    if output == "json":
        click.echo(json.dumps(as_json(found), indent=2))
        return
    for loss in found:
        for line in lines(loss):
            click.echo(line)
    for unit in sorted({loss.unit for loss in found}, reverse=True):
        click.echo(_terms(unit))
    if not found:
        click.echo("No training that promises privacy has started yet.")


def _on_a_cluster(namespace: str | None, context: str | None, kubeconfig: str | None) -> list["Owner"]:
    """The participants of a namespace, whose ledger is a ConfigMap."""
    from fedtrain.api.participant_policy import ParticipantPolicySpec
    from fedtrain.cli.kubectl import Kubectl
    from fedtrain.manifests.privacy_ledger import CONFIG_MAP, entries_of

    kubectl = Kubectl(context, kubeconfig)
    where = ["-n", namespace] if namespace else []
    policies = (kubectl.get("participantpolicies.fedtrain.dev", *where) or {}).get("items", [])
    data: dict[str, str] = (kubectl.get("configmap", CONFIG_MAP, *where) or {}).get("data") or {}

    def owner(body: Mapping[str, Any]) -> "Owner":
        who = body["metadata"]["name"]
        return who, ParticipantPolicySpec.model_validate(body["spec"]), lambda: entries_of(data, who)

    return [owner(body) for body in policies]


def _on_this_machine(file: Path) -> list["Owner"]:
    """The participants of a federation file, whose ledgers are files beside their data."""
    from fedtrain.api.reading import read_file
    from fedtrain.runner.privacy_files import entries_of_data

    federation = read_file(file)

    def owner(who: str, policy: "ParticipantPolicySpec") -> "Owner":
        return who, policy, lambda: entries_of_data(federation, policy.datasets)

    return [owner(who, policy.spec) for who, policy in federation.policies.items()]


def losses(
    who: str, rules: "PolicyPrivacy", entries: Mapping[str, "Entry"], datasets: Iterable["Dataset"]
) -> list[DatasetLoss]:
    """Return the loss of each of the participant's data sets, for each unit. `datasets`: on a cluster, those of the
    policy, whose locations may overlap."""
    from fedtrain.manifests.privacy_ledger import Unit, release_of, released, released_of, run_of, sharing, towards_hub

    def loss(dataset: str, unit: Unit) -> DatasetLoss | None:
        names = sharing(datasets, dataset)
        own = {key: entry for key, entry in sorted(entries.items()) if entry.dataset in names}
        trainings = [
            TrainingLoss(
                training=f"{entry.namespace}/{entry.name}",
                run_id=run_of(key) + ("" if entry.dataset == dataset else f", data set {entry.dataset}"),
                releases={text: count for text, count in entry.releases.items() if release_of(text) in releases},
                epsilon=_epsilon(releases, rules.delta),
            )
            for key, entry in own.items()
            if (releases := released_of(entry, unit))
        ]
        total = _epsilon(released(own, names, unit), rules.delta)
        if not trainings:
            return None
        limits_hub = rules.noise_location is not None and unit == "Participant"
        seen = limits_hub or any(entry.shares for entry in own.values() if unit == "Participant")
        hub = _epsilon(towards_hub(own, names, unit), rules.delta) if seen else None
        return DatasetLoss(
            who, dataset, unit, total, rules.delta, rules.max_epsilon, tuple(trainings), hub, limits_hub=limits_hub
        )

    used = sorted({entry.dataset for entry in entries.values()})
    found = [loss(dataset, unit) for dataset in used for unit in get_args(Unit)]
    return [one for one in found if one is not None]


def lines(loss: DatasetLoss) -> list[str]:
    """Return a data set's loss as text."""
    limit = f" of {loss.maximum:g}" if loss.maximum is not None else ""
    seen = loss.limits_hub or loss.towards_hub is not None
    hub = f"; epsilon {_text(loss.towards_hub)}{limit if loss.limits_hub else ''} towards the hub" if seen else ""
    return [
        f"{loss.participant}, data set {loss.dataset}, unit {loss.unit}: epsilon {_text(loss.epsilon)}"
        f"{'' if loss.limits_hub else limit} at delta {loss.delta:g}{hub}",
        *(
            f"  {one.training} (run {one.run_id}): epsilon {_text(one.epsilon)}, "
            + ", ".join(_releases(text, count) for text, count in one.releases.items())
            for one in loss.trainings
        ),
    ]


def _terms(unit: str) -> str:
    """Return what epsilon of this unit depends on."""
    from fedtrain.privacy.terms import TRUST_PROMISE, terms_of_unit

    terms = terms_of_unit(unit, 0.0, TRUST_PROMISE)
    return f"unit {unit}: {terms.relation}; {terms.trust}; accountant: {terms.accountant}"


def _releases(text: str, count: int) -> str:
    from fedtrain.manifests.privacy_ledger import release_of
    from fedtrain.privacy.accounting import Poisson

    release = release_of(text)
    if isinstance(release.sampling, Poisson):
        steps, share = several(count, "step"), release.sampling.probability
        return f"{steps} with noise multiplier {release.multiplier:.4g} and {share:.3g} of the rows"
    return f"{several(count, 'round')} with noise multiplier {release.multiplier:.4g}"


def _text(epsilon: float | None) -> str:
    return "unknown" if epsilon is None else f"{epsilon:.4g}"


def _epsilon(releases: Any, delta: float) -> float | None:
    from fedtrain.privacy.accounting import AccountingError, bounded_epsilon

    try:
        return bounded_epsilon(releases, delta)
    except AccountingError:
        return None
