"""Splitting: read, deal, hold out, write; all files or none."""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from fedtrain.api.crd.editor_schema import FILE_NAME, render_editor_schema
from fedtrain.api.data import Format
from fedtrain.data.formats import learned_digest
from fedtrain.folder_contents import move_contents
from fedtrain.plurals import several
from fedtrain.quoting import quoted
from fedtrain.splitting.base_model import base_files, base_in_file, max_length
from fedtrain.splitting.dealing import (
    Parts,
    deal_dirichlet,
    deal_evenly,
    deal_to_holders,
    hold_out,
    hold_values,
)
from fedtrain.splitting.errors import SplitError
from fedtrain.splitting.federation_file import FederationFile
from fedtrain.splitting.ignored_columns import IgnoredColumns, ignored_columns
from fedtrain.splitting.metrics import measurable
from fedtrain.splitting.naming import participant_names, slug, slugs
from fedtrain.splitting.rows import Row, named
from fedtrain.splitting.sources import Source, names_of_files, read_sources, values_in
from fedtrain.splitting.starting_values import starting_values

FILE = "federation.yaml"


@dataclass(frozen=True, kw_only=True)
class SplitRequest:
    """What the user asked for. `data`: one file to deal out, or a file for each participant. `participants` is a number
    or names; None, with `by`, is one for every value. `dirichlet` is alpha. Only one of `by` and `dirichlet`, and none
    of these three with several files."""

    data: tuple[Path, ...]
    out: Path
    participants: str | None = None
    by: str | None = None
    dirichlet: float | None = None
    label: str | None = None
    seed: int = 17
    test_fraction: float = 0.0
    base: str | None = None
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Split:
    """What was written: rows and, where a field says, label counts of every participant, in order. `held`: with `by`,
    the values that each participant holds. `repeated`: test rows that a participant has, too. `ignored`:
    columns that are not trained on."""

    file: Path
    format: Format
    names: tuple[str, ...]
    rows: tuple[int, ...]
    labels: tuple[Counter[str], ...] | None
    held: tuple[tuple[str, ...], ...] | None
    test_rows: int
    repeated: int
    ignored: IgnoredColumns | None


def split(request: SplitRequest) -> Split:
    """Writes `out/federation.yaml`, `out/data/<participant>.jsonl` and, with a test fraction, `out/data/test.jsonl`.

    Rows are written as they were read (a table's as JSON), in their order. Raises SplitError, OSError.
    """
    _check(request)
    base = base_in_file(request.base, request.revision, request.out)
    sources = read_sources(request.data)
    if request.dirichlet is not None and not request.label:
        fields = named(sources[0].rows[0].fields)
        raise SplitError("--dirichlet needs --label", f"add `--label FIELD`; rows have {fields}")
    rows, found = [row for source in sources for row in source.rows], sources[0].format
    label = request.label or request.by
    option = "--label" if request.label else "--by"
    labels = values_in(label, option, sources) if label else None
    names, parts, held = _deal(request, sources, labels)
    parts, test = hold_out(parts, request.test_fraction, request.seed) if request.test_fraction else (parts, [])
    if request.test_fraction and not test:
        raise SplitError(f"{request.data[0]}: each participant has one row, so none is left for a test")
    _write(request, rows, found, names, parts, test, base)
    return Split(
        file=request.out / FILE,
        format=found,
        names=names,
        rows=tuple(len(part) for part in parts),
        labels=tuple(Counter(labels[row] for row in part) for part in parts) if labels else None,
        held=held,
        test_rows=len(test),
        repeated=_repeated(rows, found, parts, test) if test else 0,
        ignored=ignored_columns([row.fields for row in rows], found, request.label, request.by),
    )


def _repeated(rows: Sequence[Row], format: Format, parts: Sequence[Sequence[int]], test: Sequence[int]) -> int:
    """Return the number of test rows that a participant trains, too."""
    trained = {learned_digest(rows[row].fields, format) for part in parts for row in part}
    return sum(learned_digest(rows[row].fields, format) in trained for row in test)


def _check(request: SplitRequest) -> None:
    if len(request.data) > 1:
        _check_files(request)
    if request.by and request.dirichlet is not None:
        raise SplitError("--by and --dirichlet exclude each other; use one of them")
    if request.dirichlet is not None and not (isfinite(request.dirichlet) and request.dirichlet > 0):
        raise SplitError(f"--dirichlet {request.dirichlet:g}: alpha must be above 0", "0.1 is skewed, 100 even")
    if request.participants is None and not request.by and len(request.data) == 1:
        raise SplitError(
            "--participants is missing",
            "give a number, or names with commas between them; or name a file for each participant",
        )
    if request.participants is not None and re.fullmatch(r"[^,\s]*[A-Za-z][^,\s]*", request.participants):
        raise SplitError(
            f"--participants {request.participants} is one name",
            "give a number, or at least two names with commas between them",
        )
    if not 0 <= request.test_fraction < 1:
        given = f"{request.test_fraction:g}"
        use = (
            f"use `{request.test_fraction / 100:g}` for {given}%"
            if 1 <= request.test_fraction < 100
            else "use a fraction, such as `0.1`"
        )
        raise SplitError(f"--test-fraction {given} must be at least 0 and below 1", use)
    if request.out.exists() and not (request.out.is_dir() and not any(request.out.iterdir())):
        whole = request.out.resolve()
        inputs = [*request.data, *([Path(request.base)] if request.base else [])]
        used = [path for path in inputs if path.exists() and path.resolve().is_relative_to(whole)]
        fix = f"name a new folder: this one contains {used[0]}" if used else "name a new folder, or delete this one"
        raise SplitError(
            f"the folder {request.out} already exists" if request.out.is_dir() else f"{request.out} already exists", fix
        )


