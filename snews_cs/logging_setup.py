"""The log: one format for our own lines and those of the libraries, on standard error, times in UTC, no secrets."""

import json
import logging
import re
import sys
from collections.abc import Collection, Iterable
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from snews_cs.settings import MASK

LogFormat = Literal["console", "json"]

_HANDLER = "snews_cs"
_SECRET_KEY = re.compile("pass|token|secret", re.IGNORECASE)
_QUOTED_PASSWORD = re.compile(r"""(pass(?:word|wd|phrase)?["'\\\s]*[:=]).*""", re.IGNORECASE)


def configure_logging(
    log_format: LogFormat = "console", *, secrets: Collection[str] = (), stream: TextIO | None = None
) -> None:
    """Set up logging for the process; calling it again replaces the former set-up.

    Our own loggers speak from INFO upwards, those of libraries from WARNING.

    Parameters
    ----------
    log_format
        ``console`` for people (in colour on a terminal), ``json`` for machines: one object a line.
    secrets
        Texts that never appear in the log, whatever a message or a traceback holds.
    stream
        Where to write; standard error by default.
    """
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.UnicodeDecoder(),
        mask_named_secrets,
    ]
    renderer: Processor = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer(default=str)
    renderers = [structlog.processors.format_exc_info, mask_traceback, renderer]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.set_name(_HANDLER)
    handler.setFormatter(
        _MaskingFormatter(
            secrets, foreign_pre_chain=shared, processors=[ProcessorFormatter.remove_processors_meta, *renderers]
        )
    )
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if other.get_name() != _HANDLER), handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("snews_cs").setLevel(logging.INFO)
    logging.captureWarnings(True)


def mask_named_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every value whose key looks like a password, a token or a secret, at any depth."""
    return {key: _masked(key, value) for key, value in event.items()}


def mask_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut off a traceback's lines after ``pass:`` or the like: an error may quote a message with a password in it."""
    if "exception" in event:
        event["exception"] = _QUOTED_PASSWORD.sub(rf"\1 {MASK}", str(event["exception"]))
    return event


def _masked(key: object, value: object) -> object:
    if isinstance(key, str) and value and _SECRET_KEY.search(key):
        return MASK
    match value:
        case dict():
            return {inner: _masked(inner, content) for inner, content in value.items()}
        case list() | tuple():
            return [_masked(None, content) for content in value]
        case _:
            return value


class _MaskingFormatter(ProcessorFormatter):
    """Masks the given secrets in every rendered line, as they are or as JSON and ``repr`` would write them."""

    def __init__(self, secrets: Iterable[str], **options: Any) -> None:
        super().__init__(**options)
        forms = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])}
        longest_first = sorted(forms - {""}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return self._pattern.sub(MASK, line) if self._pattern else line
