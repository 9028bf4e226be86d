"""Logs as JSON, one object a line."""

import json
import logging
import sys

from fedtrain_operator.shared.instants import instant


class JsonLines(logging.Formatter):
    """`{time, level, logger, message, error}`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": instant(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("fedtrain").setLevel(logging.INFO)
