"""Names of participants: Kubernetes' names, made from anything."""

import re
from collections.abc import Iterable

from fedtrain.api.base import DNS_LABEL_PATTERN, LONGEST_NAME
from fedtrain.latin_letters import latin_letters
from fedtrain.splitting.errors import SplitError


def slug(text: str, otherwise: str = "other") -> str:
    """Lower-case letters without accents, digits and dashes, at most 40."""
    found = re.sub(r"[^a-z0-9]+", "-", latin_letters(text)).strip("-")[:LONGEST_NAME].rstrip("-")
    return found or otherwise


def slugs(values: Iterable[str]) -> dict[str, str]:
    """A name for each value, all different."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for value in sorted(set(values)):
        name = wanted = slug(value)
        number = 2
        while name in taken:
            suffix = f"-{number}"
            name = wanted[: LONGEST_NAME - len(suffix)].rstrip("-") + suffix
            number += 1
        taken.add(name)
        names[value] = name
    return names


def _example(name: str) -> str:
    """Return a valid name that is similar to `name`, or else an example."""
    similar = slug(name, "bank-a")
    return similar if len(similar) > 1 else "bank-a"


def participant_names(wanted: str) -> tuple[str, ...]:
    """`3` is participant-1 to participant-3; `bank-a,bank-b` are these. Raises SplitError for an invalid
    name."""
    if re.fullmatch(r"[0-9]+", wanted.strip()):
        count = int(wanted)
        if not 1 <= count <= 1000:
            raise SplitError(f"--participants {wanted}: use a whole number from 1 to 1000")
        return tuple(f"participant-{number}" for number in range(1, count + 1))
    if re.fullmatch(r"[0-9]{1,3}([,._][0-9]{3})+", wanted.strip()):
        digits = re.sub("[,._]", "", wanted.strip())
        raise SplitError(f"--participants {wanted}: write a number without separators, such as `{digits}`")
    if re.fullmatch(r"[-+]?[0-9]+([.][0-9]+)?", wanted.strip()):
        raise SplitError(f"--participants {wanted}: use a whole number from 1 to 1000, or names with commas")
    names = tuple(name.strip() for name in wanted.split(","))
    for name in names:
        if len(name) > LONGEST_NAME or not re.fullmatch(DNS_LABEL_PATTERN, name):
            raise SplitError(
                f"--participants {wanted}: {name!r} is not a valid name for a participant",
                f"use at most {LONGEST_NAME} lower-case letters, digits and dashes, such as `{_example(name)}`",
            )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SplitError(f"--participants {wanted}: participant {twice} is listed twice", "give each a name of its own")
    return names
