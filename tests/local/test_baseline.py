"""The comparison with training alone and with all data pooled, with real training."""

import json
import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from federation import ROWS, Small

from fedtrain.api.reading import read_file
from fedtrain.baseline.compare import Compared, Watch, compare
from fedtrain.baseline.one_participant import own_copy, personalise
from fedtrain.baseline.progress import Silent
from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.as_json import as_json
from fedtrain.contracts.records import Manifest
from fedtrain.contracts.untrusted_records import Preflight, Update
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.verify import verify
from fedtrain.results.baseline_tables import personal_table
from fedtrain.results.comparison import read_comparison
from fedtrain.results.export import export
from fedtrain.runner.errors import RunError
from fedtrain.runner.worker_pool import WorkerPool
from tests.support.outputs import check_output
from tests.support.zygote import launch


@dataclass
class Seen:
    """What a comparison told of itself."""

    federated: int = 0
    begun: list[str] = field(default_factory=list[str])
    arms: int = 0
    measured: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def watch(self) -> Watch:
        def federated(event: object) -> None:
            self.federated += 1

        def arm(run: object, event: object) -> None:
            self.arms += 1

        return Watch(
            federated=federated,
            begins=lambda arms: self.begun.extend(arm.label for arm in arms),
            arm=arm,
            measured=lambda done, total: self.measured.append((done, total)),
        )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("baseline"))


@pytest.fixture(scope="module")
def compared(small: Small, zygote: str) -> tuple[Compared, Seen]:
    pool, seen = WorkerPool(partial(launch, zygote), 2), Seen()
    try:
        return compare(read_file(small.file), seen.watch(), personal_steps=2, pool=pool), seen
    finally:
        pool.close()


def arm_ledger(compared: Compared, suffix: str) -> Ledger:
    return Ledger(compared.ledger.store, "default", f"small-{suffix}")


@pytest.mark.slow
def test_every_adapter_is_measured_on_everything(compared: tuple[Compared, Seen]) -> None:
    result, seen = compared
    assert result.failed == {}
    assert [arm.label for arm in result.comparison.arms] == [
        "base",
        "zoo alone",
        "museum alone",
        "federated",
        "zoo personalised",
        "museum personalised",
        "pooled",
    ]
    everywhere = [arm for arm in result.comparison.arms if arm.kind != "Personalised"]
    for arm in everywhere:
        assert arm.hub.keys() == {"loss"}
        assert {who: metrics.keys() for who, metrics in arm.own.items()} == {"zoo": {"loss"}, "museum": {"loss"}}
    assert len({arm.hub["loss"] for arm in everywhere}) == 5
    assert sorted(seen.begun) == [
        "museum alone",
        "museum personalised",
        "pooled data",
        "zoo alone",
        "zoo personalised",
    ]
    assert seen.measured[-1][0] == seen.measured[-1][1]


def test_everyone_has_the_same_steps_and_the_same_start(compared: tuple[Compared, Seen]) -> None:
    result, _ = compared
    start = result.ledger.read(names.manifest(0), Manifest)
    assert start is not None
    for suffix, who, steps in (("alone-zoo", "zoo", 4), ("alone-museum", "museum", 4), ("pooled", "pooled", 8)):
        ledger = arm_ledger(result, suffix)
        first, update = ledger.read(names.manifest(0), Manifest), ledger.read(names.update(1, who, 1), Update)
        assert first is not None
        assert update is not None
        assert first.adapter == start.adapter
        assert update.steps == steps
        assert verify(ledger).sound


def test_a_personalised_adapter_continues_from_the_federated_one_and_stays_with_its_participant(
    compared: tuple[Compared, Seen], small: Small
) -> None:
    result, _ = compared
    for who in ("zoo", "museum"):
        ledger = arm_ledger(result, f"personal-{who}")
        start, update = ledger.read(names.manifest(0), Manifest), ledger.read(names.update(1, who, 1), Update)
        assert start is not None
        assert update is not None
        assert (start.adapter, update.steps) == (result.comparison.adapter, 2)
        (arm,) = (arm for arm in result.comparison.arms if arm.label == f"{who} personalised")
        assert (arm.hub, arm.own.keys()) == ({}, {who}), "not measured at the hub or on the data of others"
        assert arm.run == f"default/small-personal-{who}"
    federation = read_file(small.file)
    table = personal_table(result.comparison, federation.training.spec)
    assert table is not None
    assert [row[0] for row in table.rows] == ["zoo", "museum"]
    assert all("–" not in row for row in table.rows)


def test_an_arm_holds_out_the_rows_that_the_federated_run_holds_out(compared: tuple[Compared, Seen]) -> None:
    result, _ = compared
    here, there = (
        ledger.read(names.preflight("zoo"), Preflight) for ledger in (result.ledger, arm_ledger(result, "alone-zoo"))
    )
    assert here is not None
    assert there is not None
    assert (here.samples, here.validation_samples, here.fingerprint) == (
        there.samples,
        there.validation_samples,
        there.fingerprint,
    )


