"""The argument RUN of commands."""

import click

RUN = click.Path(readable=False)
"""A folder or file, which shells complete, or `s3://bucket/prefix/namespace/name`. Nothing is checked here."""
