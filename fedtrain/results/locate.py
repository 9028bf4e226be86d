"""Finds the ledger of a run by its folder, its federation file, or `s3://bucket/prefix/namespace/name`."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fedtrain.api.places import not_utf8
from fedtrain.api.similar_words import nearest
from fedtrain.api.storage import S3, File, Storage
from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.lost_run import lost_run
from fedtrain.ledger.open import open_ledger
from fedtrain.ledger.store import ObjectMissing
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.api.reading.federation import Federation

_LISTED = 8
_PAGES = (".html", ".htm")
FILES = (".yaml", ".yml")
_SAME = 0.8
"""Similarity of two names of files."""
_LOOKED_AT = 20_000
"""Keys of a bucket that are searched for runs to suggest."""


class NoRun(ObjectMissing):
    """No run exists at this place. The message lists runs nearby."""


class NotBegun(NoRun):
    """The federation file exists, and its run does not."""


@dataclass(frozen=True)
class Located:
    """A run that exists. `federation`: the file, if the user named the run by its file."""

    ledger: Ledger
    federation: "Federation | None" = None

    def base(self, base: str) -> str:
        """Resolve the base model of the run's file: folders are relative to the file, if it is known."""
        found = self.federation.resolve(base) if self.federation else base
        return found if Path(found).is_dir() else base


def locate(run: str, *, lost: bool = False) -> Located:
    """Return the run that `run` names. For buckets, endpoint, region and credentials come from the AWS environment.
    `lost`: also a run without `run.json`. Raises NoRun, LostRun, StoreError, and `Invalid` for a federation file with
    errors."""
    if run.startswith("s3://"):
        return _in_bucket(run, lost)
    if "://" in run or run.startswith("s3:"):
        raise NoRun(_other_address(run))
    path = Path(run).expanduser()
    if (shown := not_utf8(path)) is not None:
        raise NoRun(f"The path {shown} is not UTF-8. Rename the folder.")
    if path.suffix in _PAGES:
        raise NoRun(f"{run} is an HTML page, not a run. {_suggest(map(str, runs_near(path)))}")
    if path.is_file() and path.name != names.RUN:
        return _of_file(path, lost)
    folder = path.parent if path.name == names.RUN else path
    found = folder.absolute()
    storage = Storage(type="File", file=File(path=str(found.parent.parent)))
    ledger = open_ledger(storage, found.parent.name, found.name)
    if not (folder / names.RUN).is_file():
        if (folder / names.ROUNDS).is_dir() and _is_lost(ledger, lost):
            return Located(ledger)
        raise NoRun(f"{_what(folder)} {folder}. {_suggest(_places_near(folder), str(folder))}")
    return Located(ledger)


def _is_lost(ledger: Ledger, allowed: bool) -> bool:
    """Whether only `run.json` is missing. Raises LostRun if it is, unless `allowed`."""
    if (found := lost_run(ledger)) is not None and not allowed:
        raise found
    return found is not None


def run_folder(ledger: Ledger) -> Path | None:
    """Return the run's folder; None for a run in a bucket."""
    return Path(ledger.address) if ledger.url.startswith("file:") else None


def _of_file(path: Path, lost: bool) -> Located:
    from fedtrain.api.reading import read_file  # the YAML parser is slow to import and only needed here
    from fedtrain.runner.bindings import ledger_of

    federation = read_file(
        path, elsewhere=True, judged=False
    )  # a file for a cluster has no policies, and paths of pods
    ledger = ledger_of(federation, reading=True)
    if ledger.size(names.RUN) is None and not _is_lost(ledger, lost):
        raise NotBegun(
            f"{path} has not been run: {ledger.url}/{names.RUN} does not exist. "
            f"Start it with `fedtrain run {quoted(path)}`; if its runs are elsewhere, name the folder of the run "
            "instead."
        )
    return Located(ledger, federation)


