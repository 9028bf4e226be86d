"""A real MinIO: an S3 server whose conditional writes are atomic."""

import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from hack.cluster.processes import HERE, Place, Processes, answers, free_port
from hack.cluster.s3 import S3
from hack.cluster.tools import provide

TOOLS = ("minio",)


class Minio(S3):
    """A MinIO server in a folder; enter it to start it."""

    def __init__(self, folder: Path, place: Place = HERE) -> None:
        self.logs = folder / "logs"
        self._folder = folder
        self._port = free_port()
        self._place = place
        self.address = (place.address, self._port)
        super().__init__(f"http://{place.address}:{self._port}")

    def __enter__(self) -> Self:
        self._processes = Processes(self.logs, self._place)
        try:
            self._start(provide(*TOOLS)["minio"])
        except BaseException:
            self._processes.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.kill()
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def _start(self, program: Path) -> None:
        self._processes.start(
            "minio",
            program,
            "server",
            "--quiet",
            f"--address={self._place.address}:{self._port}",
            f"--console-address={self._place.address}:{free_port()}",
            self._folder / "data",
            environment={
                "MINIO_ROOT_USER": self.access_key,
                "MINIO_ROOT_PASSWORD": self.secret_key,
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
            },
            ready=lambda: answers(f"{self.endpoint}/minio/health/ready"),
        )
