"""The operator's process, killed around each of its writes: `main` is the operator's, armed.

$FEDTRAIN_TEST_WRITES is a folder. Before a write that it holds no `<what>.before` of, that file is made and the process
is killed with SIGKILL; after one without its `<what>.after`, likewise. So each write is interrupted twice, whenever it
first happens, and done the third time. What a write is called says what it does, not of which round or participant:

    ledger rounds/0001/plan.json        create trainingtasks train        patch federatedtrainings/status Training
"""

import asyncio
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fedtrain_operator import main as operator
from fedtrain_operator.kube.client import Cluster

from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectStore

KINDS = re.compile(r"-(inspect|train|measure|initialise|evaluate|aggregate)-")
RECORDS = re.compile(r"^(preflight)/|/(measurements)/|/updates/.*/record")
CHECK = re.compile(r"^_probe/|/copies/[0-9a-f]+/check$")
"""Objects that only show whether a store can hold a ledger."""
ALONE = threading.Lock()
"""Held around a write: a kill at another one must not come between it and what follows it."""
VERBS = {"POST": "create", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}


def main() -> int:
    _arm(Path(os.environ["FEDTRAIN_TEST_WRITES"]))
    return operator.main()


def _arm(folder: Path) -> None:
    opened, call = Ledger.__init__, Cluster._call  # pyright: ignore[reportPrivateUsage]

    def open_armed(self: Ledger, store: ObjectStore, namespace: str, name: str) -> None:
        store.create = _armed(folder, "ledger", store.create)  # pyright: ignore[reportAttributeAccessIssue]
        store.delete = _armed(folder, "ledger delete", store.delete)  # pyright: ignore[reportAttributeAccessIssue]
        opened(self, store, namespace, name)

    async def call_armed(self: Cluster, method: str, path: str, body: Any = None) -> Any:
        if method == "GET":
            return await call(self, method, path, body)
        what = named(method, path, body or {})
        await asyncio.to_thread(ALONE.acquire)
        try:
            _die(folder, what, "before")
            answer = await call(self, method, path, body)
            _die(folder, what, "after")
        finally:
            ALONE.release()
        return answer

    Ledger.__init__ = open_armed
    Cluster._call = call_armed  # pyright: ignore[reportPrivateUsage]


def _armed(folder: Path, verb: str, write: Callable[..., Any]) -> Callable[..., Any]:
    def armed(key: str, *content: Any) -> Any:
        what = f"{verb} {'_probe' if CHECK.search(key) else _object('/'.join(key.split('/')[2:]))}".strip()
        with ALONE:
            _die(folder, what, "before")
            answer = write(key, *content)
            _die(folder, what, "after")
        return answer

    return armed


def _object(name: str) -> str:
    """What an object of the ledger is called: admitted records of participants by their sort."""
    if name.startswith("incoming/"):
        return "incoming"
    sort = RECORDS.search(name)
    return f"admitted {sort[1] or sort[2] or 'update'}" if sort else name


def named(method: str, path: str, body: Any) -> str:
    """What a write to the API does: verb, kind, subresource, and of objects of many sorts, which."""
    parts = path.split("/")[2 if path.startswith("api/") else 3 :]
    if parts[0] == "namespaces":
        parts = parts[2:]
    plural, name, subresource = (*parts, "", "")[:3]
    if isinstance(body, list):  # on a condition
        _, field, *inner = body[1]["path"].split("/")
        body = {field: {inner[0]: body[1]["value"]} if inner else body[1]["value"]}
    metadata, spec, status = (body.get(field) or {} for field in ("metadata", "spec", "status"))
    kind = KINDS.search(metadata.get("name", name))
    detail = [kind[1]] if kind else []
    if subresource:
        plural, detail = f"{plural}/{subresource}", [*detail, status.get("phase", "")]
    elif method == "PATCH":
        detail += [*metadata.keys() - {"resourceVersion"}, spec.get("desiredState", "")]
    return " ".join(filter(None, (VERBS[method], plural, *detail)))


def _die(folder: Path, what: str, when: str) -> None:
    try:
        os.close(os.open(folder / f"{quote(what, safe=' ')}.{when}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
