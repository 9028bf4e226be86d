"""`python -m fedtrain_aggregator --assignment FILE|-` aggregates once and exits with a code of
`fedtrain.contracts.tasks`; so does `--assignment-env NAME`. `--serve` reads assignments from standard input, one per
line, and answers each with a line `{"code": ..., "reason": ...}`, until the input ends."""

import argparse
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

from fedtrain.contracts.exit_codes import EXIT_REFUSED, EXIT_RETRY
from fedtrain_aggregator.assignment import carry_out

LONGEST_REASON = 1000
"""Characters. Kubernetes keeps 4096 bytes of a termination message, and a truncated JSON cannot be parsed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="fedtrain_aggregator", description="Aggregate the updates of one round.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--assignment", metavar="FILE", help="JSON: namespace, name, round, k, storage; - reads stdin")
    what.add_argument("--assignment-env", metavar="NAME", help="environment variable with that JSON")
    what.add_argument("--serve", action="store_true", help="assignments from stdin, one per line; answers on stdout")
    parser.add_argument("--outcome", type=Path, help="file to write the exit code and the reason to, as JSON")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_RETRY))
    _allow_many_files()
    try:
        return _serve() if arguments.serve else _once(arguments)
    except KeyboardInterrupt:
        return EXIT_RETRY


def _once(arguments: argparse.Namespace) -> int:
    try:
        code, reason = carry_out(_assignment(arguments))
    except OSError as error:
        code, reason = EXIT_REFUSED, f"--assignment {arguments.assignment}: {error.strerror}"
    print(reason, file=sys.stderr)
    if arguments.outcome is not None:
        arguments.outcome.write_text(json.dumps({"code": code, "reason": reason[:LONGEST_REASON]}))
    return code


def _assignment(arguments: argparse.Namespace) -> str:
    if arguments.assignment_env is not None:
        return os.environ.get(arguments.assignment_env, "")
    return sys.stdin.read() if arguments.assignment == "-" else Path(arguments.assignment).read_text()


def _serve() -> int:
    for line in sys.stdin:
        code, reason = carry_out(line)
        print(json.dumps({"code": code, "reason": reason}), flush=True)
        with suppress(OSError):  # the disk of the log may be full
            print(reason, file=sys.stderr, flush=True)
    return 0


def _allow_many_files() -> None:
    """All updates of a round are open at once, and a run may have more participants than the usual soft limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
