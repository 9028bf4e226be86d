"""`fedtrain init`: a commented federation.yaml, and a few rows to try it with."""

import re
from importlib import resources
from pathlib import Path

import click

from fedtrain.cli.errors import UserError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")

_POLICY = """---
# What the owner of {participant} declares: where its data are. On a cluster this document lives with the participant.
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata:
  name: {participant}
spec:
  datasets:
    - {{name: tickets, uri: ./data/{participant}.jsonl}}   # a file, a folder, a data set on disk, or s3://
  # limits: {{gpuMemory: 40Gi}}                            # what a task may use of one GPU
  # pods:                                                # on a cluster: laid over the pods of tasks
  #   nodeSelector: {{pool: gpus}}
  #   tolerations: [{{key: gpus, operator: Equal, value: "true", effect: NoSchedule, tolerationSeconds: 60}}]
  #   imagePullSecrets: [{{name: registry}}]
  #   volumes: [{{name: rows, persistentVolumeClaim: {{claimName: rows}}}}]
  #   volumeMounts: [{{name: rows, mountPath: /data, readOnly: true}}]
  #   env:                                               # valueFrom: secretKeyRef: or configMapKeyRef:
  #     - {{name: NCCL_SOCKET_IFNAME, value: eth0}}
  #     - {{name: HF_TOKEN, valueFrom: {{secretKeyRef: {{name: hub, key: token, optional: true}}}}}}
  #   labels: {{kueue.x-k8s.io/queue-name: tickets}}"""


@click.command()
@click.argument("target", type=click.Path(path_type=Path), default=Path())
@click.option("--participant", "participants", multiple=True, metavar="NAME", help="A participant; may be repeated.")
@click.option("--no-data", is_flag=True, help="Write no sample rows: the policies are to name your own.")
@click.option("--force", is_flag=True, help="Write over the file that is there.")
def command(target: Path, participants: tuple[str, ...], no_data: bool, force: bool) -> None:
    """Write a commented federation.yaml.

    TARGET is a folder (federation.yaml is written in it) or a .yaml file; by default this folder. Beside it, data/ gets
    a few rows for each participant and for the hub's test, so that the file is valid and runs as it is; data files
    that are there already stay as they are.
    """
    file = target if target.suffix in (".yaml", ".yml") else target / "federation.yaml"
    names = participants or ("bank-a", "bank-b")
    for name in names:
        if not _NAME.fullmatch(name):
            raise UserError(f"{name!r} can't be a participant's name", "Write a-z, 0-9 and -, at most 40 of them.")
    if len(set(names)) < len(names):
        raise UserError("two participants have the same name", "Give each its own --participant.")
    if file.exists() and not force:
        raise UserError(f"{file} exists", "Write another name, or --force to write over it.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_text(_run_name(file), names), encoding="utf-8")
    click.echo(f"wrote {file}")
    if not no_data:
        for data in _write_data(file.parent / "data", names):
            click.echo(f"wrote {data}")
    shown = file.name if target == Path() else file
    own = f"Name your data in the policies at the end of {shown}" if no_data else "The rows in data/ are for trying"
    click.echo(f"{own}. Next: fedtrain validate {shown}, then fedtrain run {shown}")


def _run_name(file: Path) -> str:
    """The folder's name as far as Kubernetes allows it."""
    name = re.sub(r"[^a-z0-9]+", "-", file.absolute().parent.name.lower()).strip("-")[:40].strip("-")
    return name or "federation"


def _text(name: str, participants: tuple[str, ...]) -> str:
    template = resources.files("fedtrain.cli").joinpath("templates/federation.yaml").read_text(encoding="utf-8")
    return (
        template.replace("{name}", name)
        .replace("{participants}", "\n".join(f"    - name: {participant}" for participant in participants))
        .replace("{policies}", "\n".join(_POLICY.format(participant=participant) for participant in participants))
    )


def _write_data(folder: Path, participants: tuple[str, ...]) -> list[Path]:
    """Writes the sample rows, where no file is yet; the files that were written."""
    from fedtrain.cli.sample import sample_rows

    shares, test = sample_rows(len(participants))
    folder.mkdir(exist_ok=True)
    written: list[Path] = []
    for name, rows in (*zip(participants, shares, strict=True), ("test", test)):
        file = folder / f"{name}.jsonl"
        if not file.exists():
            file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
            written.append(file)
    return written
