"""The argument RUN of commands, and the completion of its participants."""

import click

RUN = click.Path(readable=False)
"""A folder or file, which shells complete, or `s3://bucket/prefix/namespace/name`. Nothing is checked here."""


def participants_of_run(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the participants of RUN, and `hub`, that begin with `incomplete`; none for a run that cannot be read."""
    from fedtrain.api.reading import Invalid
    from fedtrain.contracts import names
    from fedtrain.contracts.records import Run
    from fedtrain.ledger.run_spec import spec_of
    from fedtrain.ledger.store import StoreError
    from fedtrain.results.locate import locate
    from fedtrain.results.logs import HUB

    run: str | None = context.params.get("run")
    if run is None or run.startswith("s3:"):  # a bucket takes too long
        return []
    try:
        ledger = locate(run).ledger
        claimed = ledger.read(names.RUN, Run)
        known = [*(one.name for one in spec_of(ledger, claimed).participants), HUB] if claimed else []
    except (StoreError, Invalid, OSError):
        return []
    return [name for name in known if name.startswith(incomplete)]
