"""Tasks and aggregation orders of one version are read by another.

`recorded/<version>/` has what that version sent: never edit these files. A new version adds a folder.
"""

import copy
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from fedtrain_aggregator.assignment import carry_out
from pydantic import ValidationError

from fedtrain.api.base import Block
from fedtrain.api.storage import File, SecretRef, Storage
from fedtrain.contracts.exit_codes import EXIT_REFUSED
from fedtrain.contracts.record import CONTRACT_VERSION
from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.wire import blocks
from fedtrain.contracts.wire.aggregation import AggregationOrder
from fedtrain.contracts.wire.features import FEATURES
from fedtrain.contracts.wire.task import TaskRefused, WireTask, from_wire, read_assignment, to_wire
from fedtrain.contracts.wire.training_task import read_training_task

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*/task-*.json"))
ORDERS = sorted((Path(__file__).parent / "recorded").glob("*/aggregation.json"))


def content(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


def test_the_documentation_lists_each_feature() -> None:
    page = (Path(__file__).parents[3] / "docs" / "contracts.md").read_text()
    assert set(re.findall(r"^\| `([A-Z][A-Za-z]+)` \| ", page, re.MULTILINE)) == set(FEATURES)


def test_every_type_of_work_is_recorded() -> None:
    assert {content(file)["work"]["type"] for file in RECORDED} == {
        "Initialise",
        "Inspect",
        "Train",
        "Measure",
        "Evaluate",
    }


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_recorded_task_is_read_and_sent_without_loss(file: Path) -> None:
    sent = content(file)
    assert to_wire(from_wire(sent)) == sent


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_optional_fields_of_a_newer_version_are_ignored(file: Path) -> None:
    newer = content(file)
    for block in (newer, newer["model"], newer["model"]["adapter"], newer["data"], newer["training"], newer["work"]):
        block["fieldOfTomorrow"] = {"deep": [1, 2]}
    assert from_wire(newer) == from_wire(content(file))


def test_optional_fields_of_a_newer_training_task_are_ignored() -> None:
    spec = {
        "task": content(RECORDED[-1]),
        "compute": {"nodes": 2},
        "storage": {"type": "S3", "s3": {"bucket": "runs"}},
        "timeout": "1h",
    }
    newer = copy.deepcopy(spec)
    for block in (newer, newer["compute"], newer["storage"], newer["storage"]["s3"], newer["task"]):
        block["fieldOfTomorrow"] = {"deep": [1, 2]}
    read = read_training_task(newer)
    assert read.compute == read_training_task(spec).compute
    assert read.storage == read_training_task(spec).storage
    task = read.task.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert from_wire(task) == from_wire(spec["task"])


def test_a_malformed_training_task_is_refused_with_its_field() -> None:
    with pytest.raises(ValidationError, match=r"compute\.nodes"):
        read_training_task({"task": content(RECORDED[-1]), "compute": {"nodes": 0}, "storage": {}, "timeout": "1h"})


def test_a_feature_that_is_not_known_is_refused_by_name() -> None:
    newer = content(RECORDED[0]) | {"requiredFeatures": ["SecureSum", *FEATURES]}
    with pytest.raises(TaskRefused, match=r"requires unknown features: SecureSum$") as refused:
        from_wire(newer)
    assert refused.value.reason == "UnknownFeature"


def test_a_feature_that_is_not_known_is_refused_by_name_even_if_fields_of_this_version_are_missing() -> None:
    newer = content(RECORDED[0]) | {"requiredFeatures": ["NoBaseModel"]}
    del newer["model"]
    with pytest.raises(TaskRefused, match=r"requires unknown features: NoBaseModel$"):
        from_wire(newer)


def mixed() -> dict[str, Any]:
    """A task that trains on two data sets."""
    (recorded,) = (file for file in RECORDED if file.stem == "task-train")
    sent = content(recorded)
    del sent["data"]["dataset"]
    sent["data"]["datasets"] = [
        {"name": "notes", "share": 0.7},
        {"name": "guidelines", "share": 0.3, "format": "Text", "fields": {"text": "body"}},
    ]
    slices = (("notes", 0, 7), ("guidelines", 3, 3))
    sent["work"]["datasets"] = [
        {"name": name, "population": 9, "start": start, "samples": samples} for name, start, samples in slices
    ]
    return sent


def test_a_mix_of_data_sets_is_read_and_sent_without_loss_and_older_receivers_refuse_it() -> None:
    sent = to_wire(from_wire(mixed()))
    assert {"DatasetMix", "FieldNames"} <= set(sent.pop("requiredFeatures"))
    assert sent == {name: value for name, value in mixed().items() if name != "requiredFeatures"}


def test_a_task_that_asks_for_the_norm_is_sent_without_loss_and_older_receivers_may_ignore_it() -> None:
    (recorded,) = (file for file in RECORDED if file.stem == "task-train")
    sent = content(recorded)
    sent["work"]["statesNorm"] = True
    assert to_wire(from_wire(sent)) == sent
    assert sent["requiredFeatures"] == content(recorded)["requiredFeatures"]


@pytest.mark.parametrize("kind", ["train", "measure", "evaluate"])
def test_the_fingerprint_of_the_base_is_sent_without_loss_and_older_receivers_may_ignore_it(kind: str) -> None:
    (recorded,) = (file for file in RECORDED if file.stem == f"task-{kind}")
    sent = content(recorded)
    sent["baseFingerprint"] = dict.fromkeys(("settings", "tokenizer", "weights"), f"blake3:{'0' * 64}")
    assert to_wire(from_wire(sent)) == sent
    assert sent.get("requiredFeatures") == content(recorded).get("requiredFeatures")


def test_a_task_without_data_sets_is_refused() -> None:
    broken = mixed()
    del broken["data"]["datasets"]
    with pytest.raises(TaskRefused, match=r"spec\.task\.data: dataset or datasets is required"):
        from_wire(broken)


def test_a_newer_contract_is_refused() -> None:
    with pytest.raises(TaskRefused, match=f"contract version {CONTRACT_VERSION + 1}") as refused:
        from_wire(content(RECORDED[0]) | {"contractVersion": CONTRACT_VERSION + 1})
    assert refused.value.reason == "NewerContract"


def test_a_value_that_is_not_known_is_refused_with_its_field() -> None:
    newer = content(RECORDED[0])
    newer["training"]["optimizer"] = "Muon"
    with pytest.raises(TaskRefused, match=r"spec.task.training.optimizer: ") as refused:
        from_wire(newer)
    assert refused.value.reason == "MalformedTask"


def test_a_missing_field_is_refused_with_its_name() -> None:
    broken = content(RECORDED[0])
    del broken["model"]["base"]
    with pytest.raises(TaskRefused, match=r"spec.task.model.base: Field required"):
        from_wire(broken)


def test_an_assignment_without_a_valid_binding_is_refused() -> None:
    with pytest.raises(TaskRefused, match=r"binding.places.ledger.type: "):
        read_assignment({"task": content(RECORDED[0]), "binding": {"places": {"ledger": {"type": "Tape"}}}})


def blocks_of(kind: Any) -> set[type[Block]]:
    """All blocks within a type."""
    found: set[type[Block]] = set()
    if isinstance(kind, type) and issubclass(kind, Block):
        found |= {kind}.union(*(blocks_of(field.annotation) for field in kind.model_fields.values()))
    return found.union(*(blocks_of(argument) for argument in get_args(kind)))


def test_the_wire_has_every_field_of_a_task() -> None:
    """A field that is added to a block of the API and not to the wire would never reach a participant."""
    wire = {kind.__name__: set(kind.model_fields) for kind in vars(blocks).values() if isinstance(kind, type)}
    wire["Task"] = set(WireTask.model_fields)
    work = {name for kind in get_args(Task.model_fields["work"].annotation) for name in kind.model_fields}
    assert work == wire["Work"]
    credentials = {"credentials_secret_ref", "profile"}
    for kind in blocks_of(Task) - set(get_args(Task.model_fields["work"].annotation)) - {SecretRef}:
        assert set(kind.model_fields) - credentials <= wire[kind.__name__], kind


@pytest.mark.parametrize("file", ORDERS, ids=lambda file: file.parent.name)
def test_a_recorded_aggregation_order_is_read(file: Path) -> None:
    order = AggregationOrder.model_validate_json(file.read_text())
    assert json.loads(order.text()) == content(file)
    newer = content(file) | {"fieldOfTomorrow": 1}
    assert AggregationOrder.model_validate(newer) == order
    assert order.ledger_storage().s3 is not None


def test_the_order_of_a_run_names_its_ledger_and_no_credentials(tmp_path: Path) -> None:
    run = Run(run_id="r1", namespace="default", name="demo", spec={})
    order = AggregationOrder.of(run, 3, 1, Storage(type="File", file=File(path=str(tmp_path))))
    assert json.loads(order.text())["storage"] == {"type": "File", "file": {"path": str(tmp_path)}}
    code, reason = carry_out(order.text())
    assert (code, "the run does not exist" in reason) == (EXIT_REFUSED, True)


def test_an_order_that_requires_a_feature_is_refused_by_name() -> None:
    newer = json.loads((ORDERS[0]).read_text()) | {"requiredFeatures": ["SecureSum"]}
    code, reason = carry_out(json.dumps(newer))
    assert (code, "unknown features: SecureSum" in reason) == (EXIT_REFUSED, True)


def test_an_order_of_a_newer_contract_is_refused(tmp_path: Path) -> None:
    newer = json.loads((ORDERS[0]).read_text()) | {"contractVersion": CONTRACT_VERSION + 1}
    code, reason = carry_out(json.dumps(newer))
    assert (code, f"contract version {CONTRACT_VERSION + 1}" in reason) == (EXIT_REFUSED, True)
