"""What verification finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the ledger wrote it. `name` is the object's; `expected` and `found` are given where
    there are two values to compare."""

    name: str
    problem: str
    expected: str | None = None
    found: str | None = None

    def lines(self) -> tuple[str, ...]:
        """The finding in lines: the object, the problem, and the two values below each other."""
        values = (f"expected {self.expected}", f"found    {self.found}") if self.expected is not None else ()
        return (self.name, self.problem, *values)

    def __str__(self) -> str:
        values = f": expected {self.expected}, found {self.found}" if self.expected is not None else ""
        return f"{self.name}: {self.problem}{values}"
