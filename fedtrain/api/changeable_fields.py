"""The fields of a training that may change after its run has begun (`begun.py`). They say when and where it runs, and
do not affect its result. Every other field is immutable then."""

ON_A_CLUSTER = ("suspend", "rounds.deadline", "storage.retentionPolicy")
"""The rule of the CRD. Places stay: the operator finds, resumes and deletes a run by the place in its spec."""

ON_ONE_MACHINE = ("suspend", "rounds.deadline", "storage", "model.s3", "evaluation.hub.data.s3")
"""For `fedtrain run`, a block with all fields in it: a folder may be moved, and the file then names the new place."""


def may_change(field: str) -> bool:
    """Whether a field, a dotted path, may differ from the record of a run that has begun."""
    return any(field == allowed or field.startswith((f"{allowed}.", f"{allowed}[")) for allowed in ON_ONE_MACHINE)
