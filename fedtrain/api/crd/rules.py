"""The validations of each schema: rules with a CEL expression, and rules that only an API server needs."""

from fedtrain.api.base import DNS_LABEL_PATTERN, LONGEST_NAME, Block
from fedtrain.api.crd.immutable import TASK, TRAINING
from fedtrain.api.crd.validation import Validation, validation
from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.rules import RULES
from fedtrain.api.rules.rule import regex
from fedtrain.api.training_task import TrainingTask, TrainingTaskSpec

_NAME = (
    Validation(
        valid=f"self.metadata.name.size() <= {LONGEST_NAME}",
        field="metadata.name",
        message=f"The name has {{length}} characters. Use at most {LONGEST_NAME}.",
        values={"length": "self.metadata.name.size()"},
    ),
    Validation(
        valid=f"self.metadata.name.size() > {LONGEST_NAME} || self.metadata.name.matches({regex(DNS_LABEL_PATTERN)})",
        field="metadata.name",
        message='"{name}" is not a valid name. Use `{label}` (a-z, 0-9 and -).',
        values={"name": "self.metadata.name", "label": "self.metadata.name.lowerAscii().replace('.', '-')"},
    ),
)
"""Kubernetes allows dots and 253 characters in the names of objects; names of pods and labels are shorter."""

_ONLY_API_SERVER: dict[type[Block], tuple[Validation, ...]] = {
    FederatedTraining: (*_NAME, *TRAINING),
    ParticipantPolicy: _NAME,
    ParticipantRecord: _NAME,
    TrainingTask: _NAME,
    TrainingTaskSpec: TASK,
}


def validations_of(block: type[Block]) -> tuple[Validation, ...]:
    """The validations of a block."""
    rules = (
        validation(rule, rule.cel)
        for rule in RULES
        if rule.cel and not rule.cel.of_field and issubclass(block, rule.cel.block or rule.block)
    )
    return (*rules, *_ONLY_API_SERVER.get(block, ()))


def validations_of_field(block: type[Block], field: str) -> tuple[Validation, ...]:
    """The validations of one field of a block."""
    return tuple(
        validation(rule, rule.cel)
        for rule in RULES
        if rule.cel and rule.cel.of_field and issubclass(block, rule.block) and rule.field == field
    )
