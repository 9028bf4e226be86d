"""`fedtrain init`: write a commented federation.yaml and sample rows."""

import re
from importlib import resources
from pathlib import Path

import click

from fedtrain.cli.errors import UserError
from fedtrain.cli.init_from import write
from fedtrain.cli.next_commands import show_next
from fedtrain.cli.round_option import round_option
from fedtrain.listing import listed
from fedtrain.plurals import form
from fedtrain.quoting import quoted

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")

_OTHER_FILES = frozenset(
    (".json", ".jsonl", ".csv", ".parquet", ".toml", ".ini", ".cfg", ".xml", ".txt", ".md", ".py", ".yam", ".ymal")
)
"""Suffixes of files that a folder does not have."""

_POLICY = """---
# Declared by the owner of {participant}: its data sets. On a cluster this document is in the participant's namespace.
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata:
  name: {name}
spec:
  datasets:
    - {{name: tickets, uri: ./data/{participant}.jsonl}}   # a file, a folder, a data set on disk, or s3://
  # baseModel: {{s3: {{endpoint: "https://s3.example.org", credentialsSecretRef: {{name: models}}}}}}   # of a base at s3://
  # limits: {{nodes: 2, gpus: 8, memory: 64Gi, adapterRank: 64, stepsPerRound: 500}}   # tasks beyond these are refused
  #   further limits: gpuMemory: 40Gi, taskDuration: 3h (tasks get no more), concurrentTasks: 1 (further tasks wait);
  #     gpuModel: NVIDIA H100 (reported to the hub)
  # privacy: {{unit: Participant, minNoiseMultiplier: 0.8, maxEpsilon: 8, delta: 1e-5}}   # what trainings must promise
  #   further privacy: noiseLocation: Client               # the hub is not trusted with updates
  #     noiseKeySecretRef: {{name: fedtrain-noise}}          # for noise.location: Client
  # minimums: {{rowsPerRound: 100, participantsPerRound: 3}}
  # allow:                                               # all others are refused; images: only on a cluster
  #   requesters: [{{namespace: federations, name: tickets-*}}]
  #   baseModels: [HuggingFaceTB/*]
  #   images: ["registry.example.org/fedtrain-trainer@sha256:..."]
  #   stores: [{{endpoint: https://s3.example.org, bucket: federations}}]
  # windows: [{{days: [Sat, Sun], start: "20:00", end: "06:00", timeZone: Europe/Berlin}}]
  # approval: Automatic                                  # or Manual: fedtrain participant approve
  # approvedTrainings: []
  # suspend: false                                       # true stops the pods of all tasks
  # logs: None                                           # or Failures, All: log lines that the hub sees
  # spool: {{volumeClaim: spool}}                          # trained updates, until the store has them
  # pods:                                                # on a cluster: added to the pods of tasks
  #   nodeSelector: {{pool: gpus}}
  #   tolerations: [{{key: gpus, operator: Equal, value: "true", effect: NoSchedule, tolerationSeconds: 60}}]
  #   imagePullSecrets: [{{name: registry}}]
  #   volumes: [{{name: rows, persistentVolumeClaim: {{claimName: rows}}}}]
  #   volumeMounts: [{{name: rows, mountPath: /data, readOnly: true}}]
  #   env:                                               # valueFrom: secretKeyRef: or configMapKeyRef:
  #     - {{name: NCCL_SOCKET_IFNAME, value: eth0}}
  #     - {{name: HF_TOKEN, valueFrom: {{secretKeyRef: {{name: hugging-face, key: token, optional: true}}}}}}
  #   labels: {{kueue.x-k8s.io/queue-name: tickets}}
  #   serviceAccountName: trainer                        # more fields of Kubernetes pods: docs/reference.md"""


