"""Reminders by e-mail, through the operator's mail server.

The server is named by the operator, not by who makes a reminder, so it may be anywhere. What it
refuses for good (a 5xx to the message or the recipient, RFC 5321) is not tried again; whatever may
be otherwise later is, a wrong password among it, because the operator can mend that.
"""

from datetime import UTC
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from adapters.settings import Settings
from application.deliveries import Parcel
from application.executor import Failed, Succeeded
from domain.channels import Channel

TIMEOUT = 30.0  # seconds

_PERMANENT = 500


class EmailCourier:
    """Sends messages; each has the delivery's id in its Message-ID, the same at every attempt."""

    def __init__(self, settings: Settings) -> None:
        """The server is the one that the settings name."""
        self._settings = settings

    def patience(self, _channel: Channel) -> float:
        """See `Courier.patience`."""
        return TIMEOUT + 1.0

    async def __call__(self, parcel: Parcel) -> Succeeded | Failed:
        """See `Courier`."""
        if not self._settings.smtp_host:
            return Failed(kind="refused", detail="SMTP_HOST is not set.", retryable=False)
        try:
            await self._send(self._message(parcel))
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
        settings = self._settings
        await aiosmtplib.send(
            message,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password or None,
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
            timeout=TIMEOUT,
        )

    def _message(self, parcel: Parcel) -> EmailMessage:
        """The message.

        Raises:
            ValueError, MessageError: when the address is none.
        """
        sender = self._settings.smtp_from
        message = EmailMessage(policy=SMTP)
        message["From"] = sender
        message["To"] = str(parcel.route.address)
        message["Subject"] = " ".join(parcel.title.split())
        message["Date"] = format_datetime(parcel.fired_at.astimezone(UTC))
        message["Message-ID"] = f"<{parcel.delivery}@{sender.rpartition('@')[2].strip('>')}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers, please
        message.set_content(_text(parcel))
        return message


def _text(parcel: Parcel) -> str:
    due = f"Due {format_datetime(parcel.due_at.astimezone(UTC))}"
    return f"{parcel.body or parcel.title}\n\n{due}{', late' if parcel.late else ''}.\n"


def _refused(code: int) -> Failed:
    return Failed(
        kind="status",
        detail=f"The mail server answered {code}.",
        retryable=code < _PERMANENT,
        status=code,
    )
