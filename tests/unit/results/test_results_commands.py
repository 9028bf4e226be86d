"""What the commands print, through the real command line."""

import json
import re
import shutil
from pathlib import Path

import pytest

from fedtrain.api.storage import File, Storage
from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.open import open_ledger
from fedtrain.results.summary import summarise
from tests.support.command_line import fedtrain
from tests.support.ledger_by_hand import Hand
from tests.support.outputs import check_output


@pytest.fixture
def run(finished: Hand, runs: Path) -> Path:
    return runs / "default/quickstart"


def test_status_shows_rounds_and_the_newest_rounds_participants(run: Path) -> None:
    result = fedtrain("status", run)
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "default/quickstart: Succeeded, 3 of 3 rounds"
    assert "1 Committed 3/3 2,400 3.067 2.176 41.2% 20 s" in lines
    assert any(line.startswith("observatory Quarantined: norm 812 is beyond") for line in lines)


def test_status_of_a_clusters_run_has_no_column_of_times(run: Path) -> None:
    """Only the local runner writes how long a round took."""
    for telemetry in run.glob("telemetry/rounds/*/runner.json"):
        telemetry.unlink()
    lines = [" ".join(line.split()) for line in fedtrain("status", run).stdout.splitlines()]
    assert "round outcome updates trained train loss loss accuracy" in lines
    assert "1 Committed 3/3 2,400 3.067 2.176 41.2%" in lines


def test_status_for_programs_is_json_of_the_summary(run: Path) -> None:
    plain = json.loads(fedtrain("status", run, "-o", "json").stdout)
    check_output("status", plain)
    assert plain["phase"] == "Succeeded"
    assert plain["rounds"][3]["metrics"]["accuracy"] == pytest.approx(0.671)
    assert plain["rounds"][3]["participants"][1]["state"] == "Quarantined"
    assert plain["spec"]["rounds"]["minParticipants"] == 2


def test_status_of_nothing_names_the_runs_nearby(run: Path) -> None:
    result = fedtrain("status", run.parent / "quikstart")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: No such file or folder")
    assert str(run) in result.stderr


def test_logs_show_every_execution_with_its_times(run: Path) -> None:
    output = fedtrain("logs", run).stdout
    assert output.count("==> ") == 16, "ten attempts, three aggregations, three evaluations"
    assert "zoo trains in round 2" in output
    assert "==> round 2  zoo  attempt 1  failed: its process died  1.5 s" in output.splitlines()
    assert "loss by step: 1: 4.000, 4: 3.850, 6: 3.750, 9: 3.600, 12: 3.450" in output
    assert "of no task" not in output
    assert "loading 0.2 s, measuring 1.0 s, training 6.3 s, uploading 0.1 s" in output


def test_logs_are_in_the_order_of_time(run: Path) -> None:
    headings = [line for line in fedtrain("logs", run, "--round", "1").stdout.splitlines() if line.startswith("==>")]
    timed = [line.split() for line in headings if line.startswith("==> 20")]
    assert [line[5] for line in timed] == ["observatory", "museum", "zoo"]
    assert [line[2] for line in timed] == sorted(line[2] for line in timed)


def test_logs_of_one_participant_and_round(run: Path) -> None:
    output = fedtrain("logs", run, "zoo", "--round", "3").stdout
    assert "zoo trains in round 3" in output
    assert "round 2" not in output
    assert "museum" not in output


def test_logs_of_the_hub(run: Path) -> None:
    output = fedtrain("logs", run, "hub", "--round", "1").stdout
    assert [line.split()[3] for line in output.splitlines() if line.startswith("==>")] == ["aggregate", "evaluate"]


def test_logs_of_a_stranger_name_the_participants(run: Path) -> None:
    result = fedtrain("logs", run, "zooo")
    assert result.exit_code == 1
    assert "'zooo' is not a participant" in result.stderr
    assert "`museum`, `observatory`, `zoo`" in result.stderr


