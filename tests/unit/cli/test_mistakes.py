"""Each mistake of mistakes.yaml gets a message that names the place, the value and the fix.

To add one, append an entry to mistakes.yaml: what is changed in the valid folder or which command is run
(`Mistake` in mistake.py lists the keys), and the parts of the message that name `place`, `value` and `fix`.
"""

from pathlib import Path

import pytest
import yaml
from mistake import Mistake, rows

from fedtrain.api.storage import File, Storage
from fedtrain.ledger.open import open_ledger
from tests.support.ledger_by_hand import Hand

MISTAKES = [
    Mistake(**{**entry, "delete": tuple(entry.get("delete", ()))})
    for entry in yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text())
]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with `default/quickstart`, which has one round."""
    folder = tmp_path_factory.mktemp("prepared") / "runs"
    hand = Hand(open_ledger(Storage(type="File", file=File(path=str(folder))), "default", "quickstart"))
    hand.begin()
    hand.whole_round(1)
    return folder


def test_the_valid_folder_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    enough = {f"{name}.jsonl": rows(*(f"{name} {number}" for number in range(32))) for name in ("a", "b")}
    valid = Mistake("none", write=enough)
    valid.make(tmp_path)
    assert valid.message() == (0, "")


def test_the_mistakes_are_different() -> None:
    assert len({one.mistake for one in MISTAKES}) == len(MISTAKES) >= 60


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.mistake for one in MISTAKES])
def test_a_mistake_is_answered_with_place_value_and_fix(
    mistake: Mistake, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mistake.make(tmp_path, runs)
    _, message = mistake.message()
    assert [part for part in (mistake.place, mistake.value, mistake.fix) if part not in message] == [], message
    assert all((mistake.place, mistake.value, mistake.fix)), "each mistake states all three"
    if mistake.run.startswith("validate") and mistake.errors:
        several = "1 error" if mistake.errors == 1 else f"{mistake.errors} errors"
        assert message.splitlines()[-1].startswith(f"{several} in "), message
