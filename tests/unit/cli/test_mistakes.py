"""Each mistake of mistakes.yaml gets a message that names the place, the value and the fix."""

from pathlib import Path

import pytest
import yaml
from mistake import Mistake

MISTAKES = [
    Mistake(**{**entry, "delete": tuple(entry.get("delete", ()))})
    for entry in yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text())
]


def test_the_valid_folder_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Mistake("none").make(tmp_path)
    assert Mistake("none").message() == (0, "")


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.mistake for one in MISTAKES])
def test_a_mistake_is_answered_with_place_value_and_fix(
    mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mistake.make(tmp_path)
    _, message = mistake.message()
    assert [part for part in (mistake.place, mistake.value, mistake.fix) if part not in message] == [], message
    assert all((mistake.place, mistake.value, mistake.fix)), "each mistake states all three"
    if mistake.run.startswith("validate") and mistake.errors:
        several = "1 error" if mistake.errors == 1 else f"{mistake.errors} errors"
        assert message.splitlines()[-1].startswith(f"{several} in "), message
