"""moto's S3 server with atomic requests."""

import threading
from collections.abc import Iterable
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
