"""The mail server: takes one message for one person, or says whether to try again."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cache, cached_property

from pydantic import SecretStr

from snews_cs.errors import MailNotSent, SettingsError
from snews_cs.settings import Settings

RELAY_PORT, SUBMISSION_PORT, TLS_PORT = 25, 587, 465
"""Without a login, with one, and where TLS begins before the first word."""

TAKING_S = 30.0
"""Some servers read a message before they say that they have it, and who does not wait for that sends it twice."""

GOODBYE_S = 2.0
"""Who does not say goodbye need not be waited for."""

_LONGEST_REASON = 200
_FINAL = range(500, 600)
_LOGINS = frozenset({"PLAIN", "LOGIN", "CRAM-MD5"})  # those that smtplib knows
_SENDER = "snews_sender_email"


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A mail server, and who we are there.

    The connection is encrypted if the server offers it. A password is never sent otherwise, nor to a server whose
    certificate is not one of ``host`` from an authority that this machine trusts (``SSL_CERT_FILE`` adds one). Without
    a password any certificate will do: a relay on the same machine often has one of its own making.

    Parameters
    ----------
    host, port
        Where it is. On port 465 TLS begins at once, on others by STARTTLS.
    sender
        The address that mails come from; it is the user name, too.
    password
        Its password; None to send without a login.
    timeout_s
        How long to wait for each answer, s; for the last one, that it has the message, :data:`TAKING_S`.
    """

    host: str
    port: int
    sender: str
    password: SecretStr | None = None
    timeout_s: float = 10.0

    @classmethod
    def of(cls, settings: Settings) -> "MailServer":
        """Return the one that the settings name.

        Raises
        ------
        SettingsError
            If they name none.
        """
        if settings.smtp_server_addr is None or settings.snews_sender_email is None:
            raise SettingsError("smtp_server_addr and snews_sender_email are needed to send mail")
        password = settings.snews_sender_pass
        if password is not None and not password.get_secret_value().isascii():
            raise SettingsError("snews_sender_pass: mail servers take passwords of ASCII characters only")
        host, _, port = settings.smtp_server_addr.partition(":")
        usual = RELAY_PORT if password is None else SUBMISSION_PORT
        return cls(host=host, port=int(port or usual), sender=settings.snews_sender_email, password=password)

    def check(self) -> None:
        """Connect and log in, without sending anything.

        Raises
        ------
        MailNotSent
            If the server is away or cannot do it now.
        SettingsError
            If it does not take these settings.
        """
        with self._session():
            pass

    def send(self, message: EmailMessage) -> None:
        """Send a message to its one recipient (``To``); ``From`` is added if it has none.

        When this returns, the server has the message. An error may come although it has: if the answer was lost.

        Raises
        ------
        MailNotSent
            If the server did not take it; :attr:`~snews_cs.errors.MailNotSent.is_final` says whether it ever will.
        SettingsError
            If the server does not take these settings.
        """
        [recipient] = message["To"].addresses
        if "From" not in message:
            message["From"] = self.sender
        with self._session() as smtp:
            if smtp.sock is not None:
                smtp.sock.settimeout(TAKING_S)
            try:
                smtp.send_message(message, self.sender, [recipient.addr_spec])
            except smtplib.SMTPSenderRefused as error:
                raise self._refused(error, _SENDER) from error
            except smtplib.SMTPRecipientsRefused as error:
                [(code, reason)] = error.recipients.values()
                raise MailNotSent(
                    f"{self} refuses {recipient.addr_spec}: {_text(code, reason)}", is_final=code in _FINAL
                ) from error
            except smtplib.SMTPDataError as error:
                raise MailNotSent(
                    f"{self} refuses the message: {_told(error)}", is_final=error.smtp_code in _FINAL
                ) from error
            except smtplib.SMTPNotSupportedError as error:
                raise MailNotSent(f"{self} cannot send to {recipient.addr_spec}: {error}", is_final=True) from error

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """Give a connection that is logged in. That it ends badly is nobody's concern: what was taken is taken."""
        try:
            with ExitStack() as at_the_end:
                smtp = self._connected(at_the_end)
                if self.password is not None:
                    self._log_in(smtp, self.password.get_secret_value())
                yield smtp
                _say_goodbye(smtp)
        except smtplib.SMTPResponseException as error:
            raise MailNotSent(f"{self} cannot do it now: {_told(error)}", is_final=False) from error
        except ssl.SSLCertVerificationError as error:
            raise MailNotSent(
                f"{self}: its certificate is not trusted: {error.verify_message}", is_final=False
            ) from error
        except ssl.SSLError as error:
            raise MailNotSent(f"{self}: TLS fails: {error.reason}", is_final=False) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailNotSent(f"{self} does not answer: {error}", is_final=False) from error

    def _connected(self, at_the_end: ExitStack) -> smtplib.SMTP:
        if self.port == TLS_PORT:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, _own_name(), timeout=self.timeout_s, context=self._tls
            )
        else:
            smtp = smtplib.SMTP(self.host, self.port, _own_name(), timeout=self.timeout_s)
        at_the_end.callback(smtp.close)
        smtp.ehlo_or_helo_if_needed()
        if self.port != TLS_PORT and smtp.has_extn("starttls"):
            smtp.starttls(context=self._tls)
            smtp.ehlo_or_helo_if_needed()
        return smtp

    def _log_in(self, smtp: smtplib.SMTP, password: str) -> None:
        if not isinstance(smtp.sock, ssl.SSLSocket):
            raise SettingsError(f"{self} offers no TLS, and snews_sender_pass is not sent in clear")
        if _LOGINS.isdisjoint(smtp.esmtp_features.get("auth", "").split()):
            raise SettingsError(f"{self} takes no login with a password: leave snews_sender_pass empty")
        try:
            smtp.login(self.sender, password)
        except smtplib.SMTPAuthenticationError as error:
            raise self._refused(error, f"{_SENDER} or snews_sender_pass") from error

    def _refused(self, error: smtplib.SMTPResponseException, setting: str) -> Exception:
        """Return what a refusal of a setting means: a full or busy server refuses for now, too."""
        if error.smtp_code not in _FINAL:
            return MailNotSent(f"{self} cannot do it now: {_told(error)}", is_final=False)
        return SettingsError(f"{self} refuses {setting}: {_told(error)}")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What to encrypt with; to read whom this machine trusts takes 0.1 s."""
        if self.password is not None:
            return ssl.create_default_context()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def __str__(self) -> str:
        return f"mail server {self.host}:{self.port}"


@cache
def _own_name() -> str:
    """Return who says EHLO, which takes seconds to find out where DNS is slow."""
    return smtplib.SMTP().local_hostname


def _say_goodbye(smtp: smtplib.SMTP) -> None:
    with suppress(smtplib.SMTPException):
        if smtp.sock is not None:
            smtp.sock.settimeout(GOODBYE_S)
        smtp.quit()


def _told(error: smtplib.SMTPResponseException) -> str:
    return _text(error.smtp_code, error.smtp_error)


def _text(code: int, reason: bytes | str) -> str:
    words = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
    return f"{code} {' '.join(words.split())}"[:_LONGEST_REASON]
