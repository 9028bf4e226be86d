"""A training without `spec.privacy` whose policies require it: one error with all that the file lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import PolicyPrivacy
from fedtrain.api.privacy import Privacy
from fedtrain.api.reading import Federation, FieldError
from fedtrain.api.reading.flow_style import Literal, flow
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.reading.other_changes import other_changes, with_privacy
from fedtrain.api.rules.context import Found, Place
from fedtrain.cli.error_places import LocatedDocuments, error_at
from fedtrain.manifests.policy_check import Refusal
from fedtrain.preview.policy_refusals import policy_refusals, refused_on_one_machine

_DEFAULT_EPSILON = 8.0


def is_about_privacy(refusal: Refusal) -> bool:
    """Whether a field of `privacy` in the policy refuses the training."""
    return (refusal.rule or "").startswith("privacy.")


def missing_privacy(
    federation: Federation, refused: Mapping[str, Sequence[Refusal]], documents: LocatedDocuments
) -> FieldError | None:
    """Return the error of a training that promises no privacy although policies require it; None for another one.
    `refused`: by participant."""
    who = [name for name, refusals in refused.items() if any(map(is_about_privacy, refusals))]
    if federation.training.spec.privacy is not None or not who:
        return None
    place = _, document = documents.find("FederatedTraining")
    wanted = _wanted(federation, [federation.policies[name].spec.privacy for name in who])
    promise = Privacy.model_validate(wanted)
    elsewhere = other_changes(_found(federation), promise, federation.path.parent, document)
    changes = [f"add `privacy: {flow(_written(wanted))}` to spec", *elsewhere]
    units = _units(federation, who, documents)
    if len(units) > 1:
        by_unit = " and ".join(f"{unit} ({', '.join(owners)})" for unit, owners in units.items())
        message = f"privacy is missing, but the policies require different units: {by_unit}."
        changes[0] = f"add `privacy` to spec with that unit, for example `privacy: {flow(_written(wanted))}`"
        changes.insert(0, "agree with their owners on one unit, set it as `privacy.unit` of these policies")
    else:
        owners = ", ".join(f"{name} ({_line(documents, name)})" for name in who)
        several = len(who) > 1
        message = f"privacy is missing, but the {'policies' if several else 'policy'} of {owners} "
        message += "require it." if several else "requires it."
    fix = ", and ".join(changes)
    return error_at(place, ("spec", "privacy"), message, f"{fix[:1].upper()}{fix[1:]}.")


def _units(federation: Federation, who: Sequence[str], documents: LocatedDocuments) -> Mapping[str, Sequence[str]]:
    """The units that the policies require, each with the participants and the places of their policies."""
    units: dict[str, list[str]] = {}
    for name in who:
        if (unit := federation.policies[name].spec.privacy.unit) is not None:
            units.setdefault(unit, []).append(f"{name}, {_line(documents, name)}")
    return units


def _line(documents: LocatedDocuments, who: str) -> str:
    """The place of `privacy` in a participant's policy: `line 52`."""
    file, document = documents.find("ParticipantPolicy", who)
    elsewhere = f"{file}, " if file != documents.find("FederatedTraining")[0] else ""
    return f"{elsewhere}line {document.spot_of(('spec', 'privacy'))[0]}"


def _wanted(federation: Federation, terms: Sequence[PolicyPrivacy]) -> dict[str, Any]:
    """Return the smallest promise that the policies accept."""
    unit = next((one.unit for one in terms if one.unit is not None), "Participant")
    epsilon = min((one.max_epsilon for one in terms if one.max_epsilon is not None), default=_DEFAULT_EPSILON)
    delta = min(one.delta for one in terms)
    wanted: dict[str, Any] = {
        "unit": unit,
        "budget": {"epsilon": epsilon, "delta": delta},
        "clipping": {"type": "Fixed", "norm": 1.0},
    }
    noises: dict[str, Any] = {}
    if unit == "Participant" and any(one.noise_location for one in terms):
        noises["location"] = wanted["clipping"]["location"] = "Client"
    noise = max((one.min_noise_multiplier for one in terms if one.min_noise_multiplier is not None), default=None)
    if noise is None or not _may_be_too_little_noise(federation, wanted):
        return {**wanted, "noise": noises} if noises else wanted
    return {**wanted, "noise": {"type": "Multiplier", "multiplier": noise, **noises}}


def _may_be_too_little_noise(federation: Federation, wanted: Mapping[str, Any]) -> bool:
    if wanted["unit"] == "Example":
        return True  # the noise that the budget needs depends on the rows, which may be elsewhere
    found = policy_refusals(_with(federation, wanted), refused_on_one_machine)
    return any(one.rule == "privacy.minNoiseMultiplier" for refusals in found.values() for one in refusals)


def _with(federation: Federation, wanted: Mapping[str, Any]) -> Federation:
    """The federation with the promise."""
    training = with_privacy(_found(federation), Privacy.model_validate(wanted))
    return replace(federation, training=training.value)


def _found(federation: Federation) -> Found[FederatedTraining]:
    return Found(federation.training, Place(0, ()))


def _written(value: Any) -> Any:
    """Numbers as they are written in a file: `1e-5`, not `1e-05`."""
    if is_map(value):
        return {name: _written(one) for name, one in value.items()}
    return Literal(f"{value:g}".replace("e-0", "e-")) if isinstance(value, float) else value