def test_logs_of_a_round_that_is_not_there_name_those_that_are(run: Path) -> None:
    result = fedtrain("logs", run, "--round", "99")
    assert result.exit_code == 1
    assert "quickstart has no round 99" in result.stderr
    assert "Use a round from 0 to 3" in result.stderr


def test_logs_follow_until_the_run_is_over(run: Path) -> None:
    assert fedtrain("logs", run, "--follow").stdout == fedtrain("logs", run).stdout


def test_export_prints_where_it_wrote(run: Path, tmp_path: Path) -> None:
    result = fedtrain("export", run)
    assert result.stdout.strip() == str(run / "adapter")
    assert (run / "adapter/adapter_model.safetensors").is_file()
    result = fedtrain("export", run, "--out", tmp_path / "mine", "--round", "2")
    assert result.stdout.strip() == str(tmp_path / "mine")


def test_export_copies_the_tokenizer_of_a_base_beside_the_runs(run: Path, tmp_path: Path) -> None:
    result = fedtrain("export", run)
    assert "note: the export has no tokenizer. The folder ./base with the base model does not exist" in result.stderr
    (tmp_path / "base").mkdir()  # run is tmp_path/runs/default/quickstart, and the file's base ./base
    (tmp_path / "base/tokenizer.json").write_text("{}")
    result = fedtrain("export", run)
    assert (result.stderr, result.exit_code) == ("", 0)
    assert (run / "adapter/tokenizer.json").read_text() == "{}"


def test_export_refuses_a_base_that_does_not_exist(run: Path) -> None:
    result = fedtrain("export", run, "--base", "/models/llama")
    assert result.exit_code == 1
    assert "The folder /models/llama does not exist. Use `--base ./base`, the base model of this" in result.stderr
    (run.parents[2] / "base").mkdir()
    result = fedtrain("export", run, "--merged", "--base", "meta/llama")
    assert "The folder meta/llama does not exist. Omit --base: the base model of this federation" in result.stderr


def test_a_sound_ledger_is_reported_with_its_tip(run: Path, finished: Hand) -> None:
    result = fedtrain("ledger", "verify", run)
    assert result.exit_code == 0, result.stderr
    assert "OK: every digest matches" in result.stdout
    assert f"tip {finished.ledger.digest('rounds/0003/manifest.json')}" in result.stdout


def test_a_changed_ledger_is_found_out(run: Path) -> None:
    evaluation = run / "rounds/0002/evaluation-1.json"
    evaluation.chmod(0o600)
    evaluation.write_text(evaluation.read_text().replace("0.555", "0.999"))
    result = fedtrain("ledger", "verify", run)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0].startswith("finding 1: rounds/0002/evaluation-1.json")
    assert [line.split()[0] for line in lines[2:4]] == ["expected", "found"]
    assert "sound" not in result.stdout
    assert lines[-1] == (
        "hint: Restore the files named above from a backup of the ledger, and verify again. Without a backup, use only "
        f"rounds 1 and 3, which have no findings: `fedtrain export {run} --round 3`."
    )
    assert fedtrain("export", run, "--round", "3", "--out", run.parent / "out").exit_code == 0


@pytest.mark.parametrize("content", [None, ""])
def test_no_export_is_advised_of_a_run_that_cannot_be_read(run: Path, content: str | None) -> None:
    manifest = run / "rounds/0001/manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    result = fedtrain("ledger", "verify", run)
    assert result.exit_code == 1
    assert "\nerror: 1 finding: the ledger was changed or damaged\n" in result.stderr
    assert result.stderr.endswith(
        "Without a backup, no command can read this run: change `metadata.name` in the federation file, and start a "
        "new run.\n"
    )
    assert fedtrain("export", run, "--round", "2").exit_code == 1


def test_a_blob_that_all_rounds_use_leaves_no_round_to_use(run: Path, finished: Hand) -> None:
    manifest = finished.ledger.read("rounds/0001/manifest.json", Manifest)
    assert manifest is not None
    (run / names.blob(manifest.config)).unlink()
    result = fedtrain("ledger", "verify", run)
    assert "\n  used by rounds 0 to 3\n" in result.stderr
    assert result.stderr.endswith(
        "Without a backup, no trained round can be trusted: change `metadata.name` in the federation file, and start "
        "a new run.\n"
    )


