"""A server that fails as servers and networks do: an HTTP proxy in front of it, in a thread of its own."""

import asyncio
import re
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal

import aiohttp
from aiohttp import web
from yarl import URL

from hack.cluster.processes import LOOPBACK, free_port
from tests.support.server_thread import ServerThread

DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"
HOP = {"transfer-encoding", "connection", "keep-alive", "expect"}


class Proxy(ServerThread):
    """Enter it to start it.

    Attributes:
        address: its IP address and port.
        url: where it answers, without TLS.
        fault: what happens to requests that come now: `busy` (503), `hang` (they wait until that is over), `cut` (the
            connection is closed).
        denied: requests to S3 that are answered with 403: a pattern of `METHOD /bucket/key` or, for listings, of
            `LIST /bucket/prefix`. Empty: none.
        out: requests that are answered with 503: such a pattern.
        silent: watches of the Kubernetes API whose paths end with one of these stay open, and bring nothing.
    """

    def __init__(self, server: str, authority: Path | None = None, address: str = LOOPBACK) -> None:
        super().__init__()
        self.fault: Literal["", "busy", "hang", "cut"] = ""
        self.silent: tuple[str, ...] = ()
        self.denied = self.out = ""
        self._server = server
        self._trust: ssl.SSLContext | bool = ssl.create_default_context(cafile=authority) if authority else True
        self.address = (address, free_port())
        self.url = f"http://{address}:{self.address[1]}"
        self._transports: set[asyncio.Transport] = set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.fault = "cut"
        super().__exit__(kind, error, trace)

    def cut(self) -> None:
        """Closes all connections that there are."""
        self.loop.call_soon_threadsafe(self._close)

    def heal(self) -> None:
        """Break all connections. Clients that watched connect again and get all events."""
        self.silent, self.fault = (), "cut"
        self.cut()
        self.fault = ""

    def _close(self) -> None:
        for transport in self._transports:
            transport.abort()
        self._transports.clear()

    async def serve(self, ready: threading.Event) -> None:
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        async with aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session:
            server = web.Server(self._answer(session))
            runner = web.ServerRunner(server, shutdown_timeout=0.1)  # 0 would be for ever
            await runner.setup()
            await web.TCPSite(runner, *self.address).start()
            ready.set()
            await self.stop.wait()
            self._close()
            await runner.cleanup()
            for answering in asyncio.all_tasks() - {asyncio.current_task()}:
                answering.cancel()

    def _answer(self, session: aiohttp.ClientSession) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            transport = request.transport
            assert transport is not None
            self._transports.add(transport)
            try:
                body = await request.content.read()
                while self.fault == "hang":
                    await asyncio.sleep(0.05)
                if self.fault == "busy" or (self.out and re.search(self.out, _operation(request))):
                    return web.Response(status=503)
                if self.fault == "cut":
                    transport.abort()
                    return web.Response()
                if self.denied and re.search(self.denied, _operation(request)):
                    return web.Response(status=403, body=DENIED, content_type="application/xml")
                return await self._forward(session, request, body)
            finally:
                self._transports.discard(transport)

        return answer

    async def _forward(
        self, session: aiohttp.ClientSession, request: web.BaseRequest, body: bytes
    ) -> web.StreamResponse:
        where = URL(f"{self._server}{request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        async with session.request(
            request.method, where, data=body or None, headers=headers, allow_redirects=False
        ) as answer:
            told = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
            response = web.StreamResponse(status=answer.status, headers=told)
            watching = request.query.get("watch") in ("1", "true")
            with suppress(ConnectionError, aiohttp.ClientError):
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    if not (watching and request.path.endswith(self.silent)):
                        await response.write(piece)
            return response


def _operation(request: web.BaseRequest) -> str:
    prefix = request.query.get("prefix")
    return f"{request.method} {request.path}" if prefix is None else f"LIST {request.path.rstrip('/')}/{prefix}"
