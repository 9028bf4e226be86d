"""Files that the user may not read are named as such. Root reads all files, so the tests deny them themselves."""

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest
from federation_files import POLICY_A, write

from fedtrain.api.reading import Invalid, read_file
from fedtrain.permissions import access_fix


def errors(file: Path) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read_file(file)
    return [str(error).removeprefix(f"{file}:") for error in caught.value.errors]


@pytest.mark.parametrize(
    ("name", "section", "place"),
    [
        ("a.jsonl", "", "16:41: spec.datasets[0].uri (dataset tickets, policy bank-a)"),
        ("base/config.json", "", "5:17: spec.model.base"),
        ("adapter/adapter_model.safetensors", "initial", "5:54: spec.model.adapter.initialFrom.uri"),
    ],
)
def test_a_file_without_permission_is_one_error(
    name: str, section: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initial = f"  model: {{base: ./base, adapter: {{initialFrom: {{uri: adapter, digest: 'blake3:{64 * '0'}'}}}}}}"
    file = write(tmp_path, **({"model": initial} if section else {}))
    access = os.access

    def denied(path: str | Path, mode: int) -> bool:
        return Path(path) != tmp_path / name and access(path, mode)

    monkeypatch.setattr(os, "access", denied)
    assert errors(file) == [f"{place}: {tmp_path / name} cannot be read. Run `chmod u+r {tmp_path / name}`."]


def test_a_closed_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    policy = POLICY_A.replace("a.jsonl", "data/a.jsonl")
    file = write(tmp_path, **{"bank-a": policy})
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / "data" and access(path, mode))
    assert errors(file) == [
        f"16:41: spec.datasets[0].uri (dataset tickets, policy bank-a): {tmp_path / 'data/a.jsonl'} cannot be read: "
        f"you may not open its folder. Run `chmod u+rx {tmp_path / 'data'}`."
    ]


def test_permissions_of_another_user_are_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = {100: "ana", 200: "ben"}

    def named(user: int) -> SimpleNamespace:
        return SimpleNamespace(pw_name=users[user])

    monkeypatch.setattr(pwd, "getpwuid", named)
    monkeypatch.setattr(os, "geteuid", lambda: 200)
    monkeypatch.setattr(Path, "stat", lambda path: SimpleNamespace(st_uid=100))
    file = Path("/data/a b.jsonl")
    assert access_fix(file, "r") == "ask its owner, ana, to run `setfacl -m u:ben:r '/data/a b.jsonl'`"
    assert access_fix(file, "rwX", "-R") == "ask its owner, ana, to run `setfacl -R -m u:ben:rwX '/data/a b.jsonl'`"
    del users[100]
    assert access_fix(file, "r").startswith("ask its owner, 100, to run")
    monkeypatch.setattr(os, "geteuid", lambda: 100)
    assert access_fix(file, "r") == "run `chmod u+r '/data/a b.jsonl'`"
