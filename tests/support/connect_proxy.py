"""An HTTP proxy for TLS connections (CONNECT), whose connections a test can cut."""

import asyncio

from tests.support.link import Link, Streams


class ConnectProxy(Link):
    """Enter it to start it.

    Attributes:
        asked: the servers that clients asked for, as `HOST:PORT`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    async def server_of(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        method, target, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return None
        self.asked.add(target)
        host, _, port = target.rpartition(":")
        server = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return server
