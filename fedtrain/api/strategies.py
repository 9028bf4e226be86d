"""Blocks with a `strategy`: one registration gives the value of the field, its description and its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from pydantic import Field, create_model
from pydantic.alias_generators import to_snake

from fedtrain.api.base import Block, Union

P = TypeVar("P", bound=Block)
B = TypeVar("B", bound="StrategyBlock")


@dataclass(frozen=True)
class StrategySpec:
    """A value of `strategy`. `text`: description. `parameters`: its block, a class with the name of the strategy. The
    block FixedSize gives the field `fixedSize`, which users must set if one of its fields is required."""

    text: str
    parameters: type[Block] | None = None


class StrategyBlock(Block):
    """A block with a strategy. The decorator `with_strategies` adds the values and the fields of their parameters."""

    strategy: str

    def parameters(self, block: type[P]) -> P:
        """Return the parameters of a strategy, by their class; the defaults where the user set none. Raises
        ValidationError if the user must set them, which validation rejects."""
        return getattr(self, to_snake(block.__name__)) or block()


def with_strategies(strategies: Mapping[str, StrategySpec]) -> Callable[[type[B]], type[B]]:
    """Return a decorator that limits `strategy` to these names, and adds the fields and the union of their
    parameters. Raises ValueError if parameters are not named after their strategy."""

    def extend(base: type[B]) -> type[B]:
        texts = " ".join(f"`{name}`: {one.text}." for name, one in strategies.items())
        default = base.model_fields["strategy"].default
        fields: dict[str, Any] = {
            "strategy": (cast(Any, Literal)[tuple(strategies)], Field(default, description=texts))
        }
        members: dict[bool, dict[str, str]] = {True: {}, False: {}}
        for name, one in strategies.items():
            if (block := one.parameters) is None:
                continue
            if block.__name__ != name:
                raise ValueError(f"The parameters of strategy {name} are {block.__name__}. Name the class {name}.")
            alias = name[0].lower() + name[1:]
            text = f"Parameters of {name}. Only with strategy {name}."
            fields[to_snake(name)] = (block | None, Field(None, alias=alias, description=text))
            members[any(field.is_required() for field in block.model_fields.values())][name] = alias
        union = Union(discriminator="strategy", required=members[True], optional=members[False])
        made = create_model(base.__name__, __base__=base, __module__=base.__module__, __doc__=base.__doc__, **fields)
        made.unions = (union, *base.unions)
        return made

    return extend
