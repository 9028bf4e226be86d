"""Whatever is done to a ledger's objects, verification names the object."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from damaged_run import flip, found_in, rewrite, update_file
from history import RUN_ID, WHO, write_history

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical, digest_of
from fedtrain.contracts.record import Record
from fedtrain.contracts.records import Close, Manifest
from fedtrain.ledger.affected_rounds import listed_rounds
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt
from fedtrain.ledger.verify import verify

CHAINED = (
    names.RUN,
    names.END,
    names.initial(),
    names.evaluation(0, 0),
    names.manifest(0),
    names.plan(1),
    names.close(1, 1),
    names.close(1, 2),
    names.aggregate(1, 2),
    names.evaluation(1, 2),
    names.manifest(1),
    names.update(1, "zoo", 2),
    names.plan(2),
    names.manifest(2),
    names.manifest(3),
)
"""Objects that another one names, or that every run must have."""

BESIDE = (
    names.preflight("museum"),
    names.grant(1, "zoo", 2),
    names.failure(1),
    names.measurement(3, "observatory"),
    names.update(1, "observatory", 1),
)
"""Records that no other names."""


def test_a_sound_run_has_no_findings_and_everything_is_counted(ledger: Ledger):
    write_history(ledger)
    result = verify(ledger)
    assert [str(finding) for finding in result.findings] == []
    assert result.sound
    assert (result.rounds, result.updates) == (3, 4)
    blobs = [name for name in ledger.names() if name.startswith("blobs/")]
    assert result.blobs == len(blobs) == 6
    records = [name for name in ledger.names() if name.endswith(".json") and not name.startswith("telemetry/")]
    assert result.records == len(records)
    assert result.tip == ledger.digest(names.manifest(3))


def test_a_run_that_is_not_finished_is_sound(run: Path):
    for name in (names.END, names.manifest(3), names.aggregate(3, 2), names.evaluation(3, 2)):
        (run / name).unlink()
    for who in WHO:
        (run / names.measurement(3, who)).unlink()
    assert found_in(run) == []


@pytest.mark.parametrize("name", [name for name in CHAINED if name not in (names.END, names.close(1, 1))])
def test_a_missing_record_is_named(run: Path, name: str):
    (run / name).unlink()
    assert name in found_in(run)


def test_a_stray_record_of_a_round_far_away_is_one_gap(run: Path):
    stray = run / "rounds/9999999999/plan.json"
    stray.parent.mkdir()
    stray.write_bytes((run / names.plan(2)).read_bytes())
    ledger = Ledger(FileStore(run.parent.parent), "default", "demo")
    found = {finding.name: finding.problem for finding in verify(ledger).findings}
    gap = "is missing, as are those of rounds 5 to 9999999997, though a later round exists"
    assert found[names.manifest(4)] == gap
    assert set(found) == {names.manifest(4), "rounds/9999999998/manifest.json", "rounds/9999999999/plan.json"}


def test_a_close_that_is_missing_below_another_is_named(run: Path):
    (run / names.close(1, 1)).unlink()
    assert found_in(run) == [names.close(1, 1)]


@pytest.mark.parametrize("name", [*CHAINED, *BESIDE])
@pytest.mark.parametrize(
    "tamper",
    [
        lambda content: content[:-7],
        lambda content: b"",
        lambda content: content + b"\n",
        lambda content: json.dumps(json.loads(content), indent=2).encode(),
        lambda content: content.replace(RUN_ID.encode(), b"f" * 16),
        lambda content: b'{"surprise":1}',
    ],
    ids=["cut off", "emptied", "a newline more", "pretty", "another run", "something else"],
)
def test_a_record_that_was_tampered_with_is_named(run: Path, name: str, tamper: Callable[[bytes], bytes]):
    path = run / name
    path.write_bytes(tamper(path.read_bytes()))
    assert name in found_in(run)


@pytest.mark.parametrize(
    ("name", "fields", "also"),
    [
        (names.RUN, {"spec": {"rounds": {"count": 4}}}, names.RUN),
        (names.preflight("zoo"), {"samples": 5000}, names.preflight("zoo")),
        (names.plan(1), {"progressEnd": 0.5}, names.plan(1)),
        (names.close(1, 2), {"updates": []}, names.close(1, 2)),
        (names.aggregate(1, 2), {"updateNorm": 3.5}, names.aggregate(1, 2)),
        (names.evaluation(3, 2), {"metrics": {"loss": 0.1}}, names.evaluation(3, 2)),
        (names.manifest(1), {"step": 5}, names.manifest(1)),
        (names.manifest(3), {"absent": [{"participant": "museum", "reason": "x"}]}, names.manifest(3)),
        (names.END, {"round": 2}, names.END),
        (names.update(1, "museum", 1), {"samples": 1000, "trainLoss": 0.1}, names.update(1, "museum", 1)),
        (names.update(1, "museum", 1), {"digest": "blake3:" + "0" * 64}, names.update(1, "museum", 1)),
    ],
)
def test_a_careful_edit_is_found_by_the_digest_that_names_it(
    run: Path, name: str, fields: dict[str, object], also: str
):
    rewrite(run / name, **fields)
    assert also in found_in(run)


@pytest.mark.parametrize("name", [names.plan(1), names.manifest(1), names.preflight("museum"), names.close(1, 2)])
def test_a_record_under_another_name_is_found(run: Path, name: str):
    other = {names.plan(1): names.plan(2), names.manifest(1): names.manifest(2)}.get(name)
    other = other or (names.preflight("observatory") if "preflight" in name else names.close(3, 2))
    (run / other).write_bytes((run / name).read_bytes())
    assert other in found_in(run)


@pytest.mark.parametrize("tamper", [flip, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
@pytest.mark.parametrize("what", ["adapter", "state", "config"])
def test_a_blob_that_is_damaged_or_missing_is_named(run: Path, what: str, tamper: Callable[[Path], object]):
    manifest = Manifest.model_validate_json((run / names.manifest(1)).read_bytes())
    name = names.blob(getattr(manifest, what))
    tamper(run / name)
    assert found_in(run) == [name]


def forge(run: Path, name: str, record: Record) -> None:
    (run / name).write_bytes(canonical(record))


def test_a_later_close_can_only_take_away(run: Path):
    close = Close.model_validate_json((run / names.close(1, 1)).read_bytes())
    forge(run, names.close(1, 1), close.model_copy(update={"updates": close.updates[:1]}))
    assert found_in(run) == [names.close(1, 2)]


def test_a_forged_history_shows_in_the_step_the_outcome_and_the_config(run: Path):
    first = Manifest.model_validate_json((run / names.manifest(1)).read_bytes())
    second = Manifest.model_validate_json((run / names.manifest(2)).read_bytes())
    forged = second.model_copy(update={"adapter": "blake3:" + "1" * 64, "step": 7, "config": first.adapter})
    forge(run, names.manifest(2), forged)
    ledger = Ledger(FileStore(run.parent.parent), "default", "demo")
    problems = [str(finding) for finding in verify(ledger).findings if finding.name == names.manifest(2)]
    for words in ("another step: expected 1, found 7", "config, which never changes", "a skipped round keeps"):
        assert any(words in problem for problem in problems)
    assert any(digest_of(second) in problem and digest_of(forged) in problem for problem in problems)


def test_an_empty_folder_is_not_a_run(tmp_path: Path):
    assert [f.name for f in verify(Ledger(FileStore(tmp_path), "default", "none")).findings] == [names.RUN]


def test_telemetry_and_foreign_files_are_left_alone(run: Path):
    (run / "telemetry" / "rounds" / "0001" / "runner.json").write_text("edited")
    (run / "notes.txt").write_text("mine")
    assert found_in(run) == []


def test_a_damaged_blob_does_not_reach_its_reader(run: Path, tmp_path: Path):
    manifest = Manifest.model_validate_json((run / names.manifest(1)).read_bytes())
    flip(run / names.blob(manifest.adapter))
    ledger = Ledger(FileStore(run.parent.parent), "default", "demo")
    with pytest.raises(LedgerCorrupt, match=rf"{names.blob(manifest.adapter)}.*damaged"):
        ledger.fetch_blob(manifest.adapter, tmp_path / "adapter.safetensors")
    assert not (tmp_path / "adapter.safetensors").exists()


def raw(path: Path, **fields: object) -> None:
    """Edits a record without any check, NaN included."""
    plain = {**json.loads(path.read_bytes()), **fields}
    path.write_bytes(json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode())


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (names.update(1, "museum", 1), {"trainLoss": float("nan")}),
        (names.update(1, "museum", 1), {"distinct": 10**400}),
        (names.update(1, "museum", 1), {"file": "../../a/1/x"}),
        (names.update(1, "museum", 1), {"file": "/etc/passwd"}),
        (names.update(1, "museum", 1), {"received": {f"m{n}": 1.0 for n in range(200_000)}}),
        (names.preflight("zoo"), {"samples": -1}),
        (names.measurement(3, "zoo"), {"metrics": {"accuracy": float("inf")}}),
        (names.RUN, {"spec": {"rounds": float("nan")}}),
    ],
)
def test_a_record_that_breaks_a_bound_is_a_finding_and_the_rest_is_checked(
    run: Path, name: str, fields: dict[str, object]
):
    raw(run / name, **fields)
    flip(run / update_file(run, "zoo", 2))
    assert {name, update_file(run, "zoo", 2)} <= set(found_in(run))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b'{"a":' * 100_000, b"[" * 3000 + b"]" * 3000], ids=["not UTF-8", "open", "nested"]
)
@pytest.mark.parametrize("name", [names.update(1, "museum", 1), names.RUN, names.plan(1)])
def test_an_object_that_is_not_json_is_a_finding(run: Path, name: str, content: bytes):
    (run / name).write_bytes(content)
    assert name in found_in(run)


@pytest.mark.parametrize("name", [names.plan(1), names.update(1, "museum", 1)])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/passwd")])
def test_what_is_not_a_regular_file_is_missing(run: Path, name: str, make: Callable[[Path], object]):
    (run / name).unlink()
    make(run / name)
    assert name in found_in(run)


def test_an_odd_name_among_the_blobs_is_a_finding(run: Path):
    (run / "blobs" / "a\nb").write_bytes(b"")
    (run / "preflight" / "a\\b.json").write_bytes(b"")
    assert found_in(run) == ["blobs/a\nb"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (names.plan(1), (2, 3)),
        (names.manifest(1), (2, 3)),
        (names.initial(), (1, 2, 3)),
        (names.END, (1, 2, 3)),
        (names.RUN, ()),
        (names.preflight("zoo"), ()),
    ],
)
def test_the_rounds_that_no_finding_is_about_are_known(run: Path, name: str, kept: tuple[int, ...]):
    (run / name).unlink()
    assert verify(Ledger(FileStore(run.parent.parent), "default", "demo")).sound_rounds == kept


def test_both_records_of_a_broken_link_of_the_chain_are_in_doubt(run: Path):
    rewrite(run / names.manifest(1), step=5)
    assert verify(Ledger(FileStore(run.parent.parent), "default", "demo")).sound_rounds == (3,)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [((2,), "round 2"), ((1, 2, 3), "rounds 1 to 3"), ((1, 3, 4, 6), "rounds 1, 3 to 4 and 6")],
)
def test_rounds_are_listed_as_spans(numbers: tuple[int, ...], text: str):
    assert listed_rounds(numbers) == text


def test_run_json_of_another_run_is_one_finding(run: Path):
    rewrite(run / names.RUN, runId="another")
    (finding,) = verify(Ledger(FileStore(run.parent.parent), "default", "demo")).findings
    assert finding.name == names.RUN
    assert finding.problem.startswith("belongs to another run than all ")
    assert (finding.expected, finding.found) == (RUN_ID, "another")
