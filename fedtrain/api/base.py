"""Base class and scalar types of all blocks of the API.

Scalars are strict, as in the Kubernetes API server: `"8"` is not a number. Names in YAML are camelCase, in Python
snake_case. Durations (`90s`, `30m`, `2h`) and quantities (`40Gi`) are kept as the user's strings;
`seconds()` and `quantity()` parse them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, TypeVar, overload

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_camel

from fedtrain.latin_letters import latin_letters

API_VERSION = "fedtrain.dev/v1alpha1"

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"
AMOUNT_PATTERN = r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$"
"""Any quantity of Kubernetes that is not negative."""
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"
CPU_PATTERN = r"^[0-9]+(\.[0-9]+)?m?$"
DNS_LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
ANY_NAMESPACE_PATTERN = r"^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"
INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$"
OBJECT_NAME_PATTERN = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
TIME_OF_DAY_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
LONGEST_NAME = 40
"""Characters of the name of a training, participant or policy: names of pods and labels are longer, and end at 63."""
RESOURCE_PATTERN = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$"


@dataclass(frozen=True, kw_only=True)
class Union:
    """A union as in the Kubernetes API: each value of the field `discriminator` may have a member field, which can
    be set only with that value. `required` and `optional` map values to member fields, by their names in YAML."""

    discriminator: str
    required: Mapping[str, str] = field(default_factory=dict[str, str])
    optional: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def members(self) -> dict[str, str]:
        """All member fields, by the value that they need."""
        return {**self.required, **self.optional}

    def value_of(self, member: object) -> str | None:
        """Return the value that a field needs; None if it is not a member."""
        return next((value for value, name in self.members.items() if name == member), None)


class Block(BaseModel):
    """A block of a manifest: immutable, rejects unknown fields, camelCase in YAML."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
    unions: ClassVar[tuple[Union, ...]] = ()


Count = Annotated[int, Strict(), Field(ge=1)]
NonNegativeInt = Annotated[int, Strict(), Field(ge=0)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
PositiveFloat = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Strict(), Field(ge=0, lt=1, allow_inf_nan=False)]
Text = Annotated[str, Strict(), Field(min_length=1, max_length=1024)]
Name = Annotated[str, Strict(), Field(pattern=DNS_LABEL_PATTERN, max_length=LONGEST_NAME)]
DnsLabel = Annotated[str, Strict(), Field(pattern=DNS_LABEL_PATTERN, max_length=63)]
ObjectName = Annotated[str, Strict(), Field(pattern=OBJECT_NAME_PATTERN, max_length=253)]
Duration = Annotated[str, Strict(), Field(pattern=DURATION_PATTERN, max_length=32)]
Quantity = Annotated[str, Strict(), Field(pattern=QUANTITY_PATTERN, max_length=32)]
AnyNamespace = Annotated[str, Strict(), Field(pattern=ANY_NAMESPACE_PATTERN, max_length=63)]
Instant = Annotated[str, Strict(), Field(pattern=INSTANT_PATTERN, max_length=32)]
Cpu = Annotated[str, Strict(), Field(pattern=CPU_PATTERN, max_length=32)]
ResourceName = Annotated[str, Strict(), Field(pattern=RESOURCE_PATTERN, max_length=253)]
TimeOfDay = Annotated[str, Strict(), Field(pattern=TIME_OF_DAY_PATTERN, max_length=5)]
Switch = Annotated[bool, Strict()]
Toggle = Literal["Auto", "Enabled", "Disabled"]

Limit = TypeVar("Limit", int, str)

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)")
_UNITS: dict[str, Decimal] = {
    "": Decimal(1),
    **{unit: Decimal(10) ** (3 * power) for power, unit in enumerate("num", -3)},
    **{unit: Decimal(10) ** (3 * power) for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(2) ** (10 * power) for power, unit in enumerate("KMGTPE", 1)},
}


def seconds(duration: str) -> float:
    """Return the seconds of a duration such as `90s` or `1h30m`."""
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|[smhd])", duration))


_NOT_TEXT = re.compile(r"[0-9]+(e-?[0-9]+)?|0[ox][0-9a-f]+|0b[01]+|true|false|null|yes|no|on|off|y|n")
"""Names that are a number, a boolean or null to a reader of YAML 1.2 or, as kubectl, of YAML 1.1."""


def label_in_yaml(name: str) -> str:
    """Return a name as it is written in YAML: in quotes if it would be a number, a boolean or null without."""
    return f'"{name}"' if _NOT_TEXT.fullmatch(name) else name


def as_label(text: str) -> str | None:
    """The nearest valid Kubernetes name: `bank-a` for `Bank_A`."""
    label = re.sub(r"[^a-z0-9]+", "-", latin_letters(text))[:LONGEST_NAME].strip("-")
    return label or None


@overload
def smallest(first: Limit, /, *others: Limit | None) -> Limit: ...
@overload
def smallest(*limits: Limit | None) -> Limit | None: ...
def smallest(*limits: Limit | None) -> Limit | None:
    """Return the smallest of the limits that are set, such as those of policy, request and device; None if none is."""
    return min((limit for limit in limits if limit is not None), default=None, key=amount)


def amount(limit: str | int) -> Decimal:
    """Return the number of a quantity of Kubernetes, such as `500m`, `40Gi` or `1e3`."""
    number, unit = _NUMBER.fullmatch(str(limit)).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return Decimal(number) * _UNITS[unit]


def quantity(text: str) -> int:
    """Return the bytes of a quantity such as `40Gi`."""
    return int(amount(text))


def in_bytes(text: str | None) -> int | None:
    """Return the bytes of a quantity that may be unset."""
    return None if text is None else quantity(text)
