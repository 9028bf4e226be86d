"""A network link to a server, in a thread of its own, which a test cuts."""

import asyncio
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from hack.cluster.processes import LOOPBACK, free_port
from tests.support.server_thread import ServerThread

_BLOCK = 2**16
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Link(ServerThread):
    """Enter it to start it.

    Attributes:
        address: where it accepts connections to the server.
        sent: number of bytes that clients have sent.
        cut_at: the link is cut when clients have sent this number of bytes.
    """

    def __init__(self, server: tuple[str, int] | None = None, certificate: Path | None = None) -> None:
        """`server`: None for a subclass that finds it out. `certificate`: a file with the key, for clients that use
        TLS; the server gets what they send without it."""
        super().__init__()
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self.address = (LOOPBACK, free_port())
        self.sent = 0
        self.cut_at: int | None = None
        self._server = server
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        super().__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.address[0]}:{self.address[1]}"

    @property
    def is_cut(self) -> bool:
        return self._is_cut

    def cut(self) -> None:
        """Abort all connections, and every new one."""
        self._is_cut = True
        self.loop.call_soon_threadsafe(self._abort)

    def heal(self) -> None:
        self._is_cut = False

    async def server_of(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        """Connect to the server for a client. None refuses the client."""
        assert self._server is not None
        return await asyncio.open_connection(*self._server)

    def _abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._accept, *self.address, ssl=self._tls)
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
            if not self._is_cut and (server := await self.server_of(reader, writer)):
                from_server, to_server = server
                self._open.add(to_server)
                await asyncio.gather(self._pass(reader, to_server, from_client=True), self._pass(from_server, writer))
        self._close(writer)

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, from_client: bool = False
    ) -> None:
        with suppress(OSError):
            while block := await source.read(_BLOCK):
                if from_client:
                    self._count(len(block))
                target.write(block)
                await target.drain()
        self._close(target)

    def _count(self, size: int) -> None:
        self.sent += size
        if self.cut_at is not None and self.sent >= self.cut_at:
            self.cut_at, self._is_cut = None, True
            self._abort()

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.close()