def _check_files(request: SplitRequest) -> None:
    """Raises SplitError for an option that divides the rows of one file."""
    absent = [str(path) for path in request.data if not path.exists()]
    if request.participants is not None and absent:
        names = ",".join([request.participants, *absent])
        raise SplitError(f"{absent[0]}: no such file", f"write names with commas: `--participants {names}`")
    given = {"--participants": request.participants, "--by": request.by, "--dirichlet": request.dirichlet}
    option = next((name for name, value in given.items() if value is not None), None)
    if option is not None:
        joined = " ".join(quoted(path) for path in request.data)
        raise SplitError(
            f"{option} divides the rows of one file, but {several(len(request.data), 'file')} are given",
            f"without {option}, each file is a participant's; to divide the rows of all files, join them with "
            f"`fedtrain convert {joined} -o all.jsonl`, and run this command again with all.jsonl instead",
        )


def _deal(
    request: SplitRequest, sources: Sequence[Source], labels: Sequence[str] | None
) -> tuple[tuple[str, ...], Parts, tuple[tuple[str, ...], ...] | None]:
    """Names of the participants, their rows, and with `by` their values."""
    count = sum(len(source.rows) for source in sources)
    if len(sources) > 1:
        holders = [number for number, source in enumerate(sources) for _ in source.rows]
        return names_of_files(request.data), deal_to_holders(holders, len(sources)), None
    names = participant_names(request.participants) if request.participants is not None else ()
    if len(names) > count:
        raise SplitError(
            f"{several(len(names), 'participant')} are more than the {several(count, 'row')} of {request.data[0]}",
            "ask for fewer",
        )
    if request.by:
        return _deal_by(request, values_in(request.by, "--by", sources), names)
    if request.dirichlet is not None and labels is not None:
        return names, deal_dirichlet(labels, len(names), request.dirichlet, request.seed), None
    return names, deal_evenly(count, len(names), request.seed), None


def _deal_by(
    request: SplitRequest, values: Sequence[str], names: tuple[str, ...]
) -> tuple[tuple[str, ...], Parts, tuple[tuple[str, ...], ...]]:
    name_of = slugs(values)
    if len(names) > len(name_of):
        raise SplitError(
            f"{several(len(names), 'participant')} are more than the {several(len(name_of), 'value')} of {request.by}",
            f"ask for at most {len(name_of)}, or split by another field",
        )
    numbered = request.participants is None or request.participants.strip().isdigit()
    if numbered and len(names) in (0, len(name_of)):
        names = tuple(sorted(name_of.values()))
        if len(names) > 1000:
            raise SplitError(
                f"--by {request.by}: {len(names)} values are too many participants",
                "--participants N spreads the values over N",
            )
    holders = hold_values(values, names, name_of)
    parts = deal_to_holders([holders[value] for value in values], len(names))
    held = tuple(
        tuple(sorted(value for value, holder in holders.items() if holder == number)) for number in range(len(names))
    )
    if not all(parts):
        empty = names[next(number for number, part in enumerate(parts) if not part)]
        raise SplitError(f"--by {request.by}: no value is left for {empty}", "ask for fewer participants")
    return names, parts, held


def _write(
    request: SplitRequest,
    rows: Sequence[Row],
    format: Format,
    names: Sequence[str],
    parts: Parts,
    test: Sequence[int],
    base: str | None,
) -> None:
    """Into a folder beside `out`, which then takes its place. An empty `out` is filled: it may be the current one."""
    folder_name, out = request.out.absolute().name, request.out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        data = partial / "new" / "data"
        data.mkdir(parents=True)
        files = [(name, f"./data/{name}.jsonl") for name in names]
        files_of_base = base_files(request.base)
        test_file = f"./data/{_test_name(names)}.jsonl" if test else None
        for (_, path), part in zip(files, parts, strict=True):
            _write_rows(partial / "new" / path, rows, part)
        if test_file:
            _write_rows(partial / "new" / test_file, rows, test)
        file = FederationFile(
            name=slug(folder_name, "federation"),
            dataset=slug(request.data[0].stem, "data") if len(request.data) == 1 else slug(folder_name, "data"),
            format=format,
            base=base,
            revision=request.revision,
            max_length=max_length(files_of_base),
            start=starting_values(files_of_base, [len(part) for part in parts]),
            files=files,
            test=test_file,
            seed=request.seed,
            test_metrics=measurable(rows[row] for row in test) if request.label else ("Loss",),
            own_metrics=measurable(rows[row] for part in parts for row in part) if request.label else (),
        )
        (partial / "new" / FILE).write_text(file.text(), encoding="utf-8")
        (partial / "new" / FILE_NAME).write_text(render_editor_schema(), encoding="utf-8")
        if out.is_dir() and not any(out.iterdir()):
            move_contents(partial / "new", out)  # federation.yaml is the last
        else:
            (partial / "new").rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _test_name(names: Sequence[str]) -> str:
    """A name of its own: no participant's can have an underscore."""
    return "test_" if "test" in names else "test"


def _write_rows(path: Path, rows: Sequence[Row], part: Sequence[int]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(f"{rows[row].line}\n" for row in part)
