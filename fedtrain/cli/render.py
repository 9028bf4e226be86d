"""`fedtrain render FILE`: the Kubernetes objects of a round, before anything runs."""

from pathlib import Path

import click

from fedtrain import __version__
from fedtrain.cli.numbers import WholeNumber
from fedtrain.cli.rows import explained, given
from fedtrain.cli.rows import option as rows_option
from fedtrain.cli.wrapping import aside

TRAINER_IMAGE = f"localhost/fedtrain/trainer:{__version__}"
HUB_IMAGE = f"localhost/fedtrain/operator:{__version__}"


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--round", "number", type=WholeNumber(min=0), default=1, show_default=True, help="Round to render.")
@rows_option
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@click.option("--trainer-image", default=TRAINER_IMAGE, show_default=True, help="Image of the trainers.")
@click.option("--hub-image", default=HUB_IMAGE, show_default=True, help="Image of the aggregator.")
def command(
    files: tuple[Path, ...], number: int, rows: tuple[str, ...], output: str, trainer_image: str, hub_image: str
) -> None:
    """Print the TrainingTasks, PyTorchJobs and Jobs of one round.

    FILE has the FederatedTraining. It, or further files, have the ParticipantPolicies and Participants. Objects of
    other kinds are ignored.

    The operator's own code builds the objects, in the operator's order, as if every first attempt succeeded. Values
    that only a run knows are zeros (run id, digests, uid of the training), and the hashes in names differ. Paths are
    paths in the pods. A Participant names the namespace of its tasks [default: the participant's name]. Round 0 counts
    the data and makes the first adapter; the last round ends with the participants' measurements.
    """
    from fedtrain.api.reading import read_file
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.manifests import as_json, as_yaml
    from fedtrain.cli.rendering import Renderer
    from fedtrain.manifests.settings import Settings

    federation = read_file(*files, elsewhere=True)
    rounds = federation.training.spec.rounds.count
    if number > rounds:
        raise UserError(f"--round is {number}, but {files[0]} has rounds 0 to {rounds}")
    renderer = Renderer(federation, Settings(trainer_image=trainer_image, hub_image=hub_image))
    with explained():
        objects = list(renderer.objects(number, given(rows, federation)))
    for who in renderer.without_record:
        aside(f"note: no Participant names the namespace of {who}; using {who}")
    click.echo(as_yaml(objects) if output == "yaml" else as_json(objects), nl=False)
