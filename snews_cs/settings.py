"""The settings: what the operator may choose, read once at start and immutable afterwards.

A setting comes from the environment, else from the file given with ``--env``, else from its default. An empty value
counts as not given. ``${NAME}`` inside a value that is no secret stands for the value in force of a setting further up
in :class:`Settings`, or else for an environment variable.
"""

import os
import re
import socket
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from snews_cs.errors import SettingsError
from snews_cs.setting_types import (
    DAY_NS,
    SECOND_NS,
    Address,
    Addresses,
    Broker,
    Days,
    Link,
    Listener,
    LocalPath,
    MailHost,
    Names,
    Positive,
    Seconds,
    Secret,
    StoreURL,
    Switch,
    Text,
    Token,
    TopicURL,
)
from snews_cs.setting_types import MASK as MASK  # whoever shows settings takes it from here

log = structlog.get_logger(__name__)

SHORT_PASSWORD = 8
"""An administrator's password of fewer characters is easily guessed."""


def _state_directory(kind: str) -> Path:
    """Return a directory in systemd's for a service's state (``StateDirectory=``), else in the user's home."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(given or Path(home) / "snews_cs") / kind


class Settings(BaseSettings):
    """Every setting: as an attribute in lower case, with ``_ns`` added to lengths of time, which are integer ns.

    Use :func:`load_settings`, which turns every fault into a :class:`snews_cs.errors.SettingsError`.
    """

    model_config = SettingsConfigDict(
        case_sensitive=True,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    hop_broker: Broker = Field("kafka.scimma.org", alias="HOP_BROKER")
    """The Kafka broker, ``HOST`` or ``HOST:PORT`` (several separated by commas)."""
    observation_topic: TopicURL = Field(
        "kafka://${HOP_BROKER}/snews.experiments-test", alias="OBSERVATION_TOPIC", validate_default=True
    )
    """The topic that detectors publish on."""
    alert_topic: TopicURL = Field("kafka://${HOP_BROKER}/snews.alert-test", alias="ALERT_TOPIC", validate_default=True)
    """The topic that alerts are published on."""
    firedrill_observation_topic: TopicURL = Field(
        "kafka://${HOP_BROKER}/snews.experiments-firedrill", alias="FIREDRILL_OBSERVATION_TOPIC", validate_default=True
    )
    """The topic of observations in a firedrill."""
    firedrill_alert_topic: TopicURL = Field(
        "kafka://${HOP_BROKER}/snews.alert-firedrill", alias="FIREDRILL_ALERT_TOPIC", validate_default=True
    )
    """The topic of alerts in a firedrill."""
    connection_test_topic: TopicURL = Field(
        "kafka://${HOP_BROKER}/snews.connection-testing", alias="CONNECTION_TEST_TOPIC", validate_default=True
    )
    """The topic of answers to connection tests, and of the alerts that test messages raise."""
    no_coincidence_topic: TopicURL | None = Field(None, alias="NO_COINCIDENCE_TOPIC")
    """The topic on which observations that raise no alert are answered; without it none is."""
    hop_auth: Switch = Field(True, alias="HOP_AUTH")
    """Whether to log in to the broker with the credentials of hop's ``auth.toml``."""
    consumer_group: Text = Field("snews_cs", alias="CONSUMER_GROUP")
    """The Kafka consumer group under which the position in the observation topic is kept."""
    coincidence_threshold_ns: Annotated[Seconds, Positive] = Field(10 * SECOND_NS, alias="COINCIDENCE_THRESHOLD")
    """Observations at most this far apart coincide (seconds)."""
    refine_window_ns: Seconds = Field(SECOND_NS, alias="REFINE_WINDOW")
    """A detector's observation at most this far from the first time of one of its own refines that one (seconds)."""
    msg_expiration_ns: Annotated[Seconds, Positive] = Field(DAY_NS, alias="MSG_EXPIRATION")
    """An observation of this age leaves the cache (seconds)."""
    clock_skew_tolerance_ns: Seconds = Field(60 * SECOND_NS, alias="CLOCK_SKEW_TOLERANCE")
    """A neutrino time at most this far in the future is accepted (seconds)."""
    database_server: StoreURL = Field("mongodb://localhost:27017", alias="DATABASE_SERVER")
    """The store: ``mongodb://...`` or ``sqlite:///PATH``."""
    spool_directory: LocalPath = Field(default_factory=partial(_state_directory, "spool"), alias="SPOOL_DIRECTORY")
    """Where each server keeps, in a directory named after its tag, what it decides while the store is away."""
    server_tag: Text = Field(default_factory=socket.gethostname, alias="SERVER_TAG")
    """This server's name in alerts and in the journal; the host name by default."""
    hb_delete_after_ns: Annotated[Days, Positive] = Field(7 * DAY_NS, alias="HB_DELETE_AFTER")
    """Heartbeats older than this are deleted (days)."""
    hb_offline_after_ns: Annotated[Seconds, Positive] = Field(600 * SECOND_NS, alias="HB_OFFLINE_AFTER")
    """A detector whose last heartbeat is older than this counts as offline (seconds)."""
    muted_detectors: Names = Field((), alias="MUTED_DETECTORS")
    """Detectors whose observations do not count, only go to quarantine, separated by ``,`` or ``;``."""
    detector_registry: LocalPath | None = Field(None, alias="DETECTOR_REGISTRY")
    """A file that extends the registry of detectors that comes with the package."""
    monitoring_address: Listener = Field("127.0.0.1:9464", alias="MONITORING_ADDRESS")
    """Where the server answers ``/healthz`` and ``/metrics`` over HTTP: ``HOST:PORT``, or ``off``."""
    snews_cs_admin_pass: Secret | None = Field(None, alias="snews_cs_admin_pass")
    """The password of commands such as hard-reset; without it they are off."""
    snews_sender_email: Address | None = Field(None, alias="snews_sender_email")
    """The address that mails are sent from; at the mail server, also the user name."""
    snews_sender_pass: Secret | None = Field(None, alias="snews_sender_pass")
    """The password of that address at the mail server; without it there is no login. It is sent over TLS only."""
    smtp_server_addr: MailHost | None = Field(None, alias="smtp_server_addr")
    """Mail server, ``HOST`` or ``HOST:PORT``; else the port is 587 with a password, 25 without (465: TLS at once)."""
    alert_emails: Addresses = Field((), alias="ALERT_EMAILS")
    """The addresses that alerts are mailed to, separated by ``,`` or ``;``."""
    slack_token: Token | None = Field(None, alias="SLACK_TOKEN")
    """The token of the Slack bot."""
    slack_channel_id: Text | None = Field(None, alias="slack_channel_id")
    """The Slack channel that the bot writes to."""
    alert_link: Link = Field("https://snews2.org", alias="ALERT_LINK")
    """Where to read on: the page that messages in Slack and mails link to."""
    remove_figures_after_ns: Annotated[Days, Positive] = Field(7 * DAY_NS, alias="REMOVE_FIGURES_AFTER")
    """Figures older than this are deleted (days)."""
    figures_directory: LocalPath = Field(
        default_factory=partial(_state_directory, "figures"), alias="FIGURES_DIRECTORY"
    )
    """Where the figures that were mailed to detectors' people are kept."""
    drill_history: LocalPath = Field(default_factory=partial(_state_directory, "drills.jsonl"), alias="DRILL_HISTORY")
    """The file in which drills are kept, one JSON object a line."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before what the constructor is given: the file's values."""
        return env_settings, init_settings

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret in force, in clear: what must never be shown."""
        given = (getattr(self, name) for name in type(self).model_fields)
        found = {secret.get_secret_value() for secret in given if isinstance(secret, SecretStr)}
        inside_url = {form for secret in _secrets_in(self.database_server) for form in (secret, unquote(secret))}
        return frozenset(found | inside_url) - {""}

    def shown(self) -> "Iterator[ShownSetting]":
        """Yield every setting as it may be shown to a person: secrets masked, lengths of time in seconds."""
        for name, field in type(self).model_fields.items():
            key = str(field.alias)
            given = "environment" if os.environ.get(key) else "file"
            source = given if name in self.model_fields_set else "default"
            yield ShownSetting(key, _shown(getattr(self, name), is_time=name.endswith("_ns")), source)

    def moved_to(self, broker: str) -> "Settings":
        """Return the same settings with every topic, of the same name, on another broker (``HOST:PORT``)."""
        moved = {name: f"kafka://{broker}{urlsplit(url).path}" for name, url in self.topics().items()}
        return self.model_copy(update={"hop_broker": broker, **moved})

    def topics(self) -> dict[str, str]:
        """Return the address of every topic that is set, by attribute."""
        topics = {name: getattr(self, name) for name in type(self).model_fields if name.endswith("_topic")}
        return {name: url for name, url in topics.items() if url is not None}


class ShownSetting(NamedTuple):
    """A setting's name, its value in force fit for showing, and its source: environment, file or default."""

    key: str
    value: str
    source: str


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the environment and the operator's file of ``KEY=value`` lines (``--env``).

    Keys of the file that are unknown or given twice are logged.

    Raises
    ------
    SettingsError
        If the file cannot be read, or values are malformed; the text names each such setting, and shows no secret.
    """
    file = _read_env_file(env_file) if env_file is not None else {}
    for key in sorted(file.keys() - {field.alias for field in Settings.model_fields.values()}):
        log.warning("%s: unknown setting %s", env_file, key)
    given: dict[str, Any] = {key: value for key, value in file.items() if value}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(_faults(error))) from error
    password = settings.snews_cs_admin_pass
    if password is not None and len(password.get_secret_value()) < SHORT_PASSWORD:
        log.warning("snews_cs_admin_pass has fewer than %s characters: it is easily guessed", SHORT_PASSWORD)
    return settings


def _read_env_file(path: Path) -> dict[str, str | None]:
    """Read the file's keys and values as they stand in it."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"cannot read the settings file {path}: it is not UTF-8 text") from error
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            raise SettingsError(f"{path}, line {binding.original.line}: not of the form KEY=value")
    times = Counter(binding.key for binding in bindings if binding.key is not None)
    for key in sorted(key for key, number in times.items() if number > 1):
        log.warning("%s: %s is given %s times: the last counts", path, key, times[key])
    return {binding.key: binding.value for binding in bindings if binding.key is not None}


def _faults(error: ValidationError) -> Iterator[str]:
    """Yield a line for each setting that was given a malformed value (not for defaults that build on it)."""
    keys = {field.alias for field in Settings.model_fields.values()}
    for fault in error.errors(include_url=False, include_input=False):
        if fault["loc"][0] in keys:
            yield f"{fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}"


def _shown(value: object, *, is_time: bool) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return MASK
        case bool():
            return str(value).lower()
        case int() if is_time:
            return f"{(Decimal(value) / SECOND_NS).normalize():f} s"
        case tuple():
            return "; ".join(value)
        case str() if "://" in value:
            for secret in _secrets_in(value):
                value = re.sub(f"(?<=[:=]){re.escape(secret)}(?=[@&]|$)", MASK, value)
            return value
        case _:
            return str(value)


def _secrets_in(url: str) -> Iterator[str]:
    """Yield what is secret in an address, as it stands there: its password, and options such as a key file's."""
    parts = urlsplit(url)
    yield from filter(None, [parts.password])
    for option in parts.query.split("&"):
        name, _, content = option.partition("=")
        if content and re.search("pass|secret|token|properties", name, re.IGNORECASE):
            yield content
