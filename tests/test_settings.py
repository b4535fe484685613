"""The settings: where values come from, what is refused, and what is never shown."""

import itertools
import re
from pathlib import Path

import pytest
import structlog

from snews_cs.errors import SettingsError
from snews_cs.settings import MASK, Settings, load_settings

EXAMPLE = Path(__file__).parent.parent / "etc" / "test-config.env"
SECOND = 10**9
DAY = 86_400 * SECOND


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / "my.env"


def given(env_file: Path, *lines: str) -> Settings:
    env_file.write_text("\n".join(lines))
    return load_settings(env_file)


def fault(env_file: Path, line: str) -> str:
    """Return the error of a setting, with what a traceback would show; empty if there is none."""
    try:
        given(env_file, line)
    except SettingsError as error:
        return f"{error} {error.__cause__}"
    return ""


def sources(settings: Settings) -> dict[str, str]:
    return {setting.key: setting.source for setting in settings.shown()}


def values(settings: Settings) -> dict[str, str]:
    return {setting.key: setting.value for setting in settings.shown()}


def test_defaults_are_the_development_topics_and_the_spec_s_numbers() -> None:
    settings = load_settings()
    assert settings.observation_topic == "kafka://kafka.scimma.org/snews.experiments-test"
    assert settings.alert_topic == "kafka://kafka.scimma.org/snews.alert-test"
    assert settings.connection_test_topic == "kafka://kafka.scimma.org/snews.connection-testing"
    assert settings.no_coincidence_topic is None
    assert settings.hop_auth is True
    assert settings.database_server == "mongodb://localhost:27017"
    assert settings.coincidence_threshold_ns == 10 * SECOND
    assert settings.refine_window_ns == SECOND
    assert settings.msg_expiration_ns == DAY
    assert settings.clock_skew_tolerance_ns == 60 * SECOND
    assert settings.hb_delete_after_ns == 7 * DAY
    assert settings.hb_offline_after_ns == 600 * SECOND
    assert set(sources(settings).values()) == {"default"}


