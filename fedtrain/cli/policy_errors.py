"""Errors of a training that the policies in its files refuse."""

from collections.abc import Iterator
from pathlib import Path

from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.reading import Federation, FieldError, Invalid, read_file
from fedtrain.cli.error_places import LocatedDocuments, error_at

HERE = ("limits", "minimums", "privacy")
"""Fields of a policy that judge a training on one machine too. The others are about namespaces, images and pods."""


def read_for_this_machine(file: Path) -> Federation:
    """Read the federation of one machine. Raises Invalid, also if its limits, minimums or privacy are refused by a
    policy in the file."""
    federation = read_file(file)
    if refused := list(refused_by_policies(federation, LocatedDocuments((file,)), HERE)):
        raise Invalid(refused)
    return federation


def refused_by_policies(
    federation: Federation, documents: LocatedDocuments, fields: tuple[str, ...] = ()
) -> Iterator[FieldError]:
    """Refusals of the participants' policies, each with the line of the policy's field. `fields`: those of a policy
    that count; without them, all."""
    judging = [policy for policy in federation.policies.values() if not fields or _has_any(policy, fields)]
    if not judging:
        return
    from fedtrain.preview.policy_refusals import policy_refusals

    for who, refused in policy_refusals(federation).items():
        for refusal in refused:
            path = _policy_field(refusal.rule)
            if fields and not set(fields).intersection(path[1:2]):
                continue
            place = documents.find("ParticipantPolicy", who)
            fix = f"Change the training, or ask the owner of {who} to change {'.'.join(path)}."
            yield error_at(place, path, f"{refusal.message}.", fix, item=f"policy {who}")


def _has_any(policy: ParticipantPolicy, fields: tuple[str, ...]) -> bool:
    return any(name in policy.spec.model_fields_set for name in fields)


def _policy_field(rule: str | None) -> tuple[str, ...]:
    """The path of a rule's field in a ParticipantPolicy."""
    return ("spec",) if rule in (None, "spec") else ("spec", *rule.split("."))
