"""`fedtrain render FILE`: a round's objects of a cluster, before anything is made."""

from pathlib import Path

import click

from fedtrain import __version__
from fedtrain.cli.rows import explained, given
from fedtrain.cli.rows import option as rows_option

TRAINER_IMAGE = f"localhost/fedtrain/trainer:{__version__}"
HUB_IMAGE = f"localhost/fedtrain/operator:{__version__}"


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--round", "number", type=click.IntRange(min=0), default=1, show_default=True, help="Of which round.")
@rows_option
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@click.option("--trainer-image", default=TRAINER_IMAGE, show_default=True, help="What trainers run in.")
@click.option("--hub-image", default=HUB_IMAGE, show_default=True, help="What the aggregator runs in.")
def command(
    files: tuple[Path, ...], number: int, rows: tuple[str, ...], output: str, trainer_image: str, hub_image: str
) -> None:
    """Print the TrainingTasks, PyTorchJobs and Jobs that a cluster would run a round with.

    FILE has the FederatedTraining; it, or further files, the participants' policies and Participants. Other objects in
    them are passed over.

    They are made by the operator's own code, in its order, as if everybody answered at the first attempt. What only
    the run can tell is zeros: its id, the digests, the training's uid; and names end in another hash. Paths are those
    of the pods. A Participant says which namespace its tasks are in; without one it is named as the participant
    is. Round 0 counts the data and makes the first adapter; the last round ends with the participants' measuring.
    """
    from fedtrain.api.reading import read_file
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.manifests import as_json, as_yaml
    from fedtrain.cli.rendering import Renderer
    from fedtrain.manifests.settings import Settings

    federation = read_file(*files, elsewhere=True)
    rounds = federation.training.spec.rounds.count
    if number > rounds:
        raise UserError(f"--round {number}: {files[0]} has rounds 0 to {rounds}")
    renderer = Renderer(federation, Settings(trainer_image=trainer_image, hub_image=hub_image))
    with explained():
        objects = list(renderer.objects(number, given(rows, federation)))
    for who in renderer.unsaid:
        click.echo(f"note: no document of kind Participant says the namespace of {who}; {who} is written", err=True)
    click.echo(as_yaml(objects) if output == "yaml" else as_json(objects), nl=False)
