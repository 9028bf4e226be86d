"""A small W&B server on this machine: what `wandb sync` uploads to it is kept in memory."""

import gzip
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

_PROJECT = {"id": "project", "name": "fedtrain", "entity": {"id": "entity", "name": "consortium"}}
_ANSWERS: dict[str, dict[str, Any]] = {
    "RunResumeStatus": {"model": None},
    "UpsertBucket": {
        "upsertBucket": {"bucket": {"id": "run", "name": "run", "project": _PROJECT, "config": "{}"}, "inserted": True}
    },
    "CreateRunFiles": {"createRunFiles": {"runID": "run", "uploadHeaders": [], "files": []}},
}


class WandBServer(ThreadingHTTPServer):
    """`history`: the rows of the run's metrics, by step."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.history: dict[int, dict[str, float]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, body: bytes) -> object:
        if path == "/graphql":
            return {"data": _ANSWERS.get(json.loads(body).get("operationName", ""), {})}
        if path.endswith("/file_stream"):
            for line in json.loads(body).get("files", {}).get("wandb-history.jsonl", {}).get("content", []):
                row = json.loads(line)
                self.history[row["_step"]] = {name: value for name, value in row.items() if not name.startswith("_")}
        return {}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        answer = json.dumps(cast("WandBServer", self.server).answer(self.path, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def wandb_server() -> Generator[WandBServer]:
    server = WandBServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
