"""What verification finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the ledger wrote it. `name` is the object's; `expected` and `found` are given where
    there are two values to compare. `other`: the record that may have been changed instead. `used_by`: the rounds that
    use the object, if it is a blob."""

    name: str
    problem: str
    expected: str | None = None
    found: str | None = None
    other: str | None = None
    used_by: frozenset[int] | None = None

    def lines(self) -> tuple[str, ...]:
        """The finding in lines: the object, the problem, and the two values below each other."""
        values = (f"expected {self.expected}", f"found    {self.found}") if self.expected is not None else ()
        return (self.name, self.problem, *values)

    def __str__(self) -> str:
        values = f": expected {self.expected}, found {self.found}" if self.expected is not None else ""
        return f"{self.name}: {self.problem}{values}"
