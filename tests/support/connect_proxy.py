"""An HTTP proxy for TLS connections (CONNECT), in a thread of its own, whose connections a test can cut."""

import asyncio
import threading
from contextlib import suppress
from types import TracebackType

from hack.cluster.processes import LOOPBACK, free_port
from tests.support.server_thread import ServerThread

_BLOCK = 2**16


class ConnectProxy(ServerThread):
    """Enter it to start it.

    Attributes:
        url: of the proxy.
        asked: the servers that clients asked for, as `HOST:PORT`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._port = free_port()
        self.url = f"http://{LOOPBACK}:{self._port}"
        self.asked: set[str] = set()
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        super().__exit__(kind, error, trace)

    def cut(self) -> None:
        """Abort all connections, and every new one."""
        self._is_cut = True
        self.loop.call_soon_threadsafe(self._abort)

    def heal(self) -> None:
        self._is_cut = False

    def _abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._accept, LOOPBACK, self._port)
        ready.set()
        await self.stop.wait()
        server.close()
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._is_cut:
                return self._close(writer)
            method, target, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
            if method != "CONNECT":
                writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                return self._close(writer)
            self.asked.add(target)
            host, _, port = target.rpartition(":")
            from_server, to_server = await asyncio.open_connection(host, int(port))
            self._open.add(to_server)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(self._pass(reader, to_server), self._pass(from_server, writer))
        return self._close(writer)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while block := await source.read(_BLOCK):
                target.write(block)
                await target.drain()
        self._close(target)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.close()
