"""A bare watch: what the API server sends, parsed, and nothing else."""

import json
from collections.abc import AsyncIterator

import aiohttp
import kopf
from fedtrain_operator.shared.kinds import Json, Kind


def login() -> kopf.ConnectionInfo:
    """By KUBECONFIG."""
    found = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
    assert found is not None, "KUBECONFIG is not set"
    return found


async def watch(kind: Kind) -> AsyncIterator[Json]:
    """The events of all objects of a kind: first ADDED for each that is there."""
    info = login()
    connector = aiohttp.TCPConnector(ssl=info.as_ssl_context())
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(
            headers=info.as_http_headers(), connector=connector, timeout=timeout, read_bufsize=2**22
        ) as session,
        session.get(f"{info.server.rstrip('/')}/{kind.path}/{kind.plural}?watch=1") as answer,
    ):
        async for line in answer.content:
            yield json.loads(line)
