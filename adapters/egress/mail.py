"""Letters through the operator's mail server, and reminders among them.

The server is named by the operator, not by who makes a reminder, so it may be anywhere. What it
refuses for good (a 5xx to the message or the recipient, RFC 5321) is not tried again; whatever may
be otherwise later is, a wrong password among it, because the operator can mend that.
"""

import re
from datetime import UTC
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

import aiosmtplib
import idna
import structlog

from adapters.settings import Settings
from adapters.settings_values import MailServer, mail_server
from application.deliveries import Parcel
from application.executor import Failed, Succeeded
from application.mail import Letter, Mailer
from domain.channels import Channel
from domain.mail import MailKind

TIMEOUT = 30.0  # seconds

_PERMANENT = 500
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")

log = structlog.get_logger(__name__)


class SmtpMailer:
    """`application.mail.Mailer` by SMTP."""

    patience = TIMEOUT + 1.0

    def __init__(self, server: MailServer, sender: str) -> None:
        """Letters come from the address `sender`."""
        self._server = server
        self._sender = sender
        self._domain = sender.rpartition("@")[2].strip("> ")

    async def __call__(self, letter: Letter) -> Succeeded | Failed:
        """See `Mailer`."""
        try:
            await self._send(self._message(letter))
        except aiosmtplib.SMTPTimeoutError:
            return Failed(kind="timeout", detail=f"The mail server took over {TIMEOUT:g} s.")
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _refused(refused.recipients[0].code)
        except aiosmtplib.SMTPAuthenticationError as refused:
            return Failed(kind="status", detail="The mail server refused us.", status=refused.code)
        except aiosmtplib.SMTPConnectError:
            return Failed(kind="connect", detail="The mail server could not be reached.")
        except aiosmtplib.SMTPResponseException as refused:
            return _refused(refused.code)
        except (aiosmtplib.SMTPNotSupported, MessageError, ValueError):
            detail = "The message cannot be sent to this address."
            return Failed(kind="invalid", detail=detail, retryable=False)
        except (aiosmtplib.SMTPException, OSError) as error:
            detail = f"The connection broke ({type(error).__name__})."
            return Failed(kind="connect", detail=detail)
        return Succeeded()

    async def _send(self, message: EmailMessage) -> None:
        server = self._server
        await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            timeout=TIMEOUT,
        )

    def _message(self, letter: Letter) -> EmailMessage:
        """The message.

        Raises:
            ValueError, MessageError: when the address is none.
        """
        to = _address(letter.to)
        message = EmailMessage(policy=SMTP if to.username.isascii() else SMTPUTF8)
        message["From"] = self._sender
        message["To"] = to
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(letter.at.astimezone(UTC))
        message["Message-ID"] = f"<{letter.id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers, please
        message.set_content(letter.text)
        return message


class EmailCourier:
    """Takes reminders to the mail server; the delivery's id is the letter's."""

    def __init__(self, mailer: Mailer | None) -> None:
        """Without a mailer nothing is sent."""
        self._mailer = mailer

    def patience(self, _channel: Channel) -> float:
        """See `Courier.patience`."""
        return 1.0 if self._mailer is None else self._mailer.patience

    async def __call__(self, parcel: Parcel) -> Succeeded | Failed:
        """See `Courier`."""
        if self._mailer is None:
            return Failed(kind="refused", detail="SMTP_URL is not set.", retryable=False)
        return await self._mailer(_letter(parcel))


def _address(text: str) -> Address:
    """One address, whatever a header would read into it; its domain as the DNS knows it.

    Raises:
        ValueError: when it is none.
    """
    local, _, domain = text.rpartition("@")
    domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    if not local or not local.isprintable() or not _DOMAIN.fullmatch(domain):
        raise ValueError("this is no address")
    return Address(username=local, domain=domain)


def _letter(parcel: Parcel) -> Letter:
    due = f"Due {format_datetime(parcel.due_at.astimezone(UTC))}"
    text = f"{parcel.body or parcel.title}\n\n{due}{', late' if parcel.late else ''}.\n"
    return Letter(
        id=parcel.delivery,
        to=str(parcel.route.address),
        subject=parcel.title,
        text=text,
        at=parcel.fired_at,
    )


def _refused(code: int) -> Failed:
    return Failed(
        kind="status",
        detail=f"The mail server answered {code}.",
        retryable=code < _PERMANENT,
        status=code,
    )


def mailer_of(settings: Settings) -> Mailer | None:
    """What sends letters here; None without a mail server."""
    if not settings.smtp_url:
        return None
    return SmtpMailer(mail_server(settings.smtp_url), settings.smtp_from)


def tell_written(mail: str, kind: MailKind) -> None:
    """Say that a letter is in the outbox, and nothing that is in it."""
    log.info("mail_written", mail=mail, kind=kind)
