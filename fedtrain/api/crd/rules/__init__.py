"""The rules of fedtrain/api/rules that are on one object, in CEL; one file for each of there.

What looks at the disk, at other documents or at the text of a file has no place here.
"""

from fedtrain.api.base import Block
from fedtrain.api.crd.rule import Rule
from fedtrain.api.crd.rules import (
    base_model,
    measuring,
    metadata,
    participants,
    places,
    pods,
    records,
    storage,
    training,
    unchanging,
    unions,
)

OF_BLOCKS: dict[str, tuple[Rule, ...]] = {
    # where it is judged: the rules, in the order of their messages
    "Model": base_model.RULES,
    "InitialFrom": places.URI,
    "EvaluationData": places.URI,
    "Dataset": places.URI,
    "Rounds": training.DEADLINE,
    "Partitioning": training.EXHAUSTED,
    "DataVolumeAndGPUMemory": participants.GPU_MEMORY,
    "Compute": participants.COMPUTE,
    "Limits": participants.GPU_MEMORY,
    "HubEvaluation": measuring.HUB,
    "FederatedTrainingSpec": (*participants.RULES, *measuring.RULES),
    "ExactMatch": measuring.PATTERN,
    "S3": storage.S3,
    "File": storage.FILE,
    "Pods": pods.MOUNTS,
    "Variable": pods.VARIABLE,
    "ValueFrom": pods.SOURCE,
    "ParticipantRecordSpec": records.RULES,
    "TrainingTaskSpec": unchanging.TASK,
    "FederatedTraining": (*metadata.NAME, *unchanging.TRAINING),
    "ParticipantPolicy": metadata.NAME,
    "ParticipantRecord": metadata.NAME,
    "TrainingTask": metadata.NAME,
}


def rules_of(block: type[Block]) -> tuple[Rule, ...]:
    """The rules on a block: its unions', and its own."""
    return (*unions.rules_of(block), *OF_BLOCKS.get(block.__name__, ()))
