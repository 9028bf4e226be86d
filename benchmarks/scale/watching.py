"""A bare watch: what the API server sends, parsed, and nothing else."""

import json
from collections.abc import AsyncIterator

import aiohttp
import kopf

from fedtrain.manifests.kinds import Json, Kind


def login() -> kopf.ConnectionInfo:
    """By KUBECONFIG."""
    found = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
    assert found is not None, "KUBECONFIG is not set"
    return found


async def watch(kind: Kind) -> AsyncIterator[Json]:
    """The events of all objects of a kind: first ADDED for each that is there. An API server cuts the watch of a client
    that is slow for a moment; then it continues where it was."""
    info = login()
    connector = aiohttp.TCPConnector(ssl=info.as_ssl_context())
    timeout = aiohttp.ClientTimeout(total=None)
    url = f"{info.server.rstrip('/')}/{kind.path}/{kind.plural}?watch=1"
    since = ""
    async with aiohttp.ClientSession(
        headers=info.as_http_headers(), connector=connector, timeout=timeout, read_bufsize=2**22
    ) as session:
        while True:
            async with session.get(url + since) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":  # it has forgotten where that was: from the beginning
                        since = ""
                        break
                    since = f"&resourceVersion={event['object']['metadata']['resourceVersion']}"
                    yield event
