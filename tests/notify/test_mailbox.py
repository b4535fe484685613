"""The mail server is asked as it wants to be, and what it says is understood."""

import socket
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from snews_cs.errors import MailNotSent, SettingsError
from snews_cs.notify import mailbox
from snews_cs.notify.mailbox import MailServer
from snews_cs.settings import load_settings
from tests.support.mail_server import PASSWORD, SENDER, mail_server
from tests.support.mail_server import MailServer as PlayedServer

AUTHORITY = trustme.CA()


def certificate(host: str = "127.0.0.1") -> ssl.SSLContext:
    """Return a server's side of TLS, with a certificate of AUTHORITY."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(host).configure_cert(context)
    return context


@pytest.fixture
def _is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this machine trust AUTHORITY."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


@pytest.fixture
def relay() -> Iterator[PlayedServer]:
    """Give a server that asks for nothing and encrypts nothing."""
    with mail_server() as server:
        yield server


@pytest.fixture
def submission() -> Iterator[PlayedServer]:
    """Give a server that takes a login, over TLS."""
    with mail_server(certificate()) as server:
        yield server


def ours(server: PlayedServer, password: str | None = None) -> MailServer:
    secret = None if password is None else SecretStr(password)
    return MailServer(host="127.0.0.1", port=server.port, sender=SENDER, password=secret)


def message(to: str = "shifter@example.org") -> EmailMessage:
    made = EmailMessage()
    made["To"] = to
    made["Subject"] = "Supernova"
    made.set_content("Look up.\n")
    return made


def test_a_message_reaches_its_recipient(relay: PlayedServer) -> None:
    ours(relay).send(message())
    assert relay.recipients == ["shifter@example.org"]
    assert relay.messages[0].get_content() == "Look up.\r\n"
    assert relay.messages[0]["From"] == SENDER
    assert relay.logins == []


@pytest.mark.usefixtures("_is_trusted")
def test_with_a_password_it_logs_in_over_tls(submission: PlayedServer) -> None:
    ours(submission, PASSWORD).send(message())
    assert submission.encrypted == [True]
    assert submission.logins == [SENDER]


@pytest.mark.usefixtures("_is_trusted")
def test_tls_may_begin_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server(certificate(), from_the_start=True) as server:
        monkeypatch.setattr(mailbox, "TLS_PORT", server.port)
        ours(server, PASSWORD).send(message())
        assert server.encrypted == [True]
        assert server.logins == [SENDER]


def test_without_a_password_any_certificate_will_do(submission: PlayedServer) -> None:
    ours(submission).send(message())
    assert submission.encrypted == [True]


def test_a_password_is_not_sent_in_clear(relay: PlayedServer) -> None:
    with pytest.raises(SettingsError, match="offers no TLS, and snews_sender_pass is not sent in clear"):
        ours(relay, PASSWORD).check()
    assert relay.logins == []


def test_a_password_is_not_sent_to_a_stranger(submission: PlayedServer) -> None:
    with pytest.raises(MailNotSent, match="certificate is not trusted") as caught:
        ours(submission, PASSWORD).check()
    assert not caught.value.is_final
    assert submission.logins == []


@pytest.mark.usefixtures("_is_trusted")
def test_a_password_is_not_sent_to_one_of_another_name() -> None:
    with mail_server(certificate("mail.example.org")) as server:
        with pytest.raises(MailNotSent, match="certificate is not trusted"):
            ours(server, PASSWORD).check()
        assert server.logins == []


def test_a_server_that_does_not_speak_tls_where_it_should(relay: PlayedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "TLS_PORT", relay.port)
    with pytest.raises(MailNotSent, match=f"mail server 127.0.0.1:{relay.port}: TLS fails: ") as caught:
        ours(relay).check()
    assert not caught.value.is_final


@pytest.mark.usefixtures("_is_trusted")
def test_a_wrong_password_is_a_wrong_setting(submission: PlayedServer) -> None:
    with pytest.raises(SettingsError, match="refuses snews_sender_email or snews_sender_pass: 535") as caught:
        ours(submission, "wrong one").check()
    assert "wrong one" not in str(caught.value)


@pytest.mark.usefixtures("_is_trusted")
def test_a_password_for_a_server_that_takes_none_is_a_wrong_setting() -> None:
    with (
        mail_server(certificate(), takes_login=False) as server,
        pytest.raises(SettingsError, match="leave snews_sender_pass empty"),
    ):
        ours(server, PASSWORD).check()


def test_a_sender_that_is_refused_for_good_is_a_wrong_setting(relay: PlayedServer) -> None:
    relay.faults["MAIL"] = ["550 not one of ours"]
    with pytest.raises(SettingsError, match="refuses snews_sender_email: 550 not one of ours"):
        ours(relay).send(message())


@pytest.mark.parametrize(
    ("command", "reply", "is_final"),
    [
        ("MAIL", "451 too busy", False),
        ("MAIL", "421 going down", False),
        ("RCPT", "450 greylisted", False),
        ("RCPT", "421 going down", False),
        ("RCPT", "550 no such user", True),
        ("DATA", "452 disk full", False),
        ("DATA", "554 looks like spam", True),
        ("DATA", PlayedServer.DROP, False),
    ],
)
def test_a_refusal_is_for_now_or_for_good(relay: PlayedServer, command: str, reply: str, *, is_final: bool) -> None:
    relay.faults[command] = [reply]
    with pytest.raises(MailNotSent, match="does not answer" if reply == PlayedServer.DROP else reply) as caught:
        ours(relay).send(message())
    assert caught.value.is_final == is_final
    if not is_final:
        ours(relay).send(message())
        assert len(relay.messages) == (2 if reply == PlayedServer.DROP else 1)


@pytest.mark.parametrize("reply", ["451 no way out", PlayedServer.SILENCE])
def test_what_was_taken_is_taken_however_the_connection_ends(
    relay: PlayedServer, monkeypatch: pytest.MonkeyPatch, reply: str
) -> None:
    monkeypatch.setattr(mailbox, "GOODBYE_S", 0.1)
    relay.faults["QUIT"] = [reply]
    ours(relay).send(message())
    assert len(relay.messages) == 1


def test_a_recipient_that_the_server_cannot_spell_is_refused_for_good() -> None:
    with mail_server() as server:
        with pytest.raises(MailNotSent) as caught:
            ours(server).send(message("shifter@h\N{LATIN SMALL LETTER O WITH DIAERESIS}he.example"))
        assert caught.value.is_final


def test_who_does_not_answer_may_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for timeout_s in (0.1, 10):  # first it says nothing, then it is gone
            server = MailServer(host="127.0.0.1", port=port, sender=SENDER, timeout_s=timeout_s)
            with pytest.raises(MailNotSent, match=f"mail server 127.0.0.1:{port} does not answer") as caught:
                server.check()
            assert not caught.value.is_final
            silent.close()


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [
        ({}, "mail.example.org", 25),
        ({"snews_sender_pass": "secret"}, "mail.example.org", 587),
        ({"snews_sender_pass": "secret", "smtp_server_addr": "mail.example.org:465"}, "mail.example.org", 465),
    ],
)
def test_it_is_made_from_the_settings(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], host: str, port: int
) -> None:
    for key, value in {"smtp_server_addr": "mail.example.org", "snews_sender_email": SENDER, **given}.items():
        monkeypatch.setenv(key, value)
    server = MailServer.of(load_settings())
    assert (server.host, server.port, server.sender) == (host, port, SENDER)
    assert (server.password is not None) == ("snews_sender_pass" in given)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"smtp_server_addr": "mail.example.org"}, "smtp_server_addr and snews_sender_email are needed"),
        ({"snews_sender_email": SENDER}, "smtp_server_addr and snews_sender_email are needed"),
        (
            {"smtp_server_addr": "m", "snews_sender_email": SENDER, "snews_sender_pass": "gehe\N{SUPERSCRIPT TWO}im"},
            "snews_sender_pass: mail servers take passwords of ASCII characters only",
        ),
    ],
)
def test_settings_that_name_no_server_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], reason: str
) -> None:
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SettingsError, match=reason):
        MailServer.of(load_settings())
