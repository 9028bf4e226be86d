"""Blocks of `fedtrain` commands in the pages run as they stand, one after another, in a folder with the files that the
page takes for granted. Those that cannot run here are listed with the reason."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pyarrow
import pyarrow.parquet
import pytest
from federation import QUICKSTART, Small

from tests.support import forked_command

ROOT = QUICKSTART.parents[1]
PAGES = [ROOT / "README.md"] + [
    page for place in ("docs/*.md", "examples/*/README.md", "helm/*/README.md") for page in sorted(ROOT.glob(place))
]
BLOCK = re.compile(r"^ *```(\S*)\n(.*?)^ *```|((?:^    [^\n]*\n)+)", re.MULTILINE | re.DOTALL)
SHELL = {"", "bash", "sh", "console", None}
WRITTEN = re.compile(r"fedtrain (?:init|split .*--out) +(\w\S*)")
"""Folders that a block writes. Blocks of a page that write the same one are alternatives."""

CLUSTER = "asks a cluster, or the bucket of one"
NETWORK = "downloads from a registry or a hub, or uploads to one"
PROGRAM = "needs a program that fedtrain does not install"
NOT_RUN = {
    "README.md": {"fedtrain status        s3://federations/default/quickstart": CLUSTER},
    "docs/kubernetes.md": {
        "kubectl create secret generic federation-store": CLUSTER,
        "fedtrain status s3://federations/federations/tickets": CLUSTER,
    },
    "docs/operator.md": {"fedtrain render federation.yaml participants.yaml": "has the files of a cluster's hub"},
    "docs/participants.md": {
        "fedtrain participant invite bank-b": CLUSTER,
        "fedtrain participant list": CLUSTER,
        "kubectl get participants ": CLUSTER,
        "fedtrain participant invite site-1": CLUSTER,
        "kubectl get participantpolicies": CLUSTER,
        "fedtrain participant audit": CLUSTER,
    },
    "docs/privacy.md": {"$ fedtrain participant privacy --namespace training": CLUSTER},
    "docs/results.md": {"fedtrain track s3://federations/default/quickstart": CLUSTER},
    "docs/rounds.md": {"fedtrain ledger exclude runs/default/quickstart zoo": "needs a run that is in round 3"},
    "docs/serving.md": {
        "fedtrain export runs/default/quickstart --out adapter --base-name my-org/my-base": NETWORK,
        "pip install 'transformers[serving]'": NETWORK,
        "fedtrain export runs/default/quickstart --merged --out model": PROGRAM,
        "b3sum adapter/adapter_model.safetensors": PROGRAM,
    },
    "docs/troubleshooting.md": {"kubectl get federatedtrainings": CLUSTER},
    "examples/private/README.md": {"fedtrain plan examples/private/federation.yaml": "trains for minutes"},
    "examples/smollm2/README.md": {"fedtrain validate examples/smollm2/federation.yaml": NETWORK},
}
"""First words of a block, by page, with the reason."""


def blocks(page: Path) -> list[str]:
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    shell = [dedent(match[2] or match[3]).strip() for match in found if match[1] in SHELL]
    return [block for block in shell if re.search(r"^(\$ )?fedtrain ", block, re.MULTILINE)]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def reason(page: Path, block: str) -> str | None:
    """Return why the block does not run here; None if it does."""
    return next((why for start, why in NOT_RUN.get(name(page), {}).items() if block.startswith(start)), None)


RUN = [page for page in PAGES if any(reason(page, block) is None for block in blocks(page))]


@pytest.fixture(scope="module")
def prepared(zygote: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, its adapter, a base model and files of rows."""
    small = Small(tmp_path_factory.mktemp("prepared"), name="quickstart")
    assert (ran := small.run(zygote)).returncode == 0, ran.said
    folder = small.folder
    shutil.copytree(folder / "runs/default/quickstart/adapter", folder / "adapter")
    shutil.copy(folder / "zoo.jsonl", folder / "rows.jsonl")
    (folder / "my-base").symlink_to(QUICKSTART / "base")
    (folder / "examples/quickstart").mkdir(parents=True)
    (folder / "examples/quickstart/base").symlink_to(QUICKSTART / "base")
    rows = [json.loads(line) for line in (QUICKSTART / "data/test.jsonl").read_text().splitlines()[:48]]
    pairs = [(row["prompt"].removesuffix(" =>"), row["completion"].strip()) for row in rows]
    for city, part in (("koeln", rows[:16]), ("aachen", rows[16:32]), ("bonn", rows[32:])):
        (folder / f"{city}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in part))
    for table, encoding, head in (
        ("tickets.csv", "utf-8", ("text", "queue")),
        ("faq.csv", "utf-8", ("question", "answer")),
        ("notes.csv", "cp1252", ("Note", "Department")),
    ):
        with (folder / table).open("w", newline="", encoding=encoding) as file:
            csv.writer(file).writerows([head, *((f"{text} – ä", label) for text, label in pairs)])
    columns = {"text": [text for text, _ in pairs], "queue": [label for _, label in pairs]}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "archive.parquet")
    turns = [[{"from": "human", "value": text}, {"from": "gpt", "value": label}] for text, label in pairs]
    (folder / "sharegpt.json").write_text(json.dumps([{"conversations": both} for both in turns]))
    return folder


@pytest.fixture
def folder(prepared: Path, zygote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, in which a shell finds `fedtrain`."""
    copy = tmp_path / "page"
    shutil.copytree(prepared, copy, symlinks=True)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/fedtrain"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {forked_command.__file__} {zygote} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name)
def test_the_blocks_of_a_page_run(page: Path, folder: Path) -> None:
    for block in blocks(page):
        if reason(page, block) is not None:
            continue
        for written in WRITTEN.findall(block.replace("\\\n", " ")):
            shutil.rmtree(folder / written, ignore_errors=True)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n\n{done.stdout}"


def test_every_reason_is_about_a_block_of_its_page() -> None:
    listed = {(page, start) for page, starts in NOT_RUN.items() for start in starts}
    found = {
        (name(page), start)
        for page in PAGES
        for block in blocks(page)
        for start in NOT_RUN.get(name(page), {})
        if block.startswith(start)
    }
    assert found == listed


def test_pages_that_need_nothing_are_run() -> None:
    assert {name(page) for page in RUN} >= {"README.md", "docs/your-own-data.md", "docs/results.md", "docs/serving.md"}
