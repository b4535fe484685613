"""The log: both formats, the lines that others look for, and no secrets."""

import io
import json
import logging
import sys
import warnings
from typing import Any

import pytest
import structlog

from snews_cs.logging_setup import LogFormat, configure_logging

FORMATS: tuple[LogFormat, ...] = ("console", "json")
INITIALIZING = "(re)Initializing Coincidence System for kafka://127.0.0.1:9092/snews.experiments-test"
PUBLISHING = "PUBLISHING AN ALERT!!!"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def logged(log_format: LogFormat, event: str, *, stream: io.StringIO | None = None, **values: Any) -> str:
    stream = stream or io.StringIO()
    configure_logging(log_format, secrets={"hunter2", 'qu"ote\\'}, stream=stream)
    structlog.get_logger("snews_cs.server").info(event, **values)
    return stream.getvalue()


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("line", [INITIALIZING, PUBLISHING])
def test_lines_that_others_look_for_are_verbatim(log_format: LogFormat, line: str) -> None:
    assert line in logged(log_format, line, alert_uuid="1234")
    assert line in logged(log_format, line, stream=Terminal())


def test_json_is_one_object_a_line_in_utc() -> None:
    with_traceback = io.StringIO()
    configure_logging("json", stream=with_traceback)
    structlog.get_logger("snews_cs.server").error("it broke", exc_info=ValueError("two\nlines"))
    (line,) = with_traceback.getvalue().splitlines()
    entry = json.loads(line)
    assert entry["event"] == "it broke"
    assert entry["level"] == "error"
    assert entry["logger"] == "snews_cs.server"
    assert entry["timestamp"].endswith("Z")
    assert "ValueError: two\nlines" in entry["exception"]


def test_values_that_json_does_not_know_are_written_as_text() -> None:
    assert json.loads(logged("json", "odd", value={1}, raw=b"\xff"))["value"] == "{1}"


def test_colour_only_on_a_terminal() -> None:
    assert "\x1b[" in logged("console", "hello", stream=Terminal())
    assert "\x1b[" not in logged("console", "hello")
    assert "\x1b[" not in logged("json", "hello", stream=Terminal())


@pytest.mark.parametrize("log_format", FORMATS)
def test_values_of_secret_keys_are_masked_at_any_depth(log_format: LogFormat) -> None:
    text = logged(
        log_format,
        "command",
        snews_cs_admin_pass="abc1",
        message={"pass": "abc2", "inner": [{"accessToken": "abc3"}], "detector_name": "JUNO"},
        SLACK_TOKEN=b"abc4",
    )
    assert "abc" not in text
    assert "JUNO" in text


@pytest.mark.parametrize("log_format", FORMATS)
def test_configured_secrets_are_masked_wherever_they_stand(log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logging(log_format, secrets={"hunter2", 'qu"ote\\'}, stream=stream)
    log = structlog.get_logger("snews_cs.server")
    log.info("login as hunter2", url="mongodb://me:hunter2@localhost", other={"reason": 'was qu"ote\\ or so'})
    logging.getLogger("pymongo").error("refused %s and %r", "hunter2", 'qu"ote\\')
    log.error("failed", exc_info=ValueError("hunter2 is wrong"))
    assert "ValueError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert "ote" not in stream.getvalue()


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_traceback_quotes_no_guessed_password(log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logging(log_format, stream=stream)
    error = ValueError('{\\"Password\\" : \\"hunter3\\", \nnot read')
    error.__cause__ = KeyError({"_id": "0_hard-reset", "pass": "hunter2"})
    structlog.get_logger("snews_cs.server").critical("ALARM", exc_info=error)
    text = stream.getvalue()
    assert "hunter" not in text
    for kept in ("KeyError", "0_hard-reset", "ValueError", "not read"):
        assert kept in text
    if log_format == "json":
        assert json.loads(text)["event"] == "ALARM"


@pytest.mark.parametrize("library", ["hop", "adc.consumer", "confluent_kafka", "pymongo", "slack_sdk"])
def test_libraries_speak_from_warning_upwards_in_the_same_format(library: str) -> None:
    stream = io.StringIO()
    configure_logging("json", stream=stream)
    logging.getLogger(library).info("connected to %s", "host")
    logging.getLogger(library).warning("lost %s", "host")
    (entry,) = map(json.loads, stream.getvalue().splitlines())
    assert (entry["event"], entry["logger"], entry["level"]) == ("lost host", library, "warning")


def test_our_own_modules_may_use_the_standard_logging() -> None:
    stream = io.StringIO()
    configure_logging("json", stream=stream)
    logging.getLogger("snews_cs.streams").info("read %d", 3, extra={"topic": "t"})
    logging.getLogger("snews_cs.streams").debug("not shown")
    (entry,) = map(json.loads, stream.getvalue().splitlines())
    assert (entry["event"], entry["topic"]) == ("read 3", "t")


def test_warnings_go_to_the_log() -> None:
    stream = io.StringIO()
    configure_logging("json", stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    assert "old thing" in json.loads(stream.getvalue())["event"]


def test_a_second_call_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging(stream=first)
    configure_logging(stream=second)
    structlog.get_logger("snews_cs").info("hello")
    assert first.getvalue() == ""
    assert second.getvalue().count("hello") == 1


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.get_logger("snews_cs").info("hello")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "hello" in captured.err
    assert not sys.stderr.isatty()
