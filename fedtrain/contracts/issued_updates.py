"""Whether an update record belongs to work that the coordinator issued. Coordinators and `ledger verify` share it."""

from collections.abc import Iterable

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Grant, Plan
from fedtrain.contracts.untrusted_records import Update


class IssuedWork:
    """The training tasks of a round. Made once for all updates, because it takes the digest of the whole plan."""

    def __init__(self, plan: Plan, grants: Iterable[Grant]) -> None:
        self._members = {member.participant: member for member in plan.members}
        self._granted = {(grant.who, grant.attempt) for grant in grants}
        self._files = names.plan_prefix(digest_of(plan))

    def contains(self, participant: str, attempt: int) -> bool:
        """Whether the coordinator issued this attempt: to a member of the plan, the first one or one with a grant."""
        return participant in self._members and (attempt == 1 or (participant, attempt) in self._granted)

    def fault(self, update: Update) -> str | None:
        """Why the record of an issued attempt does not count; None if it does. The file's name must come from the
        plan's digest, which is unknown before the plan is written; the sample counts must be the plan's."""
        if not update.file.startswith(self._files):
            return "its record does not name this round's plan, so it was not made for the task of this round"
        member = self._members[update.participant]
        for field, planned, found in (
            ("samples", member.samples, update.samples),
            ("distinct", member.distinct, update.distinct),
        ):
            if planned != found:
                return f"its record counts {found} {field}, but the plan has {planned}"
        return None