@click.command()
@click.argument("target", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--participant",
    "participants",
    multiple=True,
    metavar="NAME,...",
    help="Name of a participant, or names with commas. Repeat for more.",
)
@click.option("--no-data", is_flag=True, help="Do not write sample rows; name your own data in the policies.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--from", "run", metavar="RUN", help="Write the file of a run that starts from the adapter of RUN.")
@round_option("With --from: start from the adapter")
def command(
    target: Path, participants: tuple[str, ...], no_data: bool, force: bool, run: str | None, number: str | None
) -> None:
    """Write a commented federation.yaml.

    TARGET is a folder or a .yaml file [default: this folder]. Sample rows for each participant and for the hub's test
    go to data/ beside the file, so that it runs unchanged. Existing data files are not overwritten.

    With --from, TARGET is a copy of RUN's federation file with `initialFrom` and its digest, and the adapter is written
    beside it. RUN is the folder of a run (runs/default/quickstart), its federation file, or
    s3://bucket/prefix/namespace/name.
    """
    if target.suffix.lower() in _OTHER_FILES and not target.is_dir():
        raise UserError(
            f"{target} is the name of a file, but a federation file ends in .yaml",
            f"Write `{quoted(target.with_suffix('.yaml'))}`, or the name of a folder.",
        )
    if run is not None:
        if participants or no_data:
            raise click.UsageError("--participant and --no-data are not valid with --from.")
        write(run, target, number, force)
        return
    if number is not None:
        raise click.UsageError("--round is only valid with --from.")
    from fedtrain.api.base import as_label  # imports pydantic, which --help does not need

    file = target if target.suffix in (".yaml", ".yml") else target / "federation.yaml"
    names = tuple(name.strip() for names in participants for name in names.split(",")) or ("bank-a", "bank-b")
    for name in names:
        if not _NAME.fullmatch(name):
            near = as_label(name) or "bank-a"
            raise UserError(f"{name!r} is not a valid participant name", f"Use `{near}` (a-z, 0-9 and -, at most 40).")
    if len(set(names)) < len(names):
        raise UserError("two participants have the same name", "Give each --participant a different name.")
    if file.exists() and not force:
        raise UserError(f"{file} exists", "Choose another name, or overwrite it with --force.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_text(_run_name(file), names), encoding="utf-8")
    click.echo(f"wrote {file}")
    click.echo(f"wrote {_write_schema(file.parent)}: completion and checks in editors")
    kept: list[Path] = []
    if not no_data:
        data, kept = _write_data(file.parent / "data", names)
        for one in data:
            click.echo(f"wrote {one}")
    shown = file.name if target == Path() else file
    own = f"Name your data in the policies at the end of {shown}." if no_data else "data/ has sample rows."
    if kept:
        own = (
            f"kept {listed([str(one) for one in kept])}, which already existed: check that the rows have the format in "
            f"{shown}, or delete {form(len(kept), 'it', 'them')} and run this command again with --force."
        )
    named = quoted(shown)
    click.echo(own)
    show_next(
        (f"fedtrain validate {named}", "show all errors at once"), (f"fedtrain run {named}", "run it on this machine")
    )


def _run_name(file: Path) -> str:
    """The folder's name, reduced to a valid Kubernetes name."""
    from fedtrain.api.base import as_label  # imports pydantic, which --help does not need

    return as_label(file.absolute().parent.name) or "federation"


def _text(name: str, participants: tuple[str, ...]) -> str:
    from fedtrain.api.base import label_in_yaml  # imports pydantic, which --help does not need

    template = resources.files("fedtrain.cli").joinpath("templates/federation.yaml").read_text(encoding="utf-8")
    return (
        template.replace("runs/default/{name}", f"runs/default/{name}")
        .replace("{name}", label_in_yaml(name))
        .replace("{participants}", "\n".join(f"    - name: {label_in_yaml(one)}" for one in participants))
        .replace(
            "{policies}", "\n".join(_POLICY.format(participant=one, name=label_in_yaml(one)) for one in participants)
        )
    )


def _write_schema(folder: Path) -> Path:
    """Write the JSON schema that the first line of the file names."""
    from fedtrain.api.crd.editor_schema import FILE_NAME, render_editor_schema

    path = folder / FILE_NAME
    path.write_text(render_editor_schema(), encoding="utf-8")
    return path


def _write_data(folder: Path, participants: tuple[str, ...]) -> tuple[list[Path], list[Path]]:
    """Write the sample rows where no file exists. Returns the files written, and those that existed."""
    from fedtrain.cli.sample import sample_rows

    shares, test = sample_rows(len(participants))
    folder.mkdir(exist_ok=True)
    written, kept = list[Path](), list[Path]()
    for name, rows in (*zip(participants, shares, strict=True), ("test", test)):
        file = folder / f"{name}.jsonl"
        if not file.exists():
            file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
            written.append(file)
        else:
            kept.append(file)
    return written, kept
