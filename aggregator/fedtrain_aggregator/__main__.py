"""`python -m fedtrain_aggregator --assignment FILE|-` does one aggregation and ends with an exit code of
`fedtrain.contracts.tasks`. `--serve` reads assignments from standard input, one a line, and answers each with a line
`{"code": ..., "reason": ...}`, until the input ends."""

import argparse
import json
import resource
import signal
import sys
from pathlib import Path

from fedtrain.contracts.tasks import EXIT_REFUSED, EXIT_RETRY
from fedtrain_aggregator.assignment import carry_out


def main() -> int:
    parser = argparse.ArgumentParser(prog="fedtrain_aggregator", description="Aggregate the updates of one round.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--assignment", metavar="FILE", help="JSON: namespace, name, round, k, storage; - reads stdin")
    what.add_argument("--serve", action="store_true", help="assignments from stdin, one a line, answers on stdout")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_RETRY))
    _allow_many_files()
    try:
        return _serve() if arguments.serve else _once(arguments.assignment)
    except KeyboardInterrupt:
        return EXIT_RETRY


def _once(file: str) -> int:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except OSError as error:
        print(f"--assignment {file}: {error.strerror}", file=sys.stderr)
        return EXIT_REFUSED
    code, reason = carry_out(text)
    print(reason, file=sys.stderr)
    return code


def _serve() -> int:
    for line in sys.stdin:
        code, reason = carry_out(line)
        print(reason, file=sys.stderr, flush=True)
        print(json.dumps({"code": code, "reason": reason}), flush=True)
    return 0


def _allow_many_files() -> None:
    """Every update of a round is open at once, and a run may have more participants than the usual soft limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