def test_export_takes_the_best_round_also_if_it_is_not_the_last(runs: Path, tmp_path: Path, best_earlier: Hand) -> None:
    run, summary = runs / "default/overfitted", summarise(best_earlier.ledger)
    for options, round in (("--round", "best"), 2), ((), 3):
        assert fedtrain("export", run, *options, "--out", tmp_path / f"after-{round}").exit_code == 0
        exported = digest_file(tmp_path / f"after-{round}/adapter_model.safetensors")
        assert exported == summary.round(round).adapter


def test_delete_asks_first(run: Path) -> None:
    result = fedtrain("delete", run, given="n\n")
    assert result.exit_code == 1
    assert "nothing was deleted" in result.stderr
    assert re.search(r"Delete the run \S+/runs/default/quickstart \([0-9]+ files\)\?", result.output)
    assert run.is_dir()
    result = fedtrain("delete", run, given="y\n")
    assert result.exit_code == 0
    assert not run.exists()


@pytest.mark.parametrize("option", [(), ("--csv",)])
def test_a_report_replaces_no_file_of_the_user(run: Path, tmp_path: Path, option: tuple[str, ...]) -> None:
    mine = tmp_path / ("mine.csv" if option else "mine.html")
    mine.write_text("kind: FederatedTraining")
    result = fedtrain("report", run, *option, "--out", mine)
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {mine} exists and was not written by this command. Name a new file with --out, or move this one.\n"
    )
    assert mine.read_text() == "kind: FederatedTraining"
    assert fedtrain("report", run, *option, "--out", tmp_path / f"new{mine.suffix}").exit_code == 0
    assert fedtrain("report", run, *option, "--out", tmp_path / f"new{mine.suffix}").exit_code == 0


def test_a_comparison_replaces_no_file_of_the_user(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "comparison.html"
    mine.write_text("<!DOCTYPE html><html>my notes</html>")
    result = fedtrain("compare", run, run, "--out", mine)
    assert result.exit_code == 1
    assert "was not written by this command" in result.stderr
    assert "my notes" in mine.read_text()


@pytest.mark.parametrize("command", ["status", "export", "report"])
@pytest.mark.parametrize("missing", ["rounds/0000", "rounds/0002"])
def test_a_deleted_round_is_named(run: Path, command: str, missing: str) -> None:
    shutil.rmtree(run / missing)
    result = fedtrain(command, run)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: {run}/{missing}/manifest.json is missing. Restore it from a backup. Without one, start a run with "
        f"another `metadata.name`; the adapters of this one are kept in {run}/blobs. `fedtrain ledger verify` lists "
        "all damage.\n"
    )


@pytest.mark.parametrize("command", ["status", "list", "export", "report"])
def test_a_deleted_round_before_an_unfinished_one_is_named(tmp_path: Path, command: str) -> None:
    hand = Hand(open_ledger(Storage(type="File", file=File(path=str(tmp_path / "runs"))), "default", "quickstart"))
    hand.begin()
    for number in (1, 2, 3):
        hand.whole_round(number)
    run = tmp_path / "runs/default/quickstart"
    (run / "rounds/0003/manifest.json").unlink()
    shutil.rmtree(run / "rounds/0002")
    result = fedtrain(command, tmp_path / "runs" if command == "list" else run)
    said = " ".join((result.stdout + result.stderr).split())
    assert "rounds/0002/manifest.json is missing." in said
    assert "`fedtrain ledger verify`" in said


