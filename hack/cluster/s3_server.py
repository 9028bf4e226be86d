"""An S3 server in a folder: versitygw, which is maintained and whose conditional writes are atomic."""

import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from hack.cluster.processes import HERE, Place, Processes, answers
from hack.cluster.s3 import HEALTH, S3, TOOLS
from hack.cluster.tools import provide

USUAL_PORT = 9000


class S3Server(S3):
    """A versitygw server in a folder; enter it to start it."""

    def __init__(self, folder: Path, place: Place = HERE) -> None:
        self.logs = folder / "logs"
        self._folder = folder
        self._port = place.port(USUAL_PORT)
        self._place = place
        self.address = (place.address, self._port)
        super().__init__(f"http://{place.address}:{self._port}")

    def __enter__(self) -> Self:
        self._processes = Processes(self.logs, self._place)
        try:
            self._start(provide(*TOOLS)["versitygw"])
        except BaseException:
            self._processes.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.kill()
        for folder in (self._objects, self._metadata, self._accounts):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _objects(self) -> Path:
        return self._folder / "objects"

    @property
    def _metadata(self) -> Path:
        return self._folder / "metadata"

    @property
    def _accounts(self) -> Path:
        return self._folder / "accounts"

    def _start(self, program: Path) -> None:
        """Metadata are files, because not every file system has extended attributes."""
        for folder in (self._objects, self._metadata, self._accounts):
            folder.mkdir(parents=True, exist_ok=True)
        self._processes.start(
            "versitygw",
            program,
            "--quiet",
            "--keep-alive",
            f"--port={self._place.address}:{self._port}",
            f"--region={self.region}",
            f"--health={HEALTH}",
            f"--iam-dir={self._accounts}",
            "posix",
            f"--sidecar={self._metadata}",
            self._objects,
            environment={"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key},
            ready=lambda: answers(f"{self.endpoint}{HEALTH}"),
        )