def test_the_pooled_arm_trains_on_all_training_rows(compared: tuple[Compared, Seen], small: Small) -> None:
    preflight = arm_ledger(compared[0], "pooled").read(names.preflight("pooled"), Preflight)
    assert preflight is not None
    counted = [compared[0].ledger.read(names.preflight(who), Preflight) for who in ("zoo", "museum")]
    rows = sum(one.samples for one in counted if one is not None)
    assert (preflight.samples, preflight.validation_samples) == (rows, 0)
    assert 0 < rows < 2 * ROWS
    assert not (small.folder / "runs/default/small-pooled/pooled").exists(), "the copies of the rows are deleted"


def test_it_is_kept_for_the_report(compared: tuple[Compared, Seen]) -> None:
    result, _ = compared
    comparison = result.comparison
    assert read_comparison(result.ledger, comparison.run_id, comparison.adapter) == comparison


def test_once_finished_it_does_nothing(compared: tuple[Compared, Seen], small: Small) -> None:
    before, seen = _files(small.folder), Seen()
    again = compare(read_file(small.file), seen.watch(), personal_steps=2)
    assert again.comparison == compared[0].comparison
    assert seen == Seen()
    assert _files(small.folder) == before


def test_all_data_pooled_can_be_left_out(compared: tuple[Compared, Seen], small: Small) -> None:
    again = compare(read_file(small.file), Seen().watch(), alone_only=True)
    assert [arm.label for arm in again.comparison.arms] == ["base", "zoo alone", "museum alone", "federated"]


def test_the_command_ends_with_table_headline_picture_and_adapter(
    compared: tuple[Compared, Seen], small: Small
) -> None:
    result = CliRunner().invoke(main, ["baseline", str(small.file)])
    assert result.exit_code == 0, result.output
    lines = result.stdout.strip().splitlines()
    assert [line.split("  ")[0] for line in lines[2:7]] == ["base", "zoo alone", "museum alone", "federated", "pooled"]
    assert "best participant alone" in lines[-4]
    folder = small.folder / "runs/default/small"
    assert lines[-2:] == [f"picture: {folder / 'picture.png'}", f"adapter: {folder / 'adapter'}"]
    assert (folder / "adapter/adapter_model.safetensors").is_file()
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_gives_json_to_programs(compared: tuple[Compared, Seen], small: Small) -> None:
    plain = json.loads(CliRunner().invoke(main, ["baseline", str(small.file), "--json"]).stdout)
    assert plain["adapter"] == compared[0].comparison.adapter
    assert [arm["kind"] for arm in plain["arms"]] == ["Base", "Alone", "Alone", "Federated", "Pooled"]


def _files(folder: Path) -> dict[str, int]:
    """All files but those of the comparison's own telemetry."""
    return {
        str(file.relative_to(folder)): file.stat().st_mtime_ns
        for file in folder.rglob("*")
        if file.is_file() and file.name != "baseline.json"
    }


def test_a_participant_personalises_on_its_own_machine_and_sends_nothing(
    compared: tuple[Compared, Seen], small: Small, zygote: str, tmp_path: Path
) -> None:
    result, _ = compared
    text = small.file.read_text().partition("---")[0]  # the hub's file, without policies
    (tmp_path / "federation.yaml").write_text(
        f"{text}  storage: {{type: S3, s3: {{bucket: hub, endpoint: 'http://127.0.0.1:1'}}}}\n"
    )
    hub = read_file(tmp_path / "federation.yaml", judged=False)
    own = own_copy(hub, "zoo", tmp_path / "runs", small.folder / "zoo.jsonl", None)
    adapter, pool = export(result.ledger, tmp_path / "adapter"), WorkerPool(partial(launch, zygote), 1)
    try:
        personal = personalise(own, "zoo", adapter, 2, steps_alone=None, view=Silent(), pool=pool)
    finally:
        pool.close()
    assert personal.failed == {}
    check_output("personalise", as_json(personal.comparison))
    base, federated, personalised = personal.comparison.arms
    assert base.own == {"zoo": result.comparison.arms[0].own["zoo"]}
    (before,) = (arm for arm in result.comparison.arms if arm.label == "federated")
    (after,) = (arm for arm in result.comparison.arms if arm.label == "zoo personalised")
    assert federated.own == {"zoo": before.own["zoo"]}, "on the rows that the federated run holds out"
    assert (personalised.label, personalised.own) == ("zoo personalised", after.own)
    assert (federated.hub, personalised.hub) == ({}, {})
    assert {path.name for path in (tmp_path / "runs/default").iterdir()} == {"small-base-zoo", "small-personal-zoo"}


def test_changed_data_is_refused_before_anything_is_pooled_or_trained(
    compared: tuple[Compared, Seen], small: Small, tmp_path: Path
) -> None:
    shutil.copytree(small.folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy/runs/default/small-pooled")
    with (tmp_path / "copy/zoo.jsonl").open("a") as rows:
        rows.write('{"prompt": "a new row =>", "completion": " animal"}\n')
    seen = Seen()
    with pytest.raises(RunError, match=r"the data changed since the federated run, .*\n  zoo: "):
        compare(read_file(tmp_path / "copy/federation.yaml"), seen.watch())
    assert seen == Seen()
    assert not (tmp_path / "copy/runs/default/small-pooled").exists()