@pytest.mark.parametrize("command", ["status", "list", "export", "report"])
@pytest.mark.parametrize("ended", [True, False])
def test_the_first_of_several_deleted_rounds_is_named(tmp_path: Path, command: str, ended: bool) -> None:
    hand = Hand(open_ledger(Storage(type="File", file=File(path=str(tmp_path / "runs"))), "default", "quickstart"))
    hand.begin()
    for number in (1, 2, 3):
        hand.whole_round(number)
    if ended:
        hand.end()
    run = tmp_path / "runs/default/quickstart"
    for number in (1, 2, 3) if ended else (1, 2):
        shutil.rmtree(run / f"rounds/000{number}")
    result = fedtrain(command, tmp_path / "runs" if command == "list" else run)
    said = " ".join((result.stdout + result.stderr).split())
    assert "rounds/0001/manifest.json is missing." in said


def test_status_names_a_deleted_plan(run: Path) -> None:
    assert "Damaged" not in fedtrain("status", run).stdout
    (run / "rounds/0002/plan.json").unlink()
    result = fedtrain("status", run)
    assert result.exit_code == 0
    assert "Damaged: rounds/0002/plan.json is missing. Restore it from a backup; `fedtrain ledger" in result.stdout


@pytest.mark.parametrize(
    ("record", "content"),
    [("close-1.json", ""), ("evaluation-1.json", "{"), ("updates/zoo/2/record.json", "{")],
)
def test_status_names_a_damaged_record(run: Path, record: str, content: str) -> None:
    path = run / "rounds/0002" / record
    path.chmod(0o600)
    path.write_text(content)
    result = fedtrain("status", run)
    assert result.exit_code == 0
    assert f"Damaged: rounds/0002/{record} was changed. Restore it from a backup; `fedtrain ledger" in result.stdout


def test_export_names_a_deleted_adapter_and_a_round_that_has_one(run: Path, tmp_path: Path) -> None:
    adapter = json.loads((run / "rounds/0003/manifest.json").read_text())["adapter"].removeprefix("blake3:")
    (run / "blobs" / adapter).unlink()
    result = fedtrain("export", run, "--out", tmp_path / "adapter")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"error: {run}/blobs/{adapter} is missing: the adapter after round 3. Restore the file from a backup, or use "
        "`--round 2`."
    )
    assert fedtrain("export", run, "--out", tmp_path / "adapter", "--round", "2").exit_code == 0


def test_a_deleted_run_json_is_named(run: Path) -> None:
    (run / "run.json").unlink()
    lost = (
        f"`run.json` is missing, but {run} has the records of a run (rounds 0 to 3). Restore run.json from a backup. "
        f"Without one, start a run with another `metadata.name`, or delete the records with `fedtrain delete {run}`.\n"
    )
    for command in (["status", run], ["export", run], ["ledger", "verify", run]):
        result = fedtrain(*command)
        assert result.exit_code == 1
        assert result.stderr == f"error: {lost}"
    assert fedtrain("list", run.parent).stderr == f"warning: {lost}"


def test_a_run_without_run_json_can_be_deleted(run: Path) -> None:
    (run / "run.json").unlink()
    (run / "notes.txt").write_text("mine")
    refused = fedtrain("delete", run)
    assert refused.exit_code == 1
    assert "note: run.json is missing. This deletes what remains of the run: rounds 0 to 3\n" in refused.stderr
    assert (run / "rounds/0003/manifest.json").is_file()
    done = fedtrain("delete", run, "--yes")
    assert done.exit_code == 0
    assert "rounds 0 to 3" in done.stderr
    assert sorted(path.name for path in run.iterdir()) == ["notes.txt"]
    assert fedtrain("delete", run, "--yes").exit_code == 1


def test_an_output_that_cannot_be_written_is_named_and_not_its_temporary_file(run: Path) -> None:
    result = fedtrain("report", run, "--out", "/proc/report.html")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: /proc/report.html: ")


@pytest.mark.parametrize("content", ["{", "{}"])
def test_a_run_with_a_damaged_record_can_be_deleted(run: Path, content: str) -> None:
    (run / "run.json").chmod(0o600)
    (run / "run.json").write_text(content)
    result = fedtrain("status", run)
    assert result.exit_code == 1
    assert "Restore it from a backup. Without one, start a run with another `metadata.name`" in result.stderr
    assert fedtrain("delete", run, "--yes").exit_code == 0
    assert not run.exists()
