"""The Secrets that trainings share: how their writes are put together, and that none is lost."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import pytest
from fedtrain_operator.coordinator.transfer_secrets import TransferSecrets
from fedtrain_operator.kube.api_error import ApiError

from fedtrain.contracts.wire.transfer import SignedRecord, SignedRequest, TransferGrant
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json
from tests.unit.operator.api_server import ApiServer, Request

NAMESPACE = "bank-a"


class OneAtATime(ApiServer):
    """Answers a request after the others had their turn."""

    async def _call(self, method: str, path: str, body: Json | Sequence[Json] | None = None) -> Json:
        await asyncio.sleep(0.001)
        return await super()._call(method, path, body)


def grant(uid: str) -> TransferGrant:
    record = SignedRecord(name="record", read=SignedRequest(url=f"http://store/{uid}"), writes=())
    return TransferGrant(task=uid, expires=1000, record=record)


def of_training(number: int) -> dict[str, TransferGrant | None]:
    return {f"uid-{number}": grant(f"uid-{number}")}


def data(server: ApiServer) -> Mapping[str, str]:
    return server.objects["secrets", NAMESPACE, labels.TRANSFER_SECRET]["data"]


def together(*writes: Coroutine[Any, Any, None]) -> list[BaseException | None]:
    async def all_of_them() -> list[BaseException | None]:
        return await asyncio.gather(*writes, return_exceptions=True)

    return asyncio.run(all_of_them())


def test_entries_that_many_trainings_write_at_once_go_out_in_two_requests() -> None:
    """The first, and one for all that came while it was sent."""
    server = OneAtATime()
    secrets = TransferSecrets(server, lambda: 0.0, lambda: 0.0)
    assert together(secrets.write(NAMESPACE, of_training(0))) == [None]
    server.requests.clear()
    assert set(together(*(secrets.write(NAMESPACE, of_training(number)) for number in range(1, 50)))) == {None}
    assert len(data(server)) == 50
    assert len(server.requests) <= 2


def test_one_training_deletes_an_entry_while_others_write() -> None:
    server = OneAtATime()
    secrets = TransferSecrets(server, lambda: 0.0, lambda: 0.0)
    together(secrets.write(NAMESPACE, of_training(0)))
    together(*(secrets.write(NAMESPACE, change) for change in (of_training(1), {"uid-0": None}, of_training(2))))
    assert data(server).keys() == {"uid-1", "uid-2"}
    assert asyncio.run(secrets.entries(NAMESPACE)).keys() == {"uid-1", "uid-2"}


def test_an_entry_that_the_server_refuses_does_not_keep_out_those_of_other_trainings() -> None:
    server = OneAtATime()
    secrets = TransferSecrets(server, lambda: 0.0, lambda: 0.0)
    together(secrets.write(NAMESPACE, of_training(0)))

    def too_long(request: Request) -> ApiError | None:
        return ApiError(422, "Invalid", "too long") if "uid-7" in request.body["data"] else None

    server.fault = too_long
    answers = together(*(secrets.write(NAMESPACE, of_training(number)) for number in (1, 2, 7, 3)))
    assert [type(answer) for answer in answers] == [type(None), type(None), ApiError, type(None)]
    assert data(server).keys() == {"uid-0", "uid-1", "uid-2", "uid-3"}


def test_no_training_takes_its_entries_for_written_if_their_request_is_given_up() -> None:
    server = OneAtATime()
    secrets = TransferSecrets(server, lambda: 0.0, lambda: 0.0)
    together(secrets.write(NAMESPACE, of_training(0)))
    server.fault = lambda _: ApiError(0, "Timeout", "never answered")

    async def give_up() -> BaseException | None:
        """The second and the third wait together for the first, and the second sends for both."""
        first, second, third = (asyncio.create_task(secrets.write(NAMESPACE, of_training(n))) for n in (1, 2, 3))
        for one in (first, second):
            await asyncio.sleep(0.01)
            one.cancel()
        (_, _, last) = await asyncio.gather(first, second, third, return_exceptions=True)
        return last

    assert isinstance(asyncio.run(give_up()), ApiError)
    assert data(server).keys() == {"uid-0"}
    server.fault = lambda _: None
    together(secrets.write(NAMESPACE, of_training(3)))
    assert "uid-3" in data(server)


@pytest.mark.parametrize("exists", [True, False])
def test_a_secret_that_cannot_be_read_is_read_again(exists: bool) -> None:
    server = OneAtATime()
    secrets = TransferSecrets(server, lambda: 0.0, lambda: 0.0)
    if exists:
        together(TransferSecrets(server, lambda: 0.0, lambda: 0.0).write(NAMESPACE, of_training(0)))
    server.fault = lambda _: ApiError(500, "InternalError", "etcd")
    with pytest.raises(ApiError):
        asyncio.run(secrets.entries(NAMESPACE))
    assert isinstance(together(secrets.write(NAMESPACE, of_training(1)))[0], ApiError)
    server.fault = lambda _: None
    assert asyncio.run(secrets.entries(NAMESPACE)).keys() == ({"uid-0"} if exists else set())
