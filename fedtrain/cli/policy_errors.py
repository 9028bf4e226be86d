"""Errors of a training that the policies in its files refuse."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fedtrain.api.paths import Path as FieldPath
from fedtrain.api.paths import show
from fedtrain.api.reading import Federation, FieldError, Invalid
from fedtrain.api.rules.policy.patterns import matches
from fedtrain.cli.error_places import LocatedDocuments, Place, error_at
from fedtrain.cli.missing_format import read_with_format_of_rows
from fedtrain.listing import listed
from fedtrain.plurals import several

if TYPE_CHECKING:
    from fedtrain.contracts.untrusted_records import Preflight
    from fedtrain.manifests.policy_check import Refusal
    from fedtrain.manifests.privacy_ledger import Entry
    from fedtrain.preview.affordability import Affordability

_SHOWN = 5
"""Allowed trainings that a message lists."""


def read_for_this_machine(file: Path) -> Federation:
    """Read the federation of one machine. Raises Invalid, also if a policy in the file refuses the training."""
    federation = read_with_format_of_rows(file)
    if errors := judged_by_owners(federation, file, counted_for_policies(federation)).errors:
        raise Invalid(errors)
    return federation


def judged_by_owners(federation: Federation, file: Path, counted: Mapping[str, "Preflight"] | None) -> "Affordability":
    """Return why the policies in the file refuse the training on this machine, and which participants cannot afford one
    round. `counted`: the participants' rows, if they are known. Raises UserError."""
    from fedtrain.preview.affordability import affordability

    spent = spent_by_others(federation)
    rows = {who: one.samples for who, one in counted.items()} if counted is not None else None
    found = affordability(federation, rows, spent)
    return replace(found, errors=(*_policy_errors(federation, file, counted, spent), *found.errors))


def counted_for_policies(federation: Federation) -> Mapping[str, "Preflight"] | None:
    """Return the rows of each participant if a policy may depend on them; None if none does, and if they are not on
    this machine."""
    private = federation.training.spec.example_privacy is not None
    policies = [policy.spec for policy in federation.policies.values()]
    if not any(
        policy.minimums.rows_per_round or policy.limits.steps_per_round or (private and policy.privacy.model_fields_set)
        for policy in policies
    ):
        return None
    from fedtrain.preview.rounds_preview import preflights_of_data

    return preflights_of_data(federation)


def _policy_errors(
    federation: Federation,
    file: Path,
    counted: Mapping[str, "Preflight"] | None,
    spent: Mapping[str, Mapping[str, "Entry"]],
) -> list[FieldError]:
    """Return the refusals of policies. With `counted`, `affordability` finds the participants whose `maxEpsilon` allows
    no step. `spent`: by other trainings."""
    if all(policy.spec.model_fields_set <= {"datasets"} for policy in federation.policies.values()):
        return []
    from fedtrain.preview.policy_refusals import policy_refusals, refused_on_one_machine

    found = policy_refusals(federation, refused_on_one_machine, spent, counted)
    if counted is not None and federation.training.spec.example_privacy is not None:
        found = {who: [one for one in some if one.rule != "privacy.maxEpsilon"] for who, some in found.items()}
    return list(errors_of(found, federation, LocatedDocuments((file,)), counted or {}))


def spent_by_others(federation: Federation, *, limited: bool = True) -> Mapping[str, Mapping[str, "Entry"]]:
    """The privacy loss of other trainings. `limited`: only for policies that limit it. Raises UserError."""
    if limited and all(policy.spec.privacy.max_epsilon is None for policy in federation.policies.values()):
        return {}
    from fedtrain.cli.errors import UserError
    from fedtrain.manifests.privacy_ledger import LedgerUnreadable
    from fedtrain.runner import privacy_files

    try:
        return privacy_files.spent_by_others(federation, limited=limited)
    except LedgerUnreadable as error:
        raise UserError(str(error)) from error


def refused_on_the_cluster(federation: Federation, documents: LocatedDocuments) -> Iterator[FieldError]:
    """Return the refusals of the participants' policies on a cluster."""
    if not federation.policies:
        return
    from fedtrain.preview.policy_refusals import policy_refusals, refused_on_a_cluster

    yield from errors_of(policy_refusals(federation, refused_on_a_cluster), federation, documents, {})


def waits_on_the_cluster(federation: Federation) -> Iterator[str]:
    """Yield a warning for each policy that lets the tasks of the training wait: it is suspended, or not approved."""
    if not any(policy.spec.suspend or policy.spec.approval == "Manual" for policy in federation.policies.values()):
        return
    from fedtrain.preview.policy_refusals import policy_refusals, refused_on_one_machine

    for who, refused in policy_refusals(federation, refused_on_one_machine).items():
        for one in refused:
            if one.rule in ("suspend", "approval"):  # `fedtrain run` refuses where a cluster waits
                reason = ". ".join(filter(None, (one.problem, one.change)))
                yield f"the tasks of {who} wait (spec.{one.rule} of its policy): {reason}."


