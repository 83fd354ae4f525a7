"""Structured logs: one JSON object per line on stderr, with secrets masked."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from miniapp_server.redaction import redact, redact_field
from models.kernel.request_id import DATABASE, REQUEST_ID

_STANDARD: Final = frozenset(
    vars(logging.LogRecord("", 0, "", 0, "", None, None)) | {"message": "", "taskName": ""}
)


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: ts (RFC 3339, UTC), level, logger, event, database
    (of the application), request_id (of the request or the job run), then its fields."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            event = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # Raising would make logging print the raw arguments.
            event = str(record.msg)
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redact(event),
        }
        if database := DATABASE.get():
            line["database"] = database
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        for name, value in vars(record).items():
            if name not in _STANDARD and name not in line:
                line[name] = redact_field(name, value)
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = redact(record.stack_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(level: str = "INFO") -> None:
    """Sends all logs and warnings of this process to stderr as JSON lines. ``level``: the name
    of a ``logging`` level. Drivers and the access log start at WARNING, since at DEBUG pymongo
    would log whole commands with their data. Raises: ValueError for an unknown level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.setLevel(level.upper())
    root.handlers[:] = [handler]
    for name in ("aiohttp.access", "asyncio", "pymongo", "redis", "wechatpy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
