"""The valid values of each field, derived from the models: for messages, CRDs and the reference."""

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from fedtrain.api.base import (
    AMOUNT_PATTERN,
    ANY_NAMESPACE_PATTERN,
    CPU_PATTERN,
    DNS_LABEL_PATTERN,
    DURATION_PATTERN,
    INSTANT_PATTERN,
    OBJECT_NAME_PATTERN,
    QUANTITY_PATTERN,
    RESOURCE_PATTERN,
    TIME_OF_DAY_PATTERN,
    VARIABLE_PATTERN,
    Block,
)

Kind = Literal["Integer", "Number", "Text", "Switch", "Choice", "Map", "List", "Table"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """`minimum` and `maximum` are inclusive, `above` and `below` are not; `shortest` and `longest` count characters
    or items. A `Map` is a block; a `Table` has keys of the user's own, and an `item` for each."""

    kind: Kind
    optional: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None
    shortest: int | None = None
    longest: int | None = None
    pattern: str | None = None
    block: type[Block] | None = None
    item: "Shape | None" = None


@dataclass(frozen=True)
class FieldOf:
    """A field of a block: its name in Python and in YAML. `block` is None for a field of Kubernetes."""

    attribute: str
    name: str
    info: FieldInfo
    shape: Shape
    block: type[Block] | None = None

    @property
    def required(self) -> bool:
        return self.info.is_required()


@cache
def fields_of(block: type[Block]) -> dict[str, FieldOf]:
    """The fields of a block by their names in YAML, in order, inherited ones last."""
    found: dict[str, FieldOf] = {}
    own = [name for name in block.__annotations__ if name in block.model_fields]
    for attribute in dict.fromkeys((*own, *block.model_fields)):
        info = block.model_fields[attribute]
        name = info.alias or attribute
        found[name] = FieldOf(attribute, name, info, _constrained(_shape(info.annotation), info.metadata), block)
    return found


def field_at(block: type[Block], path: Iterable[str | int]) -> FieldOf | None:
    """The field that `path` leads to from `block`; of an item of a list or a table, the list's or table's own field."""
    here: type[Block] | None = block
    field: FieldOf | None = None
    for step in path:
        if isinstance(step, int) or (field is not None and field.shape.kind == "Table"):
            continue
        field = fields_of(here).get(step) if here else None
        if field is None:
            return None
        here = block_of(field.shape)
    return field


def block_at(block: type[Block], path: Iterable[str | int]) -> type[Block] | None:
    """The block at `path`."""
    path = tuple(path)
    if not path:
        return block
    field = field_at(block, path)
    return block_of(field.shape) if field else None


def block_of(shape: Shape) -> type[Block] | None:
    """The block that a field holds, or that the items of its list are."""
    return block_of(shape.item) if shape.item else shape.block


_SCALARS: dict[type, Kind] = {int: "Integer", float: "Number", str: "Text", bool: "Switch"}


def _shape(annotation: Any) -> Shape:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _constrained(_shape(args[0]), args[1:])
    if origin in (Union, types.UnionType):
        (only,) = (arg for arg in args if arg is not type(None))
        return replace(_shape(only), optional=True)
    if origin is Literal:
        return Shape(kind="Choice", choices=args)
    if origin is Mapping:
        return Shape(kind="Table", item=_shape(args[1]))
    if origin is tuple:
        return Shape(kind="List", item=_shape(args[0]))
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return Shape(kind="Map", block=annotation)
    return Shape(kind=_SCALARS[annotation])


def _constrained(shape: Shape, metadata: Iterable[Any]) -> Shape:
    for constraint in metadata:
        match constraint:
            case FieldInfo(metadata=inner):
                shape = _constrained(shape, inner)
            case Ge(ge=bound):
                shape = replace(shape, minimum=bound)
            case Gt(gt=bound):
                shape = replace(shape, above=bound)
            case Le(le=bound):
                shape = replace(shape, maximum=bound)
            case Lt(lt=bound):
                shape = replace(shape, below=bound)
            case MinLen(min_length=length):
                shape = replace(shape, shortest=length)
            case MaxLen(max_length=length):
                shape = replace(shape, longest=length)
            case _ if isinstance(pattern := getattr(constraint, "pattern", None), str):
                shape = replace(shape, pattern=pattern)
            case _:
                pass
    return shape


_PATTERNS = {
    DURATION_PATTERN: "a duration such as `90s`, `30m` or `2h`",
    QUANTITY_PATTERN: "a size such as `40Gi`",
    AMOUNT_PATTERN: "an amount such as `500m` or `40Gi`",
    ANY_NAMESPACE_PATTERN: 'a namespace, or `"*"` for all',
    CPU_PATTERN: 'cores such as `"4"` or `500m`',
    DNS_LABEL_PATTERN: "a name of a-z, 0-9 and -, such as `bank-a`",
    INSTANT_PATTERN: "a time such as `2025-06-01T12:00:00Z`",
    OBJECT_NAME_PATTERN: "a name of a-z, 0-9, - and ., such as `my-secret`",
    RESOURCE_PATTERN: "a node resource such as `nvidia.com/gpu`: `kubectl describe node` lists them under Allocatable",
    TIME_OF_DAY_PATTERN: 'a time of day such as `"20:00"`',
    VARIABLE_PATTERN: "a name such as `HF_TOKEN`",
}


def mismatch(shape: Shape) -> str:
    """Return the problem of a value that does not match its pattern, such as "not a duration"."""
    names = {
        AMOUNT_PATTERN: "not an amount",
        DURATION_PATTERN: "not a duration",
        QUANTITY_PATTERN: "not a size",
        DNS_LABEL_PATTERN: "not a valid name",
        INSTANT_PATTERN: "not a time",
        OBJECT_NAME_PATTERN: "not a valid name",
        RESOURCE_PATTERN: "not the name of a node resource",
        TIME_OF_DAY_PATTERN: "not a time of day",
    }
    return names.get(shape.pattern or "", "not a valid value")


def describe(shape: Shape) -> str:
    """The valid values, as a phrase: "a whole number of 1 or more"."""
    match shape.kind:
        case "Integer" | "Number":
            return ("a whole number" if shape.kind == "Integer" else "a number") + bounds(shape)
        case "Choice":
            words = [f"`{one}`" for one in shape.choices]
            return words[0] if len(words) == 1 else f"one of {', '.join(words)}"
        case "Switch":
            return "`true` or `false`"
        case "Text" if shape.pattern in _PATTERNS:
            names = (DNS_LABEL_PATTERN, OBJECT_NAME_PATTERN)
            longest = f" (at most {shape.longest} characters)" if shape.pattern in names else ""
            return _PATTERNS[shape.pattern] + longest
        case "Text" if shape.pattern:
            return "a digest: `blake3:` or `sha256:` and 64 hexadecimal digits"
        case "Text":
            return "a string"
        case "List":
            assert shape.item is not None
            scalars = "whole numbers" if shape.item.kind == "Integer" else "strings"
            return f"a list of {f'maps with {_fields(shape.item.block)}' if shape.item.block else scalars}"
        case "Table":
            return "a map of strings"
        case "Map":
            assert shape.block is not None
            return f"a map with {_fields(shape.block)}"


def _fields(block: type[Block]) -> str:
    """The required fields of a block; if there are none, all fields."""
    fields = fields_of(block)
    required = [name for name, field in fields.items() if field.required]
    if not required:
        return f"any of {', '.join(fields)}" if len(fields) > 1 else ", ".join(fields)
    return f"{'at least ' if len(required) < len(fields) else ''}{', '.join(required)}"


def bounds(shape: Shape) -> str:
    """The range of a number: " from 0 to below 1"."""
    low = shape.minimum if shape.minimum is not None else shape.above
    if low is None:
        return ""
    inclusive = shape.minimum is not None
    if shape.maximum is None and shape.below is None:
        return f" of {_number(low)} or more" if inclusive else f" above {_number(low)}"
    high = f"below {_number(shape.below)}" if shape.below is not None else _number(shape.maximum)
    if inclusive:
        return f" from {_number(low)} to {high}"
    return f" above {_number(low)} and {high if shape.below is not None else f'at most {high}'}"


def _number(value: float | None) -> str:
    return str(int(value)) if value is not None and float(value).is_integer() else str(value)
