"""The container engine of this machine, where one answers: Docker, else Podman."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.clusters.processes import run

PROGRAMS = ("docker", "podman")


@dataclass(frozen=True)
class Engine:
    """`program`: its client, docker or podman. Every call raises ProgramFailed for what the engine refuses."""

    program: str

    def build(self, reference: str, containerfile: Path, context: Path) -> None:
        """Builds an image, on the public base that its Containerfile names."""
        run(self.program, "build", f"--file={containerfile}", f"--tag={reference}", str(context))

    def save(self, references: list[str], archive: Path) -> None:
        """Writes images into one archive."""
        several = ["--multi-image-archive"] if self.program == "podman" else []
        run(self.program, "save", *several, "--output", str(archive), *references)


def engine() -> Engine | None:
    """The first one that answers; a client alone is none."""
    return next((Engine(program) for program in PROGRAMS if _answers(program)), None)


def _answers(program: str) -> bool:
    try:
        return subprocess.run([program, "info"], capture_output=True, timeout=60).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
