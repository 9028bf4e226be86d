"""Errors of a training that the policies in its files refuse."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.paths import Path as FieldPath
from fedtrain.api.paths import show
from fedtrain.api.reading import Federation, FieldError, Invalid
from fedtrain.cli.error_places import LocatedDocuments, Place, error_at
from fedtrain.cli.missing_format import read_with_format_of_rows

if TYPE_CHECKING:
    from fedtrain.manifests.privacy_ledger import Entry

HERE = ("limits", "minimums", "privacy")
"""Fields of a policy that judge a training on one machine too. The others are about namespaces, images and pods."""


def read_for_this_machine(file: Path) -> Federation:
    """Read the federation of one machine. Raises Invalid, also if its limits, minimums or privacy are refused by a
    policy in the file."""
    federation = read_with_format_of_rows(file)
    if refused := list(refused_by_policies(federation, LocatedDocuments((file,)), HERE, spent_by_others(federation))):
        raise Invalid(refused)
    return federation


def spent_by_others(federation: Federation) -> Mapping[str, Mapping[str, "Entry"]]:
    """The privacy loss of other trainings, for policies that limit it. Raises UserError."""
    if all(policy.spec.privacy.max_epsilon is None for policy in federation.policies.values()):
        return {}
    from fedtrain.cli.errors import UserError
    from fedtrain.manifests.privacy_ledger import LedgerUnreadable
    from fedtrain.runner import privacy_files

    try:
        return privacy_files.spent_by_others(federation)
    except LedgerUnreadable as error:
        raise UserError(str(error)) from error


def refused_by_policies(
    federation: Federation,
    documents: LocatedDocuments,
    fields: tuple[str, ...] = (),
    spent: Mapping[str, Mapping[str, "Entry"]] | None = None,
) -> Iterator[FieldError]:
    """Refusals of the participants' policies, each with the line of the policy's field. `fields`: those of a policy
    that count; without them, all. `spent`: entries of other trainings in the ledgers of privacy, by participant."""
    judging = [policy for policy in federation.policies.values() if not fields or _has_any(policy, fields)]
    if not judging:
        return
    from fedtrain.cli.missing_privacy import is_about_privacy, missing_privacy
    from fedtrain.manifests.policy_check import refused_by
    from fedtrain.preview.policy_refusals import policy_refusals

    found = policy_refusals(federation, spent)
    if (error := missing_privacy(federation, found, documents)) is not None:
        yield error
    for who, refused in found.items():
        for refusal in refused:
            path = _policy_field(refusal.rule)
            if fields and not set(fields).intersection(path[1:2]):
                continue
            if error is not None and is_about_privacy(refusal):
                continue
            place = documents.find("ParticipantPolicy", who)
            problem, _, advice = refusal.message.removeprefix(refused_by(who, refusal.rule)).partition(". ")
            asking, line = _asking(federation, documents.find("FederatedTraining"), refusal.asks, who)
            change = f"{advice or f'Change {asking}'}{line}"
            fix = f"{change}, or ask the owner of {who} to change {'.'.join(path)}."
            yield error_at(place, path, f"{problem[:1].upper()}{problem[1:]}.", fix, item=f"policy {who}")


def _asking(federation: Federation, place: Place, asks: str | None, who: str) -> tuple[str, str]:
    """The training's field that asks for what a policy refuses, and its place: for a field that is not in the file,
    that of the block around it."""
    if asks is None:
        return "the training", ""
    file, document = place
    path: FieldPath = tuple(asks.split("."))
    if path[:2] == ("spec", "participants"):
        names = [participant.name for participant in federation.training.spec.participants]
        path = (*path[:2], names.index(who), *path[2:])
    return show(path), f" ({file}, line {document.spot_of(path)[0]})"


def _has_any(policy: ParticipantPolicy, fields: tuple[str, ...]) -> bool:
    return any(name in policy.spec.model_fields_set for name in fields)


def _policy_field(rule: str | None) -> tuple[str, ...]:
    """The path of a rule's field in a ParticipantPolicy."""
    return ("spec",) if rule in (None, "spec") else ("spec", *rule.split("."))