def test_every_setting_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_environment_beats_file_beats_default(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFINE_WINDOW", "3")
    settings = given(env_file, "REFINE_WINDOW=2", "CLOCK_SKEW_TOLERANCE=2")
    assert settings.refine_window_ns == 3 * SECOND
    assert settings.clock_skew_tolerance_ns == 2 * SECOND
    assert settings.coincidence_threshold_ns == 10 * SECOND
    shown = sources(settings)
    assert shown["REFINE_WINDOW"] == "environment"
    assert shown["CLOCK_SKEW_TOLERANCE"] == "file"
    assert shown["COINCIDENCE_THRESHOLD"] == "default"


def test_an_empty_value_counts_as_not_given(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFINE_WINDOW", "")
    settings = given(env_file, "REFINE_WINDOW=2", "CLOCK_SKEW_TOLERANCE=")
    assert settings.refine_window_ns == 2 * SECOND
    assert sources(settings)["REFINE_WINDOW"] == "file"
    assert settings.clock_skew_tolerance_ns == 60 * SECOND
    assert sources(settings)["CLOCK_SKEW_TOLERANCE"] == "default"


def test_the_broker_in_force_is_expanded(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOP_BROKER", "localhost:9092")
    settings = given(env_file, "HOP_BROKER=elsewhere", "ALERT_TOPIC=kafka://${HOP_BROKER}/mine")
    assert settings.alert_topic == "kafka://localhost:9092/mine"
    assert settings.observation_topic == "kafka://localhost:9092/snews.experiments-test"


def test_environment_variables_are_expanded_but_not_in_secrets(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA", "/data")
    settings = given(env_file, "DATABASE_SERVER=sqlite:///${DATA}/snews.db", "SLACK_TOKEN='a${DATA}'")
    assert settings.database_server == "sqlite:////data/snews.db"
    assert settings.slack_token is not None
    assert settings.slack_token.get_secret_value() == "a${DATA}"


def test_what_stands_for_nothing_is_an_error(env_file: Path) -> None:
    with pytest.raises(SettingsError, match=r"^ALERT_TOPIC: \$\{NOWHERE\} stands for nothing"):
        given(env_file, "ALERT_TOPIC=kafka://${NOWHERE}/mine")


@pytest.mark.parametrize(
    ("line", "expected_ns"),
    [
        ("REFINE_WINDOW=0", 0),
        ("REFINE_WINDOW=0.1", SECOND // 10),
        ("REFINE_WINDOW=0.300000001", 300_000_001),
        ("REFINE_WINDOW=4.35", 4_350_000_000),
        ("REFINE_WINDOW=2 min", 120 * SECOND),
        ("HB_DELETE_AFTER=7", 7 * DAY),
        ("HB_DELETE_AFTER=0.5", DAY // 2),
        ("HB_DELETE_AFTER=7 days", 7 * DAY),
        ("HB_DELETE_AFTER=3600 s", 3600 * SECOND),
    ],
)
def test_lengths_of_time_are_exact(env_file: Path, line: str, expected_ns: int) -> None:
    settings = given(env_file, line)
    assert getattr(settings, line.partition("=")[0].lower() + "_ns") == expected_ns


def test_lists(env_file: Path) -> None:
    settings = given(env_file, 'MUTED_DETECTORS="SNO+, KM3NeT;LVD;"', "ALERT_EMAILS=a@example.org;b@example.org")
    assert settings.muted_detectors == ("SNO+", "KM3NeT", "LVD")
    assert settings.alert_emails == ("a@example.org", "b@example.org")
    assert values(settings)["MUTED_DETECTORS"] == "SNO+; KM3NeT; LVD"


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on"])
def test_hop_auth_true(env_file: Path, value: str) -> None:
    assert given(env_file, f"HOP_AUTH={value}").hop_auth is True


@pytest.mark.parametrize("value", ["false", "0", "no", "off"])
def test_hop_auth_false(env_file: Path, value: str) -> None:
    assert given(env_file, f"HOP_AUTH={value}").hop_auth is False


def test_hop_auth_is_one_or_the_other(env_file: Path) -> None:
    assert fault(env_file, "HOP_AUTH=maybe").startswith("HOP_AUTH: must be true or false ")


@pytest.mark.parametrize(
    "line",
    [
        "HOP_BROKER=kafka://host",
        "HOP_BROKER=two words",
        "OBSERVATION_TOPIC=snews.experiments-test",
        "OBSERVATION_TOPIC=kafka://host",
        "OBSERVATION_TOPIC=kafka://host/a/b",
        "OBSERVATION_TOPIC=kafka://group@host/a",
        "OBSERVATION_TOPIC=kafka://host:0/a",
        "OBSERVATION_TOPIC=kafka://:,/a",
        "NO_COINCIDENCE_TOPIC=no",
        "HOP_BROKER=host:65536",
        "HOP_BROKER=host:0",
        "HOP_BROKER=a..b",
        "HOP_AUTH=maybe",
        "COINCIDENCE_THRESHOLD=ten",
        "COINCIDENCE_THRESHOLD=-1",
        "COINCIDENCE_THRESHOLD=0",
        "COINCIDENCE_THRESHOLD=nan",
        "COINCIDENCE_THRESHOLD=inf",
        "COINCIDENCE_THRESHOLD=1e1",
        "COINCIDENCE_THRESHOLD=10 weeks",
        "COINCIDENCE_THRESHOLD=0.0000000001",
        "MSG_EXPIRATION=99999999999999999999",
        "HB_DELETE_AFTER=0",
        "DATABASE_SERVER=mysql://localhost",
        "DATABASE_SERVER=sqlite:///",
        "DATABASE_SERVER=mongodb://a[b",
        "DATABASE_SERVER=mongodb://me:sec/ret@host",
        "DATABASE_SERVER=mongodb://me:sec@ret@host",
        "DATABASE_SERVER=mongodb://me:secret@",
        "MONITORING_ADDRESS=9464",
        "MONITORING_ADDRESS=localhost:65536",
        "ALERT_EMAILS=a@example.org;nobody",
        "snews_sender_email=nobody",
        "smtp_server_addr=.example.org",
        f"smtp_server_addr={64 * 'a'}.example.org",
        "SLACK_TOKEN=' '",
        "SLACK_TOKEN=two words",
        "SLACK_TOKEN=xoxb\N{EN DASH}1",
        "snews_sender_pass='  '",
        "snews_cs_admin_pass='\t'",
        "ALERT_LINK=snews2.org",
        "ALERT_LINK=https://snews2.org|More>",
    ],
)
def test_a_malformed_value_is_one_line_that_names_it(env_file: Path, line: str) -> None:
    key, _, value = line.partition("=")
    with pytest.raises(SettingsError) as caught:
        given(env_file, line)
    text = str(caught.value)
    assert text.startswith(f"{key}: ")
    assert "\n" not in text
    assert ";" not in text.replace(value, "")


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("CONNECTION_TEST_TOPIC=kafka://${HOP_BROKER}/snews.experiments-test", "OBSERVATION_TOPIC"),
        ("CONNECTION_TEST_TOPIC=kafka://${HOP_BROKER}/snews.alert-test", "ALERT_TOPIC"),
        ("FIREDRILL_ALERT_TOPIC=kafka://${HOP_BROKER}/snews.alert-test", "ALERT_TOPIC"),
        ("ALERT_TOPIC=kafka://${HOP_BROKER}/snews.experiments-test", "OBSERVATION_TOPIC"),
        ("NO_COINCIDENCE_TOPIC=kafka://${HOP_BROKER}/snews.alert-test", "ALERT_TOPIC"),
    ],
)
def test_no_topic_has_two_uses(env_file: Path, line: str, other: str) -> None:
    """A server that answers on the topic it reads would answer its own answers for ever."""
    with pytest.raises(SettingsError, match=f"^{line.partition('=')[0]}: is {other} too"):
        given(env_file, line)


def test_all_malformed_values_are_named_at_once(env_file: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        given(env_file, "HOP_BROKER=two words", "HOP_AUTH=maybe")
    assert [part.split(":")[0] for part in str(caught.value).split("; ")] == ["HOP_BROKER", "HOP_AUTH"]


def test_a_malformed_value_in_the_environment_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HB_OFFLINE_AFTER", "soon")
    with pytest.raises(SettingsError, match=r"^HB_OFFLINE_AFTER: 'soon'"):
        load_settings()


@pytest.mark.parametrize("url", ["mysql://me:hunter2@localhost", "mongodb://me:hunter2/@localhost"])
def test_errors_show_no_password(env_file: Path, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        given(env_file, f"DATABASE_SERVER={url}")
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize("key", [str(field.alias) for field in Settings.model_fields.values()])
@pytest.mark.parametrize(
    "value",
    [
        "kafka://me:hunter2@x/y",
        "kafka://hunter2@host:9092/topic/more",
        "smtp://me:hunter2@host",
        "me:hunter2@host:9092",
        "me:hun@hunter2@host",
        "me@host:hunter2",
        "me:hunter2",
        "some words:hunter2",
        "//host/?token=hunter2",
        "password=hunter2@",
    ],
)
def test_no_setting_s_error_shows_a_password(env_file: Path, key: str, value: str) -> None:
    """One that was pasted with its address where none belongs; a setting that takes any text takes this one, too."""
    text = fault(env_file, f"{key}='{value}'")
    assert text == "" or text.startswith(f"{key}: ")
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("OBSERVATION_TOPIC=kafka://me:hunter2@host/more/topic", f"'kafka://{MASK}@host/more/topic'"),
        ("HOP_BROKER=me:hunter2@host:9092", f"'{MASK}@host:{MASK}'"),
        ("snews_sender_email=me:hunter2", f"'me:{MASK}'"),
        ("HOP_BROKER=two words", "'two words'"),
    ],
)
def test_what_is_quoted_of_a_malformed_value(env_file: Path, line: str, quoted: str) -> None:
    with pytest.raises(SettingsError) as caught:
        given(env_file, line)
    assert str(caught.value).startswith(f"{line.partition('=')[0]}: {quoted} is not ")


@pytest.mark.parametrize("key", ["SPOOL_DIRECTORY", "DETECTOR_REGISTRY", "FIGURES_DIRECTORY", "DRILL_HISTORY"])
def test_what_is_no_place_on_the_disk(env_file: Path, key: str) -> None:
    """Else it would be quoted as such where it cannot be opened, or end in a traceback."""
    text = fault(env_file, f"{key}=https://me:hunter2@host/registry.json")
    assert text.startswith(f"{key}: must be a path on this machine, not an address")
    assert fault(env_file, f"{key}=~nobody-of-that-name/x").startswith(
        f"{key}: '~nobody-of-that-name/x' is in no user's home"
    )


def test_an_unknown_key_is_a_warning_that_names_it(env_file: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        given(env_file, "HOP_BROKR=host", "hop_auth=false", "HOP_AUTH=false")
    assert [line["event"] for line in lines] == [
        f"{env_file}: unknown setting HOP_BROKR",
        f"{env_file}: unknown setting hop_auth",
    ]
    assert {line["log_level"] for line in lines} == {"warning"}


def test_a_key_given_twice_is_a_warning_that_names_it(env_file: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        settings = given(env_file, "REFINE_WINDOW=2", "", "HOP_AUTH=false", "REFINE_WINDOW=3")
    assert settings.refine_window_ns == 3 * SECOND
    assert [(line["event"], line["log_level"]) for line in lines] == [
        (f"{env_file}: REFINE_WINDOW is given 2 times: the last counts", "warning")
    ]


def test_files_that_cannot_be_used(tmp_path: Path, env_file: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.env: No such file"):
        load_settings(tmp_path / "missing.env")
    with pytest.raises(SettingsError, match="directory"):
        load_settings(tmp_path)
    with pytest.raises(SettingsError, match="line 2: not of the form KEY=value"):
        given(env_file, "HOP_AUTH=false", "HOP_BROKER")
    with pytest.raises(SettingsError, match="line 1: not of the form KEY=value"):
        given(env_file, "what is = this")
    env_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(env_file)


def test_secrets_are_masked(env_file: Path) -> None:
    settings = given(
        env_file,
        "snews_cs_admin_pass=first",
        "snews_sender_pass=second",
        "SLACK_TOKEN=third",
        "DATABASE_SERVER=mongodb://me:fo%2Furth@localhost:27017/?replicaSet=a",
    )
    assert settings.secrets == {"first", "second", "third", "fo%2Furth", "fo/urth"}
    shown = values(settings)
    assert shown["snews_cs_admin_pass"] == shown["snews_sender_pass"] == shown["SLACK_TOKEN"] == MASK
    assert shown["DATABASE_SERVER"] == f"mongodb://me:{MASK}@localhost:27017/?replicaSet=a"
    assert load_settings().secrets == set()


def test_secrets_among_the_options_of_an_address(env_file: Path) -> None:
    url = "mongodb://a:27017,b/?tlsCertificateKeyFilePassword=fo%2Furth&w=1&authMechanismProperties=TOKEN:fifth"
    settings = given(env_file, f"DATABASE_SERVER={url}")
    assert settings.secrets == {"fo%2Furth", "fo/urth", "TOKEN:fifth"}
    masked = f"mongodb://a:27017,b/?tlsCertificateKeyFilePassword={MASK}&w=1&authMechanismProperties={MASK}"
    assert values(settings)["DATABASE_SERVER"] == masked


@pytest.mark.parametrize(("password", "lines"), [("seven77", 1), ("eight888", 0), ("", 0)])
def test_a_short_password_is_warned_of_and_not_shown(env_file: Path, password: str, lines: int) -> None:
    with structlog.testing.capture_logs() as logged:
        given(env_file, f"snews_cs_admin_pass={password}")
    assert [line["event"] for line in logged] == [
        "snews_cs_admin_pass has fewer than 8 characters: it is easily guessed"
    ] * lines


def test_a_file_of_windows(env_file: Path) -> None:
    env_file.write_bytes(b"\xef\xbb\xbfHOP_BROKER=localhost:1\r\nHOP_AUTH=no\r\n")
    with structlog.testing.capture_logs() as logged:
        settings = load_settings(env_file)
    assert (settings.hop_broker, settings.hop_auth, logged) == ("localhost:1", False, [])


def test_shown_lengths_of_time_can_be_read_back(env_file: Path) -> None:
    settings = given(env_file, "HB_DELETE_AFTER=0.25", "REFINE_WINDOW=0.000000001")
    shown = values(settings)
    assert shown["HB_DELETE_AFTER"] == "21600 s"
    assert shown["REFINE_WINDOW"] == "0.000000001 s"
    again = given(env_file, *(f"{key}={shown[key]}" for key in ("HB_DELETE_AFTER", "REFINE_WINDOW")))
    assert values(again) == shown


def test_moved_to_another_broker_every_topic_keeps_its_name(env_file: Path) -> None:
    settings = given(env_file, "ALERT_TOPIC=kafka://far.away/mine", "NO_COINCIDENCE_TOPIC=kafka://far.away/no")
    moved = settings.moved_to("127.0.0.1:9092")
    assert moved.hop_broker == "127.0.0.1:9092"
    assert moved.alert_topic == "kafka://127.0.0.1:9092/mine"
    assert moved.no_coincidence_topic == "kafka://127.0.0.1:9092/no"
    assert moved.firedrill_alert_topic == "kafka://127.0.0.1:9092/snews.alert-firedrill"
    assert settings.alert_topic == "kafka://far.away/mine"
    assert load_settings().moved_to("127.0.0.1:9092").no_coincidence_topic is None


def test_the_example_holds_every_key_each_explained_and_equal_to_its_default() -> None:
    with structlog.testing.capture_logs() as logged:
        settings = load_settings(EXAMPLE)
    assert logged == []
    assert values(settings) == values(load_settings())
    lines_in_pairs = list(itertools.pairwise(EXAMPLE.read_text().splitlines()))
    explained = [
        line.partition("=")[0] for above, line in lines_in_pairs if above.startswith("# ") and line[:1].isalpha()
    ]
    assert explained == [field.alias for field in Settings.model_fields.values()]


def test_the_example_promises_nothing_for_later() -> None:
    assert [line for line in EXAMPLE.read_text().splitlines() if re.search(r"\b(yet|later|planned)\b", line)] == []
