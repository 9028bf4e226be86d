"""What every block of the API shares: the base model and the scalar types.

Scalars are strict, as the Kubernetes API server is: `"8"` is not a number. Names in YAML are camelCase, in Python
snake_case. Durations (`90s`, `30m`, `2h`) and quantities (`40Gi`) stay the strings that the user wrote; `seconds()`
and `quantity()` read them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_camel

API_VERSION = "fedtrain.dev/v1alpha1"

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"
CPU_PATTERN = r"^[0-9]+(\.[0-9]+)?m?$"
DNS_LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
ANY_NAMESPACE_PATTERN = r"^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"
INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$"
OBJECT_NAME_PATTERN = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
RESOURCE_PATTERN = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$"


@dataclass(frozen=True, kw_only=True)
class Union:
    """A union in the sense of the Kubernetes API: each value of the field `discriminator` may have a field that is set
    only with it. `required` and `optional` map values to those fields, by their names in YAML."""

    discriminator: str
    required: Mapping[str, str] = field(default_factory=dict[str, str])
    optional: Mapping[str, str] = field(default_factory=dict[str, str])


class Block(BaseModel):
    """A block of the file: immutable, unknown fields refused, camelCase outside."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
    unions: ClassVar[tuple[Union, ...]] = ()


Count = Annotated[int, Strict(), Field(ge=1)]
NonNegativeInt = Annotated[int, Strict(), Field(ge=0)]
PositiveFloat = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Strict(), Field(ge=0, lt=1, allow_inf_nan=False)]
Text = Annotated[str, Strict(), Field(min_length=1, max_length=1024)]
Name = Annotated[str, Strict(), Field(pattern=DNS_LABEL_PATTERN, max_length=40)]
DnsLabel = Annotated[str, Strict(), Field(pattern=DNS_LABEL_PATTERN, max_length=63)]
ObjectName = Annotated[str, Strict(), Field(pattern=OBJECT_NAME_PATTERN, max_length=253)]
Duration = Annotated[str, Strict(), Field(pattern=DURATION_PATTERN, max_length=32)]
Quantity = Annotated[str, Strict(), Field(pattern=QUANTITY_PATTERN, max_length=32)]
AnyNamespace = Annotated[str, Strict(), Field(pattern=ANY_NAMESPACE_PATTERN, max_length=63)]
Instant = Annotated[str, Strict(), Field(pattern=INSTANT_PATTERN, max_length=32)]
Cpu = Annotated[str, Strict(), Field(pattern=CPU_PATTERN, max_length=32)]
ResourceName = Annotated[str, Strict(), Field(pattern=RESOURCE_PATTERN, max_length=253)]
Switch = Annotated[bool, Strict()]
Toggle = Literal["Auto", "Enabled", "Disabled"]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def seconds(duration: str) -> float:
    """Seconds of a duration such as `90s`, `1h30m`."""
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|[smhd])", duration))


def smallest_quantity(*limits: str | None) -> int | None:
    """Return the smallest of the limits in bytes, such as a policy's and a file's; None if no limit is set."""
    return min((quantity(limit) for limit in limits if limit is not None), default=None)


def quantity(text: str) -> int:
    """Bytes of a quantity such as `40Gi`."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return int(float(number) * _BYTES[unit])