def _in_bucket(url: str, lost: bool) -> Located:
    bucket, *parts = url.removeprefix("s3://").strip("/").split("/")
    if len(parts) < 2 or not all([bucket, *parts]):
        raise NoRun(
            f"{url} is not the address of a run. Use `s3://bucket/[prefix/]namespace/name`, as `fedtrain run` "
            "prints it."
        )
    *prefix, namespace, name = parts
    s3 = S3(bucket=bucket, prefix="/".join(prefix) or None)
    ledger = open_ledger(Storage(type="S3", s3=s3), namespace, name, reading=True, by_address=True)
    if ledger.size(names.RUN) is None and not _is_lost(ledger, lost):
        keys = islice(ledger.store.keys(""), _LOOKED_AT)
        found = (key.removesuffix(f"/{names.RUN}") for key in keys if key.endswith(f"/{names.RUN}"))
        raise NoRun(f"The run {url} does not exist. {_suggest(f'{ledger.store.url}/{key}' for key in found)}")
    return Located(ledger)


def _other_address(url: str) -> str:
    """The message for an address that does not begin with s3://."""
    scheme, _, rest = url.partition(":")
    where = rest.lstrip("/")
    if scheme not in ("http", "https"):
        use = f"s3://{where}" if scheme in ("s3", "s3a", "s3n") else "s3://bucket/[prefix/]namespace/name"
        return f"{url} is not the address of a run, which begins with s3://. Use `{use}`."
    server, _, place = where.partition("/")
    return (
        f"{url} is not the address of a run. Use `s3://{place or 'bucket/[prefix/]namespace/name'}`, and "
        f"set `AWS_ENDPOINT_URL={scheme}://{server}`."
    )


def _what(folder: Path) -> str:
    if folder.is_dir():
        return f"Not the folder of a run (it has no {names.RUN}):"
    return "No such file or folder:"


def _places_near(path: Path) -> Iterator[str]:
    """A federation file beside it whose name is nearly the same, or else runs."""
    files = [one.name for one in path.parent.glob("*.y*ml") if one.is_file()] if not path.exists() else []
    name = nearest(path.name, files, _SAME) if path.suffix in FILES else None
    return iter([str(path.with_name(name))]) if name else map(str, runs_near(path))


def runs_near(folder: Path) -> Iterator[Path]:
    """Runs under the folder and its `runs`, under a `runs` in the path, and under ./runs. No other folder is searched:
    the surroundings of a wrong path may be large."""
    through = [above for above in folder.parents if above.name == "runs"]
    folder = _similar(folder)
    seen: set[Path] = set()
    for base in (folder, folder / "runs", *through, Path("runs")):
        for depth in ("*", "*/*"):
            for found in filter(Path.is_file, sorted(base.glob(f"{depth}/{names.RUN}"))):
                if found.resolve() not in seen:
                    seen.add(found.resolve())
                    yield found.parent


def _similar(folder: Path) -> Path:
    """Return the folder beside it with a similar name if it does not exist; else itself."""
    if folder.exists() or not folder.parent.is_dir():
        return folder
    name = nearest(folder.name, (one.name for one in folder.parent.iterdir() if one.is_dir()))
    return folder.with_name(name) if name else folder


def _suggest(runs: Iterator[str], wrong: str = "") -> str:
    """Return the runs to name instead of `wrong`, a path."""
    found = list(islice(runs, _LISTED + 1))
    if not found:
        return "Name a run's folder (runs/<namespace>/<name>), a federation file, or s3://bucket/prefix/namespace/name."
    if len(found) == 1 and (not wrong or nearest(Path(wrong).name, Path(found[0]).parts)):
        return f"Did you mean `{found[0]}`?"
    if len(found) == 1:
        return f"Name a run; the only one here is `{found[0]}`."
    more = "\n  ..." if len(found) > _LISTED else ""
    return "Use one of these runs:\n" + "\n".join(f"  {run}" for run in found[:_LISTED]) + more
