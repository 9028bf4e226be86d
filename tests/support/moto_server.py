"""moto's S3 server with atomic requests."""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server


class MotoServer(ThreadedMotoServer):
    """Answers one request at a time: moto's own threads let two writers create one object on a busy machine."""

    def _server_entry(self) -> None:
        app, one = DomainDispatcherApplication(create_backend_app), threading.Lock()

        def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
            with one:
                return list(app(environ, start_response))

        self._server = make_server(self._ip_address, self._port, answer, True, request_handler=MotoRequestHandler)
        self._server_ready_event.set()
        self._server.serve_forever()


@contextmanager
def serving_s3() -> Generator[str, None, None]:
    """The endpoint of a server that runs meanwhile."""
    server = MotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()
