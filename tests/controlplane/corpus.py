"""The corpus of broken files (tests/unit/api/rule_cases.yaml) as objects for an API server.

Every case that is about one object is refused by the API server too. The others are named here, each with the reason.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fedtrain.api.reading.documents import Documents
from tests.unit.api.federation_files import FOR_CLUSTERS, SECTIONS

TEXT, JSON, DISK, OTHERS, FILE, ZONES, ACCOUNTANT, POD = (
    "it is about the file's text",
    "JSON can't say it, or says something valid",
    "it is about files on a disk",
    "it is about several objects: a condition says so",
    "it is about type File, which a cluster refuses",
    "CEL has no list of time zones",
    "CEL has no accountant: the coordinator refuses it",
    "the CRD keeps fields of pods as they are: the API server refuses the pod",
)

ELSEWHERE = {
    "a string for the source of a volume": POD,
    "a misspelt source of a volume": POD,
    "a misspelt field of a source of a volume": POD,
    "an empty source of a volume": POD,
    "a volume with two sources": POD,
    "a size of a volume that is not an amount": POD,
    "a number for a path in a volume": POD,
    "a map for a list in an affinity": POD,
    "a term of an affinity without its topology": POD,
    "an operator of an affinity in lower case": POD,
    "a number in a label selector": POD,
    "a decimal point": JSON,  # 8.0 is 8
    "not a finite number": JSON,
    "null for None": JSON,  # null is "left out", and None the default
    "a block is empty": JSON,  # the same
    "another apiVersion": TEXT,
    "no apiVersion": TEXT,
    "an unknown kind": TEXT,
    "a second training": TEXT,
    "a near miss of a document's field": TEXT,
    "a near miss of a name": TEXT,
    "a number with an exponent": JSON,  # 1e2 is 100
    "a path for the storage": FILE,
    "a variable in the ledger's path": FILE,
    "a document that is not a map": TEXT,
    "a directory that is not there": DISK,
    "a directory without model": DISK,
    "a base that is a file in its directory": DISK,
    "an initial adapter that is a file": DISK,
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
    "two policies of one, and a participant without": OTHERS,
    "a data set that is not mapped": OTHERS,
    "a data set that no policy has": OTHERS,
    "a data set under two other names": OTHERS,
    "a data set with a name almost right": OTHERS,
    "a policy under another name than its participant": OTHERS,
    "a folder for the type of storage": FILE,
    "a misspelt data set in a mix": OTHERS,
    "a data set of a mix that no policy has": OTHERS,
    "a policy without a data set of the mix": OTHERS,
    "an incomplete adapter": DISK,
    "a dictionary of data sets": DISK,
    "s3 without S3": FILE,
    "an unknown time zone": ZONES,
    "a URL for a folder": FILE,
    "a string for a map with one field": FILE,
    "a budget that cannot be met": ACCOUNTANT,
    "noise that the budget does not allow once": ACCOUNTANT,
    "indicator noise that leaves nothing for the updates": ACCOUNTANT,
}

OTHER_WORDS = {
    # what the API server says in words of its own
    "a number for SELinux labels": 'must be of type object: "integer"',
    "days from one to another": 'Unsupported value: "Mon-Wed"',
    "a bucket's URL": "s3://runs/mine/ is a URI. Write only the bucket's name, without `s3://`",
    "a number in quotes": 'must be of type integer: "string"',
    "underscores in a number": 'must be of type integer: "string"',
    "a switch for a number": 'must be of type integer: "boolean"',
    "a clipping norm that underflows": "should be greater than or equal to 1e-06",
    "a number out of range": "should be greater than or equal to 1",
    "a percentage above 100": "should be less than or equal to 100",
    "a percent sign": 'must be of type number: "string"',
    "a percentage for a fraction": 'must be of type number: "string"',
    "a percentage that is too large for a fraction": 'must be of type number: "string"',
    "a fraction of all": "should be less than 1",
    "a share of zero": "should be greater than 0",
    "a weight for a share": 'unknown field "spec.data.datasets[0].weight"',
    "a share in percent": 'must be of type number: "string"',
    "a data set of a mix without a share": "Required value",
    "a data set twice in a mix": 'Duplicate value: {"name":"tickets"}',
    "a number for text": 'must be of type string: "integer"',
    "an enum in another case": 'supported values: "FedAvg", "FedProx", "FedAvgM", "FedAdam", "FedAdagrad", "FedYogi"',
    "an enum misspelt": 'supported values: "Samples", "Uniform", "Fixed", "ValidationLoss"',
    "an enum that nobody knows, with the meaning of each choice": 'supported values: "Fail", "Skip"',
    "a format that nobody knows": 'supported values: "Messages", "PromptCompletion", "Text"',
    "on for Enabled": 'supported values: "Auto", "Enabled", "Disabled"',
    "true for Enabled": 'supported values: "Auto", "Enabled", "Disabled"',
    "yes for true": 'must be of type boolean: "string"',
    "a switch in words": 'must be of type boolean: "string"',
    "a duration in words": '"2 hours" is not a duration. Use a duration such as `90s`, `30m` or `2h`.',
    "a duration without unit": 'must be of type string: "integer"',
    "a size in words": '"40 GB" is not a size. Use a size such as `40Gi`.',
    "an amount that is not a quantity": '"4GB" is not an amount. Use an amount such as `500m` or `40Gi`.',
    "cores without quotes": 'must be of type string: "integer"',
    "a number for a label": 'must be of type string: "integer"',
    "a list for labels": 'must be of type object: "array"',
    "a participant with an invalid name": '"Bank A" is not a valid',
    "a name with capitals": "a lowercase RFC 1123 subdomain must consist of",
    "a required field is missing": "Required value",
    "a required block is missing": "Required value",
    "a required list is missing": "Required value",
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
    "a module twice": 'Duplicate value: "q_proj"',
    "a participant twice": 'Duplicate value: {"name":"bank-a"}',
    "a metric twice": 'Duplicate value: {"name":"a"}',
    "a data set mapped twice": 'Duplicate value: {"name":"tickets"}',
    "a volume twice": 'Duplicate value: {"name":"rows"}',
    "a namespace twice": 'Duplicate value: "team"',
    "a near miss of a required field": 'unknown field "spec.participant"',
    "a near miss of a field that a variant needs": 'unknown field "spec.training.length.step"',
    "a field whose block is missing": 'unknown field "spec.training.steps"',
    "a map of data sets": 'unknown field "spec.datasets.tickets"',
    "a number of participants": 'must be of type array: "integer"',
    "a format under another tool's name": 'supported values: "Messages", "PromptCompletion", "Text"',
    "fields the wrong way round": 'unknown field "spec.data.fields.question"',
    "a fraction in percent": "should be less than 1",
    "keys of a bucket": 'unknown field "spec.storage.s3.accessKey"',
    "samples beside the hub's block": 'unknown field "spec.evaluation.samples"',
    "a window that is not a list": 'unknown field "spec.windows.end"',
    "a requester as a path": 'must be of type object: "string"',
    "epsilon of a policy": 'unknown field "spec.epsilon"',
    "epochs beside length": 'unknown field "spec.training.epochs"',
    "epochs beside a length in steps": 'unknown field "spec.training.epochs"',
    "a length without type": "Required value",
    "noise of another tool": 'unknown field "spec.privacy.noise_multiplier"',
    "a strategy's parameter beside it": 'unknown field "spec.aggregation.mu"',
    "a parameter of another strategy": 'unknown field "spec.partitioning.percent"',
    "accumulated gradients": 'unknown field "spec.training.gradient_accumulation_steps"',
    "GPUs of the whole run": 'unknown field "spec.participants[0].gpus"',
    "a file for a block with a uri": 'must be of type object: "string"',
    "a field without a space after its colon": 'unknown field "spec.rounds.count:3"',
    "a number for a block with two variants": 'must be of type object: "integer"',
    "a variant's name for its block": 'must be of type object: "string"',
    "a list for a block with a list": 'must be of type object: "array"',
    "a metric's type without a name": 'must be of type object: "string"',
    "a commit of digits without quotes": 'must be of type string: "integer"',
    "a hexadecimal number": "should be greater than or equal to 1",
    "no regular expression": "The pattern is not a valid regular expression: it has 1 opening and 0 closing "
    "parentheses. Correct it, and write `\\` before special characters that stand for themselves, such as `\\(`.",
}

TWINS = {
    # without a disk to look at, what doesn't begin with ./ is a hub id
    "a base that is nothing": "  model: {base: /models/base}",
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
    cluster: bool

    def objects(self, version: str) -> list[dict[str, Any]]:
        """The documents of the whole file, with the section in its `good` or `bad` version."""
        sections = SECTIONS | self.sections | {self.section: getattr(self, version).rstrip("\n")}
        text = "\n".join(sections.values()) + "\n"
        return [document.value for document in Documents(text if self.cluster else for_cluster(text)).found]


def for_cluster(text: str) -> str:
    """The text of a file for one machine, with absolute paths and with the ledger in a bucket."""
    text = re.sub(r"\"?\./base\"?", "/models/base", text)
    text = re.sub(r"uri: (?:\./)?(?=[a-z]+(\.jsonl)?[,}])", "uri: /data/", text)
    return text.replace("{type: File", "{type: S3, s3: {bucket: runs}")


def _case(plain: dict[str, Any]) -> Case:
    found = re.fullmatch(r"\d+:\d+: ([^ ]+?)(?: \(([^,)]+).*?\))?: (.*)", plain["says"])
    assert found is not None, plain["says"]
    words = found[3] if plain.get("cluster") else for_cluster(found[3])
    return Case(
        name=plain["name"],
        sections=(FOR_CLUSTERS if plain.get("cluster") else {}) | plain.get("given", {}),
        section=plain["section"],
        good=TWINS.get(plain["name"]) or plain["good"],
        bad=plain["bad"],
        path=found[1],
        item=found[2],
        cluster=plain.get("cluster", False),
        words=OTHER_WORDS.get(plain["name"], words.replace(" (the default)", "")),
    )


_ALL: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).parents[1] / "unit/api/rule_cases.yaml")
NAMES = frozenset(plain["name"] for plain in _ALL)
CASES = tuple(_case(plain) for plain in _ALL if plain["name"] not in ELSEWHERE)
