"""`allow.baseModels`: base models that a task may load."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.patterns import matches
from fedtrain.api.rules.policy.rule import Reason, Request, refuses
from fedtrain.listing import listed

_SHOWN = 5
"""Allowed models that a message lists."""


@refuses("allow.baseModels", asks="spec.model.base", change="Use a path without it in {asks}", owner="")
def base_model_stays_in_its_folder(request: Request, policy: ParticipantPolicySpec) -> str | None:
    """`HuggingFaceTB/../../etc` would match `HuggingFaceTB/*`."""
    if ".." in request.base.split("/"):
        return f"the base model {request.base!r} contains '..'"
    return None


@refuses("allow.baseModels", asks="spec.model.base", owner="add the model to {field}")
def base_model_is_allowed(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    allowed = policy.allow.base_models
    if not allowed or any(matches(pattern, request.base, "[^/]") for pattern in allowed):
        return None
    shown = sorted(allowed[:_SHOWN], key=lambda one: "*" in one)
    models = [f"one that matches `{one}`" if "*" in one else f"`{one}`" for one in shown]
    models += ["another one that the policy lists"] if allowed[_SHOWN:] else []
    return Reason(f"the base model {request.base!r} is not allowed", f"Set {{asks}} to {listed(models, 'or')}")
