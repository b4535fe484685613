"""A real SMTP server on loopback, which keeps what it is sent."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

from aiosmtpd.smtp import SMTP, Envelope, Session

SENDER, PASSWORD = "snews@example.org", "not-a-secret-either"


class MailServer:
    """A mail server with one user, SENDER.

    Parameters
    ----------
    tls
        What it encrypts with.
    from_the_start
        Whether TLS begins before the first word, instead of by STARTTLS.
    takes_login
        Whether it offers a login.

    ``faults`` are used up one by one by the next commands (``MAIL``, ``RCPT``, ``DATA``, ``QUIT``) each is listed for;
    ``DROP`` takes the message and breaks the connection, ``SILENCE`` answers no ``QUIT``. ``refusals`` are for good, by
    recipient.
    """

    DROP, SILENCE = "drop", "silence"

    def __init__(
        self, tls: ssl.SSLContext | None = None, *, from_the_start: bool = False, takes_login: bool = True
    ) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins: list[str] = []
        self.encrypted: list[bool] = []
        self.faults: dict[str, list[str]] = {}
        self.refusals: dict[str, str] = {}
        self.sessions = 0
        self._loop = asyncio.new_event_loop()
        handler = _Handler(self)

        def protocol() -> SMTP:
            self.sessions += 1
            return SMTP(
                handler,
                hostname="mail.example.org",
                tls_context=None if from_the_start else tls,
                auth_callback=self._login,
                auth_require_tls=not from_the_start,
                auth_exclude_mechanism=["PLAIN", "LOGIN"] if not takes_login else None,
                loop=self._loop,
            )

        listening = self._loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if from_the_start else None)
        self._server = self._loop.run_until_complete(listening)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _login(self, _mechanism: str, user: bytes, password: bytes) -> bool:
        self.logins.append(user.decode())
        return (user.decode(), password.decode()) == (SENDER, PASSWORD)

    def fault(self, command: str) -> str | None:
        """Return how the next such command fails, if it does."""
        faults = self.faults.get(command)
        return faults.pop(0) if faults else None


class _Handler:
    def __init__(self, mail: MailServer) -> None:
        self._mail = mail

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if (fault := self._mail.fault("MAIL")) is not None:
            return fault
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if (fault := self._mail.fault("RCPT") or self._mail.refusals.get(address)) is not None:
            return fault
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self._mail.fault("DATA")
        if fault is not None and fault != MailServer.DROP:
            return fault
        assert isinstance(envelope.content, bytes)
        assert isinstance(server.transport, asyncio.Transport)
        message = message_from_bytes(envelope.content, policy=SMTP_POLICY)
        assert isinstance(message, EmailMessage)
        self._mail.recipients += envelope.rcpt_tos
        self._mail.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        self._mail.messages.append(message)
        if fault is not None:
            server.transport.abort()
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        fault = self._mail.fault("QUIT")
        if fault == MailServer.SILENCE:
            await asyncio.Event().wait()
        return fault or "221 Bye"


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None, *, from_the_start: bool = False, takes_login: bool = True
) -> Iterator[MailServer]:
    """Run a mail server."""
    server = MailServer(tls, from_the_start=from_the_start, takes_login=takes_login)
    try:
        yield server
    finally:
        server.close()
