"""Logs as JSON, one object per line."""

import json
import logging
import sys

from fedtrain.manifests.timestamps import instant

FIELDS = ("training", "task", "participant", "round", "attempt", "reason")
"""Fields of a line, given as `extra` where they are known."""


class JsonLines(logging.Formatter):
    """`{time, level, logger, message, error}` and the known FIELDS."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": instant(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(level: str = "info") -> None:
    """`level`: of fedtrain's own lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("fedtrain").setLevel(level.upper())