def errors_of(
    found: Mapping[str, Sequence["Refusal"]],
    federation: Federation,
    documents: LocatedDocuments,
    counted: Mapping[str, "Preflight"],
) -> Iterator[FieldError]:
    """Return an error for each refusal, by participant, with the line of the policy's field. `counted`: the rows of
    participants, as far as they are known."""
    from fedtrain.cli.missing_privacy import is_about_privacy, missing_privacy

    if (error := missing_privacy(federation, found, documents)) is not None:
        yield error
    for who, refused in found.items():
        for refusal in refused:
            if error is not None and is_about_privacy(refusal):
                continue
            path = _policy_field(refusal.rule)
            place = documents.find("ParticipantPolicy", who)
            problem, advice = refusal.problem, refusal.change
            if (never := _unreachable(federation, documents, counted, refusal, who)) is not None:
                problem, change = never
            else:
                if refusal.rule == "allow.requesters":
                    advice = _allowed_names(federation, who)
                change = _change(federation, documents.find("FederatedTraining"), advice, refusal.asks, who)
            fix = f"{change}ask the owner of {who} to change {'.'.join(path)}."
            fix = f"{fix[:1].upper()}{fix[1:]}"
            yield error_at(place, path, f"{problem[:1].upper()}{problem[1:]}.", fix, item=f"policy {who}")


def _allowed_names(federation: Federation, who: str) -> str:
    """The advice for a training that the policy's owner does not know. The refusal on a cluster does not contain the
    names: they are those of other trainings."""
    allowed, metadata = federation.policies[who].spec.allow.requesters, federation.training.metadata
    changes = [
        " and ".join(
            _allowed_name(field, pattern)
            for field, pattern, name in (
                ("namespace", one.namespace, metadata.namespace),
                ("name", one.name, metadata.name),
            )
            if not matches(pattern, name)
        )
        for one in allowed[:_SHOWN]
    ]
    changes += ["another pair that the policy lists"] if allowed[_SHOWN:] else []
    return f"Set {listed(list(dict.fromkeys(changes)), 'or')}"


def _allowed_name(field: str, pattern: str) -> str:
    if "*" in pattern:
        return f"`metadata.{field}` to a name that matches `{pattern}`"
    return f"`metadata.{field}: {pattern}`"


def _unreachable(
    federation: Federation,
    documents: LocatedDocuments,
    counted: Mapping[str, "Preflight"],
    refusal: "Refusal",
    who: str,
) -> tuple[str, str] | None:
    """The problem and the changes of the training, up to `or`, for a minimum that no value of a field reaches; None for
    others."""
    minimums, participants = federation.policies[who].spec.minimums, len(federation.training.spec.participants)
    rule, required = refusal.rule, minimums.participants_per_round or 0
    if rule == "minimums.participantsPerRound" and required > participants:
        more = several(required - participants, "participant")
        raised = f"set `rounds.minParticipants: {required}`"
        change = _change(federation, documents.find("FederatedTraining"), f"add {more} and {raised}", refusal.asks, who)
        problem = f"the policy requires {several(required, 'participant')} in each round, but the training has"
        return f"{problem} {participants}", f"{change.removesuffix(', or ')}, leave {who} out, or "
    if rule == "minimums.rowsPerRound" and who in counted and (minimums.rows_per_round or 0) > counted[who].samples:
        rows = several(counted[who].samples, "training row")
        problem = f"the data of {who} has {rows} in all; the minimum is {minimums.rows_per_round}"
        return problem, f"add rows, leave {who} out, or "
    return None


def _change(federation: Federation, place: Place, advice: str, asks: str | None, who: str) -> str:
    """How to change the training so that a policy accepts it, up to `or`; empty if no change helps. Names the line of
    the field that asks for what the policy refuses: for a field that is not in the file, that of the block around
    it."""
    if asks is None:
        return f"{advice}, or " if advice else ""
    file, document = place
    path: FieldPath = tuple(asks.split("."))
    if path[:2] == ("spec", "participants"):
        names = [participant.name for participant in federation.training.spec.participants]
        path = (*path[:2], names.index(who), *path[2:])
    return f"{advice or f'Change {show(path)}'} ({file}, line {document.spot_of(path)[0]}), or "


def _policy_field(rule: str | None) -> tuple[str, ...]:
    """The path of a rule's field in a ParticipantPolicy."""
    return ("spec",) if rule in (None, "spec") else ("spec", *rule.split("."))
