"""``snews_cs doctor`` on Slack and mail."""

import pytest

from tests.monitoring.patient import NOBODY, Patient
from tests.support.mail_server import SENDER, mail_server
from tests.support.slack_server import CHANNEL, TOKEN, Fault, slack_server


@pytest.mark.parametrize(
    ("token", "channel", "said"),
    [
        (TOKEN, CHANNEL, f"OK takes the token and channel {CHANNEL}"),
        ("xoxb-quite-wrong", CHANNEL, "FAILED Slack refuses SLACK_TOKEN: invalid_auth -> "),
        (TOKEN, "C0OTHER", "FAILED Slack refuses slack_channel_id C0OTHER: channel_not_found -> "),
        (TOKEN, "", "WARNING slack_channel_id is not set -> "),
        ("", CHANNEL, "WARNING SLACK_TOKEN is not set -> "),
    ],
    ids=["right", "wrong token", "wrong channel", "no channel", "no token"],  # a test's name is in its paths
)
def test_slack(patient: Patient, token: str, channel: str, said: str) -> None:
    with slack_server() as slack:
        patient.settings |= {"SLACK_TOKEN": token, "slack_channel_id": channel, "SLACK_API_URL": slack.url}
        _, found = patient.examine()
    assert found["Slack"].startswith(said)
    assert slack.messages == []
    assert not any(TOKEN in text or "xoxb" in text for text in found.values())


def test_slack_that_does_not_answer(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.monitoring.doctor.people._PATIENCE_S", 0.1)
    settings = {"SLACK_TOKEN": TOKEN, "slack_channel_id": CHANNEL, "SLACK_API_URL": f"http://{NOBODY}/"}
    patient.settings |= settings
    _, found = patient.examine()
    assert found["Slack"].startswith("WARNING has no answer in 0.1 s: Slack does not answer: ")


def test_what_slack_makes_us_wait_for_is_in_its_line(patient: Patient) -> None:
    with slack_server() as slack:
        patient.settings |= {"SLACK_TOKEN": TOKEN, "slack_channel_id": CHANNEL, "SLACK_API_URL": slack.url}
        slack.fail("auth.test", Fault(status=503))
        _, found = patient.examine()
    assert (
        found["Slack"] == f"OK takes the token and channel {CHANNEL} after trouble: Slack answers with HTTP status 503"
    )


def test_a_slack_token_that_may_not_look_at_channels(patient: Patient) -> None:
    with slack_server() as slack:
        patient.settings |= {"SLACK_TOKEN": TOKEN, "slack_channel_id": CHANNEL, "SLACK_API_URL": slack.url}
        slack.refusals["conversations.info"] = "missing_scope"
        _, found = patient.examine()
    assert found["Slack"] == "OK takes the token, which may not look at channels"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "OK is not set up"),
        ({"ALERT_EMAILS": "me@example.org"}, "FAILED smtp_server_addr and snews_sender_email are needed to send mail"),
        ({"smtp_server_addr": "{mail}"}, "FAILED smtp_server_addr and snews_sender_email are needed to send mail"),
        (
            {"smtp_server_addr": "{mail}", "snews_sender_email": SENDER},
            "OK mail server {mail} answers (no login: snews_sender_pass is not set); alerts go to nobody:",
        ),
        (
            {
                "smtp_server_addr": "{mail}",
                "snews_sender_email": SENDER,
                "ALERT_EMAILS": "me@example.org, you@example.org",
            },
            "OK mail server {mail} answers (no login: snews_sender_pass is not set); alerts go to 2 addresses",
        ),
        (
            {"smtp_server_addr": "{mail}", "snews_sender_email": SENDER, "snews_sender_pass": "open-sesame"},
            "FAILED mail server {mail} offers no TLS, and snews_sender_pass is not sent in clear -> ",
        ),
        (
            {"smtp_server_addr": NOBODY, "snews_sender_email": SENDER},
            f"WARNING mail server {NOBODY} does not answer: [Errno 111] Connection refused -> ",
        ),
    ],
    ids=["nothing", "no server", "no sender", "no recipient", "right", "no TLS", "away"],
)
def test_mail(patient: Patient, given: dict[str, str], said: str) -> None:
    with mail_server() as mail:
        patient.settings |= {name: value.format(mail=mail.address) for name, value in given.items()}
        _, found = patient.examine()
    assert found["mail"].startswith(said.format(mail=mail.address))
    assert mail.messages == []
    assert not any("sesame" in text for text in found.values())
