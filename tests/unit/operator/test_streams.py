"""Streams bring all objects of a kind, whatever a watch misses."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import cast

import pytest
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.cache import Cache, take
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.streams import Streams

from fedtrain.manifests.kinds import JOB, PARTICIPANT, POLICY, TASK, TRAINING, Json, Kind, Ref


def task(name: str, version: int, namespace: str = "at") -> Json:
    metadata = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "resourceVersion": str(version)}
    return {"metadata": metadata}


END: Json = {}


class Server:
    """As much of a cluster as is followed. `watch` brings what is put into `events`, and breaks at an exception."""

    def __init__(self, *namespaces: str) -> None:
        self.namespaces = namespaces or ("",)
        self.serves_all = not namespaces
        self.there: dict[str, list[Json]] = {namespace: [] for namespace in self.namespaces}
        self.events: asyncio.Queue[Json | Exception] = asyncio.Queue()
        self.fails: list[ApiError] = []
        self.watched: list[str] = []
        self.listed: list[tuple[Kind, str, bool]] = []
        """Kind, namespace, and whether only objects with fedtrain's label."""
        self.lost = ""

    async def pages(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> AsyncIterator[Json]:
        self.listed.append((kind, namespace, bool(labels)))
        if self.fails:
            raise self.fails.pop()
        if self.lost and namespace == self.lost:
            raise ApiError(403, "Forbidden", "no such namespace")
        version = {"resourceVersion": "7"}
        for body in list(self.there[namespace]) or [None]:
            yield {"metadata": version, "items": [body] if body else []}

    async def watch(self, kind: Kind, namespace: str, labels: Mapping[str, str], version: str) -> AsyncGenerator[Json]:
        self.watched.append(version)
        while True:
            event = await self.events.get()
            if isinstance(event, Exception):
                raise event
            if event is END:
                return
            yield event


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr("fedtrain_operator.kube.streams.asyncio.sleep", lambda _: sleep(0))


def followed(server: Server, what: Callable[[Callable[[], list[str]], list[object]], object], resync: float = 60.0):
    """Runs `what(names, types)`: the names in the cache, and the types of all events, as they are at any time."""

    async def run() -> None:
        cache, types = Cache(), list[object]()
        streams = Streams(cast(Cluster, server), resync)

        def seen(event: Json) -> None:
            types.append(event["type"])
            take(cache, event)

        streams.follow(TASK, cache, seen)
        streams.start()
        await streams.listed(TASK, server.namespaces[0], 10)
        checking = what(lambda: sorted(one["metadata"]["name"] for one in cache.within("")), types)
        assert asyncio.iscoroutine(checking)
        await checking
        await streams.close()

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)


def test_a_list_and_then_the_changes_since() -> None:
    server = Server()
    server.there[""] = [task("one", 1), task("two", 2)]

    async def check(names: Callable[[], list[str]], types: list[object]) -> None:
        assert names() == ["one", "two"]
        server.events.put_nowait({"type": "ADDED", "object": task("three", 8)})
        server.events.put_nowait({"type": "DELETED", "object": task("one", 9)})
        await until(lambda: names() == ["three", "two"])
        assert types == [None, None, "ADDED", "DELETED"]
        assert server.watched == ["7"], "the watch continues after the list"

    followed(server, check)


def test_a_watch_that_the_server_ends_resumes_from_its_last_version() -> None:
    server = Server()

    async def check(names: Callable[[], list[str]], types: list[object]) -> None:
        server.events.put_nowait({"type": "ADDED", "object": task("one", 8)})
        server.events.put_nowait(END)
        server.events.put_nowait({"type": "ADDED", "object": task("two", 9)})
        await until(lambda: names() == ["one", "two"])
        assert (server.watched, types) == (["7", "8"], ["ADDED", "ADDED"])

    followed(server, check)


def test_an_object_that_is_missing_from_a_list_and_returns_is_cached_again() -> None:
    """Its label was taken away, and given back."""
    server = Server()
    server.there[""] = [task("one", 1)]

    async def check(names: Callable[[], list[str]], types: list[object]) -> None:
        server.there[""] = []
        server.events.put_nowait(ApiError(0, "Unreachable", "the connection broke"))
        await until(lambda: names() == [])
        server.events.put_nowait({"type": "ADDED", "object": task("one", 9)})
        await until(lambda: names() == ["one"])

    followed(server, check)


