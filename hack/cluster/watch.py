"""The objects of one kind, kept up to date by a watch: for programs that look at them several times a second."""

import json
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

import urllib3

from hack.cluster.api import Api, Json, Refused

PAUSE = 0.2
"""Seconds until the next try, while the API server does not answer."""


class Watch:
    """Enter it to begin. While the API server is away, the objects are those that it reported last.

    Attributes:
        objects: what a label selector matches in all namespaces, by uid. Each change makes a new dictionary.
    """

    def __init__(self, api: Api, resource: str, labels: str) -> None:
        self.objects: dict[str, Json] = {}
        self._api = api
        self._resource = resource
        self._labels = labels
        self._stop = threading.Event()
        self._answer: urllib3.BaseHTTPResponse | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if (answer := self._answer) is not None:
            with suppress(RuntimeError, ValueError, OSError):  # it has just ended
                answer.shutdown()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError, Refused, urllib3.exceptions.HTTPError):
                self._follow()
            self._stop.wait(PAUSE)

    def _follow(self) -> None:
        """List, then take changes until the server ends the watch."""
        items, version = self._api.list_at(self._resource, self._labels)
        self.objects = {one["metadata"]["uid"]: one for one in items}
        answer = self._answer = self._api.watch(self._resource, self._labels, version)
        try:
            if self._stop.is_set():
                return  # too late for `__exit__` to end the answer
            for line in answer:
                if not self._apply(json.loads(line)):
                    return
        finally:
            answer.close()

    def _apply(self, event: Json) -> bool:
        """Take one change; False if the changes since the list are not all known any more."""
        if event["type"] == "ERROR":
            return False
        one = event["object"]
        others = {uid: other for uid, other in self.objects.items() if uid != one["metadata"]["uid"]}
        self.objects = others if event["type"] == "DELETED" else {**others, one["metadata"]["uid"]: one}
        return True
