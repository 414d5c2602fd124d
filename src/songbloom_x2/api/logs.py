"""Logs of the server: one JSON object a line for machines, or a plain line for people."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Any


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, and the ``fields`` that it was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        made: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            made |= {name: value for name, value in fields.items() if name not in made}
        if record.exc_info:
            made["trace"] = self.formatException(record.exc_info)
        return json.dumps(made, default=str)


def configure(format: str, level: int = logging.INFO) -> None:
    """Send the logs of this process to stderr, as ``json`` or ``text``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if format == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Alembic tells every step of every start.
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))
