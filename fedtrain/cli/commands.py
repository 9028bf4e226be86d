"""The table of commands. `fedtrain --help` reads it and imports none of them."""

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a command is (`module:object`), and its line in `fedtrain --help`."""

    target: str
    help: str


COMMANDS = {
    "init": Entry("fedtrain.cli.init:command", "Write a commented federation.yaml to start from."),
    "split": Entry("fedtrain.cli.split:command", "Make a federation to try out of one data set."),
    "validate": Entry("fedtrain.cli.validate:command", "Check a federation.yaml and show all its errors."),
    "plan": Entry("fedtrain.cli.plan:command", "Show who will train on how much in every round."),
    "render": Entry("fedtrain.cli.render:command", "Print the objects that a cluster would run a round with."),
    "run": Entry("fedtrain.cli.run:command", "Run a federation on this machine, or go on with it."),
    "baseline": Entry("fedtrain.cli.baseline:command", "Compare with each participant alone, and all data pooled."),
    "status": Entry("fedtrain.cli.status:command", "Show how far a run is, and its metrics."),
    "logs": Entry("fedtrain.cli.logs:command", "Show the logs of a run, or of one participant."),
    "export": Entry("fedtrain.cli.export:command", "Write a run's adapter to a folder that PEFT loads."),
    "report": Entry("fedtrain.cli.report:command", "Write one HTML file with the plots of a run."),
    "ledger": Entry("fedtrain.cli.ledger:command", "Look into a run's ledger, and verify its chain."),
}
