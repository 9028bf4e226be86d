"""Whether an update record belongs to work that the coordinator issued. Coordinators and `ledger verify` share it."""

from collections.abc import Iterable

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Grant, Plan
from fedtrain.contracts.untrusted_records import Update


def was_issued(plan: Plan, grants: Iterable[Grant], participant: str, attempt: int) -> bool:
    """Whether the coordinator issued this attempt: to a member of the plan, the first one or one with a grant."""
    if all(member.participant != participant for member in plan.members):
        return False
    return attempt == 1 or any(grant.who == participant and grant.attempt == attempt for grant in grants)


def fault(plan: Plan, update: Update) -> str | None:
    """Why the record of an issued attempt does not count; None if it does. The file's name must come from the plan's
    digest, which is unknown before the plan is written; the sample counts must be the plan's."""
    if not update.file.startswith(names.plan_prefix(digest_of(plan))):
        return "its record does not name this round's plan, so it was not made for the task of this round"
    member = next(member for member in plan.members if member.participant == update.participant)
    for field, planned, found in (
        ("samples", member.samples, update.samples),
        ("distinct", member.distinct, update.distinct),
    ):
        if planned != found:
            return f"its record counts {found} {field}, but the plan has {planned}"
    return None
