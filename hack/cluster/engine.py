"""The container engine of this machine, where one answers: Docker, else Podman."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.processes import run

PROGRAMS = ("docker", "podman")
NONE = "none"
CHOICES = (*PROGRAMS, NONE)


@dataclass(frozen=True)
class Engine:
    """`program`: its client, docker or podman. Every call raises ProgramFailed for what the engine refuses."""

    program: str

    def build(self, reference: str, containerfile: Path, context: Path) -> None:
        """Builds an image, on the public base that its Containerfile names."""
        run(self.program, "build", f"--file={containerfile}", f"--tag={reference}", str(context))

    def tag(self, reference: str, another: str) -> None:
        """Gives an image another reference."""
        run(self.program, "tag", reference, another)

    def save(self, references: list[str], archive: Path) -> None:
        """Writes images into one archive."""
        several = ["--multi-image-archive"] if self.program == "podman" else []
        run(self.program, "save", *several, "--output", str(archive), *references)

    def execute(self, container: str, *command: str) -> str:
        """What a command prints that runs in a container."""
        return run(self.program, "exec", container, *command)

    def kill(self, container: str) -> None:
        """Ends all that runs in a container at once; its files stay."""
        run(self.program, "kill", container)

    def start(self, container: str) -> None:
        """Starts one that has ended."""
        run(self.program, "start", container)


def engine(named: str | None = None) -> Engine | None:
    """The one of this name, if one is given; else the first that answers, a client alone is none.

    Args:
        named: docker, podman or none.
    """
    if named:
        return None if named == NONE else Engine(named)
    return next((Engine(program) for program in PROGRAMS if _answers(program)), None)


def _answers(program: str) -> bool:
    try:
        return subprocess.run([program, "info"], capture_output=True, timeout=60).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
