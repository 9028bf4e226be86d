"""A base model on a hub that cannot be reached fails at once, with the command that fetches it elsewhere."""

import socket
from pathlib import Path

import pytest

from fedtrain.api.reading import Federation, read_file
from fedtrain.data.hub_cache import is_unresolved, why_unreachable
from fedtrain.runner.base_access import check_base_access
from fedtrain.runner.errors import RunError

REVISION = "1" * 40
FILE = f"""\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: answers}}
spec:
  model: {{base: org/tiny, revision: {REVISION!r}}}
  data: {{dataset: tickets, format: Text}}
  participants: [{{name: bank-a}}]
  rounds: {{count: 1, minParticipants: 1}}
  training: {{length: {{type: Steps, steps: 5}}}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {{name: bank-a}}
spec: {{datasets: [{{name: tickets, uri: a.jsonl}}]}}
"""


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "a.jsonl").write_text('{"text": "t"}\n')
    (tmp_path / "federation.yaml").write_text(FILE)
    return read_file(tmp_path / "federation.yaml")


def unresolved(place: tuple[str, int], seconds: float) -> socket.socket:
    raise socket.gaierror(-2, "Name or service not known")


def refusing(place: tuple[str, int], seconds: float) -> socket.socket:
    raise ConnectionRefusedError(111, "Connection refused")


def test_a_hub_that_does_not_resolve_is_an_error_with_the_command(federation: Federation) -> None:
    with pytest.raises(RunError) as refused:
        check_base_access(federation, lambda: why_unreachable(unresolved))
    message = str(refused.value)
    assert "spec.model.base: org/tiny is not in the Hugging Face cache of this machine, and " in message
    assert " cannot be resolved. " in message
    assert f"run `hf download org/tiny --revision {REVISION} --local-dir tiny`" in message
    assert "set `model.base: ./tiny`" in message


def test_offline_mode_is_an_error_too(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(RunError, match="HF_HUB_OFFLINE is set"):
        check_base_access(federation)


def test_a_hub_that_refuses_connections_is_an_error_before_the_workers_start(federation: Federation) -> None:
    with pytest.raises(
        RunError, match=r"huggingface\.co refuses connections\. On a machine that reaches Hugging Face, run"
    ):
        check_base_access(federation, lambda: why_unreachable(refusing))


def test_a_proxy_is_reached_in_place_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    reached: list[tuple[str, int]] = []

    def connected(place: tuple[str, int], seconds: float) -> socket.socket:
        reached.append(place)
        return socket.socket()

    assert why_unreachable(connected) is None
    assert reached == [("proxy", 3128)]
    assert why_unreachable(refusing) == "the proxy proxy:3128 refuses connections"


def test_a_base_in_the_cache_or_in_a_folder_needs_no_hub(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: str(tmp_path / "config.json"))
    check_base_access(federation, lambda: "it is down")
    (tmp_path / "org/tiny").mkdir(parents=True)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    check_base_access(federation, lambda: "it is down")


def test_the_cause_of_an_error_says_whether_a_name_was_resolved() -> None:
    error = RuntimeError("not found")
    error.__cause__ = ConnectionError("failed")
    assert not is_unresolved(error)
    error.__cause__.__context__ = socket.gaierror(-3, "Temporary failure in name resolution")
    assert is_unresolved(error)
