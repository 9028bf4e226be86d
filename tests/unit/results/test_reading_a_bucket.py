"""Commands that only read from a bucket: where its server hangs or is away for a while, they say so soon."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.ledger import s3_client
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_client import BRIEF, Patience
from fedtrain.ledger.store import StoreUnavailable
from fedtrain.results import summary
from tests.support.ledger_by_hand import Hand

RUN = "s3://federations/default/quickstart"


@pytest.fixture
def silent() -> Iterator[list[socket.socket]]:
    """The connections of a server that takes all and never answers; AWS_ENDPOINT_URL is set to it."""
    taken: list[socket.socket] = []
    server = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        try:
            while True:
                taken.append(server.accept()[0])
        except OSError:  # closed
            pass

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield taken
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    for connection in taken:
        connection.close()


@pytest.mark.parametrize("command", [("status",), ("logs",), ("export",), ("report",), ("ledger", "verify")])
def test_a_server_that_never_answers_is_reported(
    silent: list[socket.socket], command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "BRIEF", Patience(connect_seconds=60, read_seconds=0.1, attempts=2))
    result = CliRunner().invoke(main, [*command, RUN])
    assert result.exit_code == 1
    assert "did not answer in time. Check that the server runs and that AWS_ENDPOINT_URL is right." in result.stderr
    assert "http://127.0.0.1:" in result.stderr
    assert len(silent) == 2


def test_somebody_waits_for_what_is_read_20_seconds_at_most_and_a_run_is_more_patient() -> None:
    assert BRIEF.attempts * max(BRIEF.read_seconds, BRIEF.connect_seconds) <= 20
    assert BRIEF.attempts * BRIEF.read_seconds < Patience().attempts * Patience().read_seconds


def test_following_continues_after_an_outage_of_the_store(
    finished: Hand, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, times = summary.summarise, 0

    def away(ledger: Ledger) -> summary.RunSummary:
        nonlocal times
        times += 1
        if 1 < times < 4:
            raise StoreUnavailable("bucket 'federations' can't be reached.")
        return read(ledger)

    monkeypatch.setattr(summary, "summarise", away)
    monkeypatch.setattr("fedtrain.cli.logs._POLL_SECONDS", 0.0)
    run = str(runs / "default/quickstart")
    result = CliRunner().invoke(main, ["logs", run, "--follow"])
    assert result.exit_code == 0
    assert result.stderr == "bucket 'federations' can't be reached. Retrying.\n"
    assert result.stdout == CliRunner().invoke(main, ["logs", run]).stdout
