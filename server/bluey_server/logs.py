"""Logs: to stderr, as text for people or one JSON object a line for machines.

A record may carry `extra={"fields": {…}}`; text shows them as `key=value`, JSON as keys of their
own. Nothing here, and no caller, logs what users wrote, what models answered, or a key.
"""

import json
import logging
import sys
import time
from typing import Any

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


def configure_logging(level: str, form: str) -> None:
    """Send this process's logs to stderr. `level` is one of LEVELS, `form` one of FORMATS."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Chatty ones: what they say at these levels is of use to their authors only.
    for name in ("asyncio", "httpx", "httpcore", "huggingface_hub", "urllib3", "uvicorn.error"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        where = record.name.removeprefix("bluey_")
        line = f"{clock} {record.levelname.lower():7} {where}: {record.getMessage()}"
        shown = (f"{key}={_plain(value)}" for key, value in _fields(record).items())
        return _with_trace(self, record, " ".join([line, *shown]))


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return {key: value for key, value in fields.items() if value is not None}


def _plain(value: Any) -> str:
    # A client chooses the model's name: quoted, it can neither forge a field nor break the line.
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)


def _with_trace(formatter: logging.Formatter, record: logging.LogRecord, line: str) -> str:
    if not record.exc_info:
        return line
    return f"{line}\n{formatter.formatException(record.exc_info)}"
