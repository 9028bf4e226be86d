"""A server that answers as a test says: real HTTP, for what a sound S3 server never does."""

import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fedtrain.api.storage import S3


@dataclass(frozen=True)
class Answer:
    """`broken`: the body breaks off before its declared end. `silent`: no answer, the connection is closed."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    broken: bool = False
    silent: bool = False


@dataclass(frozen=True)
class Request:
    """`connection`: a number that all requests on one connection have in common."""

    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def failure(status: int, code: str) -> Answer:
    """S3's way to say no."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>The server's words</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


_PAGE = {"Content-Type": "text/html"}
NOT_S3 = {
    "silent": Answer(silent=True),
    "page 403": Answer(403, b"<html>no</html>", _PAGE),
    "403": Answer(403, b"no"),
    "page 404": Answer(404, b"<html>no</html>", _PAGE),
    "400": Answer(400, b"bad request"),
    "500": Answer(500, b"oops"),
    "page 503": Answer(503, b"<html>busy</html>", _PAGE),
    "page 200": Answer(200, b"<html>home</html>", _PAGE),
    "redirect": Answer(301, b"", {"Location": "http://elsewhere.example.org/"}),
}
"""Answers of servers that are not S3 servers."""


@contextmanager
def serving(answer: Callable[[Request], Answer], certificate: Path | None = None) -> Generator[S3]:
    """The storage block of a server that answers so; over TLS with a `certificate` (PEM, its key included)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # the second packet of an answer waits for an acknowledgement, 40 ms

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = answer(Request(self.client_address[1], self.command, self.path, headers, body))
            if reply.silent:
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Date" not in reply.headers:
                self.send_header("Date", self.date_time_string())
            if "Content-Type" not in reply.headers:
                self.send_header("ETag", '"etag"')
            if not {"Content-Length", "Transfer-Encoding"} & reply.headers.keys():
                self.send_header("Content-Length", str(len(reply.body) + (100 if reply.broken else 0)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            self.close_connection = self.close_connection or reply.broken

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _handle  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if certificate else "http"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield S3(bucket="federation", endpoint=f"{scheme}://127.0.0.1:{server.server_port}", region="us-east-1")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
