"""The corpus of broken files (tests/unit/api/rule_cases.yaml) as objects for an API server.

Every case that is about one object is refused by the API server too. The others are named here, each with the reason.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fedtrain.api.reading.documents import Documents
from tests.unit.api.federation_files import SECTIONS

TEXT, JSON, DISK, OTHERS = (
    "it is about the file's text",
    "JSON can't say it, or says something valid",
    "it is about files on a disk",
    "it is about several objects: a condition says so",
)

ELSEWHERE = {
    "a decimal point": JSON,  # 8.0 is 8
    "not a finite number": JSON,
    "null for None": JSON,  # null is "left out", and None the default
    "a block is empty": JSON,  # the same
    "another apiVersion": TEXT,
    "no apiVersion": TEXT,
    "an unknown kind": TEXT,
    "a second training": TEXT,
    "a document that is no map": TEXT,
    "a directory that is not there": DISK,
    "a directory without model": DISK,
    "an adapter that is not there": DISK,
    "test data that are not there": DISK,
    "certificates that are not there": DISK,
    "a file for a folder": DISK,
    "data that are not there": DISK,
    "data of another kind": DISK,
    "a suffix left out": DISK,
    "an empty file": DISK,
    "an empty folder": DISK,
    "testing on training data": OTHERS,
    "a participant without policy": OTHERS,
    "a policy without participant": OTHERS,
    "two policies of one": OTHERS,
    "a data set that is not mapped": OTHERS,
}

OTHER_WORDS = {
    # what the API server says in words of its own
    "a number in quotes": 'must be of type integer: "string"',
    "underscores in a number": 'must be of type integer: "string"',
    "a switch for a number": 'must be of type integer: "boolean"',
    "a number out of range": "should be greater than or equal to 1",
    "a percentage above 100": "should be less than or equal to 100",
    "a percent sign": 'must be of type number: "string"',
    "a fraction of all": "should be less than 1",
    "a number for text": 'must be of type string: "integer"',
    "an enum in another case": 'supported values: "FedAvg", "FedProx", "FedAvgM", "FedAdam", "FedAdagrad", "FedYogi"',
    "an enum misspelt": 'supported values: "Samples", "Uniform", "Fixed", "ValidationLoss"',
    "an enum that nobody knows": 'supported values: "Messages", "PromptCompletion", "Text"',
    "on for Enabled": 'supported values: "Auto", "Enabled", "Disabled"',
    "true for Enabled": 'supported values: "Auto", "Enabled", "Disabled"',
    "yes for true": 'must be of type boolean: "string"',
    "a switch in words": 'must be of type boolean: "string"',
    "a duration in words": '"2 hours" is not a duration. Write a duration such as 90s, 30m or 2h.',
    "a duration without unit": 'must be of type string: "integer"',
    "a size in words": '"40 GB" is not a size. Write a size such as 40Gi.',
    "cores without quotes": 'must be of type string: "integer"',
    "a number for a label": 'must be of type string: "integer"',
    "a list for labels": 'must be of type object: "array"',
    "a name with capitals": "a lowercase RFC 1123 subdomain must consist of",
    "a required field is missing": "Required value",
    "a required block is missing": "Required value",
    "a required field is empty": "Required value",
    "a map for a list": 'unknown field "spec.evaluation.hub.metrics.loss"',
    "a list for a map": 'unknown field "spec.rounds[0].count"',
    "a number for a map": 'must be of type object: "integer"',
    "an empty list": "should have at least 1 items",
    "an unknown field": 'unknown field "spec.rounds.retrys"',
    "a field in Python's spelling": 'unknown field "spec.rounds.min_participants"',
    "a field in another block": 'unknown field "spec.training.steps"',
    "a field under another tool's name": 'unknown field "spec.training.lr"',
    "a field from nowhere": 'unknown field "spec.storage.zebra"',
    "a hub id without revision": "It is missing: org/name is a hub id, and a moving base is another model. "
    "Write the commit of 40 digits that https://huggingface.co/org/name/commits/main shows, "
    "or begin base with ./ for a directory.",
    "a module twice": 'Duplicate value: "q_proj"',
    "a participant twice": 'Duplicate value: {"name":"bank-a"}',
    "a metric twice": 'Duplicate value: {"name":"a"}',
    "a data set mapped twice": 'Duplicate value: {"name":"tickets"}',
    "a volume twice": 'Duplicate value: {"name":"rows"}',
    "a namespace twice": 'Duplicate value: "team"',
    "no regular expression": "It is not a regular expression: it opens 1 groups with ( and ends 0 with ). "
    "Put a \\ before special characters.",
    "a broken URL": "http://[::1:9000 is no URL. Write https:// and the server's name.",
}

TWINS = {
    # without a disk to look at, what doesn't begin with ./ is a hub id
    "a base that is nothing": "  model: {base: ./base}",
}


@dataclass(frozen=True)
class Case:
    """One broken object and its valid twin. `path` is where the fault is, `item` whose it is, `words` what is said."""

    name: str
    sections: dict[str, str]
    section: str
    good: str
    bad: str
    path: str
    item: str | None
    words: str

    def objects(self, version: str) -> list[dict[str, Any]]:
        """The documents of the whole file, with the section in its `good` or `bad` version."""
        sections = SECTIONS | self.sections | {self.section: getattr(self, version).rstrip("\n")}
        return [document.value for document in Documents("\n".join(sections.values()) + "\n").found]


def _case(plain: dict[str, Any]) -> Case:
    found = re.fullmatch(r"\d+:\d+: ([^ ]+?)(?: \(([^,)]+).*?\))?: (.*)", plain["says"])
    assert found is not None, plain["says"]
    return Case(
        name=plain["name"],
        sections=plain.get("given", {}),
        section=plain["section"],
        good=TWINS.get(plain["name"]) or plain["good"],
        bad=plain["bad"],
        path=found[1],
        item=found[2],
        words=OTHER_WORDS.get(plain["name"], found[3].replace(" (the default)", "")),
    )


_ALL: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).parents[1] / "unit/api/rule_cases.yaml")
NAMES = frozenset(plain["name"] for plain in _ALL)
CASES = tuple(_case(plain) for plain in _ALL if plain["name"] not in ELSEWHERE)
