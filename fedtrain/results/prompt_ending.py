"""The text that most prompts of the training rows end with, such as `\\n### Answer:\\n`: an adapter expects it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from fedtrain.api.places import scheme
from fedtrain.api.reading import Federation, Invalid, read_file
from fedtrain.data.errors import DataError
from fedtrain.data.formats import RowChecker
from fedtrain.data.parsing import parse_each
from fedtrain.data.reader import read_rows
from fedtrain.data.row import Row, digest_in_any_order
from fedtrain.results.held_out_rows import digest_of_hub_rows
from fedtrain.results.locate import Located
from fedtrain.results.next_run import file_of
from fedtrain.results.prompting import CONVERSATIONS
from fedtrain.results.run_summary import RunSummary

_ROWS = 200
"""First rows of each data set that are read."""
_FEWEST = 3
"""Rows that can show what most rows have."""
_ENDS_OF_SENTENCES = (".", "?", "!")


def prompt_ending(located: Located) -> str | None:
    """Return the end of most prompts of the training rows; None if they have none in common, are not prompts of plain
    text, or are not on this machine."""
    federation = located.federation or _federation_of(located)
    if federation is None:
        return None
    return _ending_of(_rows(federation))


def ending_of_hub_rows(located: Located, summary: RunSummary) -> str | None:
    """Return the same of the hub's held-out rows, for files that are given away. None unless they are the rows that the
    run recorded: what took their place since then may be a participant's."""
    hub, data, recorded = summary.spec.evaluation.hub, summary.spec.data, digest_of_hub_rows(summary)
    if hub is None or recorded is None or data.format in CONVERSATIONS:
        return None
    federation = located.federation or _federation_of(located)
    uri = federation.resolve(hub.data.uri) if federation is not None else ""
    if federation is None or scheme(uri) != "file":
        return None
    try:
        rows = read_rows(uri, data.format, fields=data.fields)
    except (DataError, OSError):
        return None
    # A prompt in many rows would be its own ending, and the card would quote it.
    return _ending_of(rows, repeated=False) if digest_in_any_order(rows) == recorded else None


def _ending_of(rows: Iterable[Row], repeated: bool = True) -> str | None:
    """`repeated`: count a prompt as often as it occurs."""
    prompts, texts = list[str](), list[str]()
    for row in rows:
        for name, found in (("prompt", prompts), ("text", texts)):
            if name in row.fields:
                found.append(row.fields[name])
    if not repeated:
        prompts, texts = list(dict.fromkeys(prompts)), list(dict.fromkeys(texts))
    return common_end(prompts) if prompts else common_line(texts)


def _federation_of(located: Located) -> Federation | None:
    file = file_of(located.ledger)
    try:
        return read_file(file, elsewhere=True, judged=False) if file is not None else None
    except (Invalid, OSError):
        return None


def _rows(federation: Federation) -> Iterator[Row]:
    """Yield the first rows of each participant's data sets, as far as they can be read here."""
    for policy in federation.policies.values():
        uris = {dataset.name: dataset.uri for dataset in policy.spec.datasets}
        for source in federation.training.spec.data.sources:
            uri = federation.resolve(uris.get(source.name, ""))
            path = Path(uri.removeprefix("file://"))
            if source.name not in uris or scheme(uri) != "file":
                continue
            checker = RowChecker(source.format, source.fields)
            try:
                for parsed in islice(next(iter(parse_each(path, path.name, checker.columns)), ()), _ROWS):
                    yield checker.check(parsed.value, parsed.where, parsed.repeated)
            except (DataError, OSError):
                continue


def common_end(prompts: Sequence[str]) -> str | None:
    """Return the longest text that more than half of the prompts end with, from its first blank or line break on."""
    if len(prompts) < _FEWEST:
        return None
    end, same = "", list(prompts)
    while True:
        length = len(end) + 1
        counts = Counter(one[-length:] for one in same if len(one) >= length)
        longer, count = counts.most_common(1)[0] if counts else ("", 0)
        if 2 * count <= len(prompts):
            break
        end, same = longer, [one for one in same if one.endswith(longer)]
    start = next((at for at, character in enumerate(end) if character.isspace()), 0)
    return None if end[start:] in ("", *_ENDS_OF_SENTENCES) else end[start:]


def common_line(texts: Sequence[str]) -> str | None:
    """Return the last line that more than half of the texts have before their own last line, with its line breaks."""
    if len(texts) < _FEWEST:
        return None
    lines = [[line for line in text.splitlines()[:-1] if line.strip()] for text in texts]
    counts = Counter(line for one in lines for line in set(one))
    common = {line for line, count in counts.items() if 2 * count > len(texts)}
    last = Counter(next((line for line in reversed(one) if line in common), "") for one in lines)
    found = last.most_common(1)[0][0]
    return f"\n{found}\n" if found else None
