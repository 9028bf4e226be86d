"""Table of the commands. `fedtrain --help` reads it without importing them."""

from typing import NamedTuple


class Entry(NamedTuple):
    """Import path of a command (`module:object`) and its line in `fedtrain --help`."""

    target: str
    help: str


COMMANDS = {
    "init": Entry("fedtrain.cli.init:command", "Write a commented federation.yaml to start from."),
    "split": Entry("fedtrain.cli.split:command", "Split one data set into a federation to try."),
    "convert": Entry("fedtrain.cli.convert:command", "Write data of any type as JSON lines."),
    "doctor": Entry("fedtrain.cli.doctor:command", "Show what this machine has and what would run on it."),
    "validate": Entry("fedtrain.cli.validate:command", "Check a federation.yaml and show all errors."),
    "plan": Entry("fedtrain.cli.plan:command", "Show each participant's samples and steps per round."),
    "render": Entry("fedtrain.cli.render:command", "Print the Kubernetes objects of a round."),
    "run": Entry("fedtrain.cli.run:command", "Run a federation on this machine, or resume it."),
    "baseline": Entry("fedtrain.cli.baseline:command", "Compare with each participant alone, and all data pooled."),
    "personalise": Entry("fedtrain.cli.personalise:command", "Continue from a federated adapter on your own rows."),
    "status": Entry("fedtrain.cli.status:command", "Show the progress and the metrics of a run."),
    "list": Entry("fedtrain.cli.list:command", "List the runs in a folder or a bucket."),
    "compare": Entry("fedtrain.cli.compare:command", "Compare runs: a table, and charts in one HTML file."),
    "logs": Entry("fedtrain.cli.logs:command", "Show the logs of a run, or of one participant."),
    "export": Entry("fedtrain.cli.export:command", "Write the adapter of a run to a folder that PEFT loads."),
    "try": Entry("fedtrain.cli.try_adapter:command", "Talk to the adapter of a run."),
    "report": Entry("fedtrain.cli.report:command", "Write one HTML file with the plots of a run."),
    "track": Entry("fedtrain.cli.track:command", "Copy the metrics of a run to an experiment tracker."),
    "completion": Entry("fedtrain.cli.completion:command", "Print the script for completion in a shell."),
    "participant": Entry("fedtrain.cli.participant:command", "Invite participants with clusters of their own."),
    "delete": Entry("fedtrain.cli.delete:command", "Delete a run."),
    "ledger": Entry("fedtrain.cli.ledger:command", "Verify the ledger of a run, or exclude a participant."),
}