def test_a_malformed_object_does_not_hide_others() -> None:
    server = Server()
    server.there[""] = [{"metadata": {"uid": "nameless"}}, task("one", 1)]

    async def check(names: Callable[[], list[str]], types: list[object]) -> None:
        assert names() == ["one"]

    followed(server, check)


def test_waiting_for_a_namespace_that_cannot_be_listed_raises_the_servers_error() -> None:
    server = Server("here", "there")
    server.lost = "there"

    async def run() -> None:
        streams = Streams(cast(Cluster, server), 60.0)
        streams.follow(TASK, Cache(), lambda event: None)
        streams.start()
        await streams.listed(TASK, "here", 10)
        await streams.listed(TASK, "not served", 10)
        with pytest.raises(ApiError, match="403 Forbidden: no such namespace"):
            await streams.listed(TASK, "there", 0.01)
        assert streams.is_listed(TASK, "here")
        assert not streams.is_listed(TASK, "there")
        await streams.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "end",
    [ApiError(0, "Unreachable", "the connection broke"), {"type": "ERROR", "object": {"code": 410}}],
)
def test_the_next_list_has_what_a_watch_missed(end: Json | Exception) -> None:
    server = Server()
    server.there[""] = [task("one", 1), task("two", 2)]

    async def check(names: Callable[[], list[str]], types: list[object]) -> None:
        server.there[""] = [task("two", 2), task("three", 9)]
        server.events.put_nowait(end)
        await until(lambda: names() == ["three", "two"])
        assert types[2:] == [None, None, "DELETED"]

    followed(server, check)


def test_a_silent_watch_is_followed_by_a_list() -> None:
    server = Server()

    async def check(names: Callable[[], list[str]], types: list[object]) -> None:
        server.there[""] = [task("one", 1)]
        await until(lambda: names() == ["one"])

    followed(server, check, resync=0.01)


def test_a_failed_list_is_repeated() -> None:
    server = Server()
    server.there[""] = [task("one", 1)]
    server.fails = [ApiError(503, "ServiceUnavailable", "starting"), ApiError(404, "NotFound", "no such kind yet")]

    async def check(names: Callable[[], list[str]], types: list[object]) -> None:
        assert names() == ["one"]

    followed(server, check)


def test_each_namespace_is_followed_for_its_own_objects() -> None:
    server = Server("here", "there")
    server.there = {"here": [task("one", 1, "here")], "there": [task("two", 1, "there")]}

    async def check(names: Callable[[], list[str]], types: list[object]) -> None:
        assert names() == ["one", "two"]
        server.there["here"] = []
        server.events.put_nowait({"type": "ERROR", "object": {}})
        server.events.put_nowait({"type": "ERROR", "object": {}})
        await until(lambda: names() == ["two"])

    followed(server, check)


def test_every_follower_of_a_kind_gets_its_events() -> None:
    server = Server()
    server.there[""] = [task("one", 1)]

    async def run() -> list[Ref]:
        streams, seen = Streams(cast(Cluster, server), 60.0), list[Ref]()
        for cache in (Cache(), Cache()):
            streams.follow(TASK, cache, lambda event, cache=cache: seen.append(take(cache, event)))
        streams.start()
        await streams.listed(TASK, server.namespaces[0], 10)
        await streams.close()
        return seen

    assert asyncio.run(run()) == [Ref("at", "one")] * 2


def test_objects_of_users_have_no_label_and_those_of_the_cluster_no_namespace() -> None:
    server = Server("here")
    server.there[""] = []
    kinds = (TRAINING, TASK, JOB, POLICY, PARTICIPANT)

    async def run() -> None:
        streams = Streams(cast(Cluster, server), 60.0)
        for kind in kinds:
            streams.follow(kind, Cache(), lambda _: None)
        streams.start()
        await until(lambda: len(server.listed) >= len(kinds))
        await streams.close()

    asyncio.run(run())
    assert set(server.listed) == {
        (TRAINING, "here", False),
        (TASK, "here", True),
        (JOB, "here", True),
        (POLICY, "here", False),
        (PARTICIPANT, "", False),
    }
