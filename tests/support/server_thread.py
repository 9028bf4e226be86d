"""A server of a test, with an event loop in a thread of its own."""

import asyncio
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class ServerThread(ABC):
    """Enter it to start the server. A subclass implements `serve`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self.stop = asyncio.Event()
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self.loop.run_until_complete(self.serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(300)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self._thread.join()
        self.loop.close()

    @abstractmethod
    async def serve(self, ready: threading.Event) -> None:
        """Serve until `stop` is set. Set `ready` as soon as connections are accepted."""
