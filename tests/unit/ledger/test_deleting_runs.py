"""`fedtrain delete`: the objects of one run, and no others, in a folder and in a bucket."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectStore
from fedtrain.results.deletion import StillRunning, check_deletable, delete_run, plan_deletion
from fedtrain.runner import elapsed
from fedtrain.runner.presence import this_process
from tests.support.ledger_by_hand import SPEC, Hand


def never(seconds: float) -> None:
    pytest.fail("no record of another host")


def test_only_objects_of_the_run_are_deleted(store: ObjectStore) -> None:
    for name in ("demo", "demo-2"):
        hand = Hand(Ledger(store, "default", name))
        hand.begin()
        hand.whole_round(1)
    store.create("default/demo/notes.txt", b"mine")
    store.create("default/demo/" + names.incoming("run-1", names.preflight("zoo")), b"{}")
    store.create("default/demo/" + names.copy("run-1", "readers", "0" * 64), b"adapter")
    ledger = Ledger(store, "default", "demo")
    others = [key for key in store.keys("") if not key.startswith("default/demo/")]
    assert delete_run(ledger).objects > 10
    assert sorted(store.keys("")) == sorted(["default/demo/notes.txt", *others])
    assert plan_deletion(ledger).objects == 0


def test_a_run_that_is_running_is_not_deleted(store: ObjectStore) -> None:
    ledger = Ledger(store, "default", "demo")
    Hand(ledger).begin()
    me = this_process()
    ledger.put_telemetry(f"coordinators/{me.id}.json", json.dumps(asdict(me)).encode())
    with pytest.raises(StillRunning, match=f"is running \\(process {me.pid} on .*Ctrl-C"):
        check_deletable(ledger, orphaned=True, wait=never)


def test_an_unfinished_run_in_a_bucket_may_be_a_clusters(store: ObjectStore) -> None:
    ledger = Ledger(store, "default", "demo")
    Hand(ledger).begin()
    if isinstance(store, FileStore):
        check_deletable(ledger, orphaned=False, wait=never)
        return
    with pytest.raises(StillRunning, match="kubectl delete federatedtraining demo -n default"):
        check_deletable(ledger, orphaned=False, wait=never)
    check_deletable(ledger, orphaned=True, wait=never)
    ledger.put_telemetry(elapsed.NAME, b"{}")  # as `fedtrain run` keeps it
    check_deletable(ledger, orphaned=False, wait=never)


def test_exports_in_the_runs_folder_are_deleted_and_other_files_kept(tmp_path: Path) -> None:
    ledger = Ledger(FileStore(tmp_path), "default", "demo")
    Hand(ledger).begin()
    folder = tmp_path / "default/demo"
    card = f"run {ledger.read(names.RUN, Run).run_id}"  # pyright: ignore[reportOptionalMemberAccess]
    for name, content in (
        ("adapter/README.md", card),
        ("adapter/mine.txt", "my notes"),
        ("model/config.json", "{}"),  # not an export: no model card
        ("report.csv", "round,participant,metric,value\n"),
        ("report.html", "<!DOCTYPE html><p>Written by fedtrain"),
        ("notes.txt", ""),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    done = delete_run(ledger)
    assert done.exports == ("adapter", "report.csv", "report.html")
    assert done.kept == ("adapter/mine.txt", "model", "notes.txt")
    assert sorted(path.name for path in folder.iterdir()) == ["adapter", "model", "notes.txt"]
    assert (folder / "adapter/mine.txt").read_text() == "my notes"
    assert (folder / "model/config.json").read_text() == "{}"


@pytest.mark.parametrize("name", ["report.csv", "report.html", "picture.png", "adapter", "model"])
def test_a_file_with_the_name_of_an_export_is_kept(tmp_path: Path, name: str) -> None:
    ledger = Ledger(FileStore(tmp_path), "default", "demo")
    Hand(ledger).begin()
    file = tmp_path / "default/demo" / name
    file.write_text("mine")
    done = delete_run(ledger)
    assert (done.exports, done.kept, file.read_text()) == ((), (name,), "mine")


def test_pooled_rows_are_deleted_with_their_run_and_no_other_folder_of_that_name(tmp_path: Path) -> None:
    for run, participant in (("demo-pooled", "pooled"), ("demo", "zoo")):
        ledger = Ledger(FileStore(tmp_path), "default", run)
        Hand(ledger, spec={**SPEC, "participants": [{"name": participant}], "rounds": {"count": 1}}).begin()
        folder = tmp_path / "default" / run / "pooled"
        folder.mkdir()
        for name in ("glosses.jsonl", "mine.txt"):
            (folder / name).write_text("{}")
        done = delete_run(ledger)
        if run == "demo":
            assert (done.exports, done.kept) == ((), ("pooled",))
            assert (folder / "glosses.jsonl").exists()
        else:
            assert (done.exports, done.kept) == (("pooled",), ("pooled/mine.txt",))
            assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_the_adapter_that_a_personal_run_continues_from_is_deleted_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "default/demo-personal-zoo/initial-adapter"
    start = {"uri": str(folder), "digest": f"blake3:{64 * '0'}"}
    model = {**SPEC["model"], "adapter": {**SPEC["model"]["adapter"], "initialFrom": start}}
    ledger = Ledger(FileStore(tmp_path), "default", "demo-personal-zoo")
    Hand(ledger, spec={**SPEC, "model": model}).begin()
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"")
    assert delete_run(ledger).kept == ()
    assert not folder.exists()


@pytest.mark.parametrize(("missing", "rest"), [((), [names.RUN]), ((names.RUN,), ["rounds/0000/manifest.json"])])
def test_an_interrupted_deletion_can_be_repeated(
    missing: tuple[str, ...], rest: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(FileStore(tmp_path), "default", "demo")
    Hand(ledger).begin()
    for name in missing:
        ledger.delete(name)
    delete = Ledger.delete

    def interrupted(self: Ledger, name: str) -> None:
        if name == "telemetry":
            raise KeyboardInterrupt
        delete(self, name)

    monkeypatch.setattr(Ledger, "delete", interrupted)
    with pytest.raises(KeyboardInterrupt):
        delete_run(ledger)
    monkeypatch.undo()
    assert set(rest) <= set(ledger.names()), "what says that there is a run"
    delete_run(ledger)
    assert ledger.names() == []
