"""A mail server on loopback that keeps what it is given, in a thread of its own."""

import asyncio
import email
import email.policy
import re
import threading
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "annals", "hush"
PATIENCE = 20.0


class Mailbox:
    """Takes every letter; `answer` is what it says to the next recipients instead of 250."""

    def __init__(self, port: int = 0) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answer = "250 OK"
        self._refused: dict[str, str] = {}
        self._came = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result()

    def _speak(self) -> SMTP:
        return SMTP(self, authenticator=_only_annals, auth_require_tls=False, enable_SMTPUTF8=True)

    async def _listen(self, port: int) -> None:
        self._server = await self._loop.create_server(self._speak, "127.0.0.1", port)
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """What `SMTP_URL` says of it."""
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    def refuse(self, address: str, answer: str) -> None:
        """Take nothing for one address until `take`."""
        self._refused[address] = answer

    def take(self, address: str) -> None:
        """Take letters for it again."""
        self._refused.pop(address, None)

    def find(self, wanted: Callable[[EmailMessage], bool]) -> EmailMessage:
        """The newest message of this kind, as soon as there is one."""
        with self._came:
            found: list[EmailMessage] = []

            def there() -> bool:
                found[:] = [each for each in self.messages if wanted(each)]
                return bool(found)

            assert self._came.wait_for(there, PATIENCE), "no such message came"
            return found[-1]

    def letter(self, to: str, subject: str) -> str:
        """What the newest letter to an address under this subject says."""
        message = self.find(lambda each: (each["To"], each["Subject"]) == (to, subject))
        return str(message.get_content()).replace("\r\n", "\n")

    def token(self, to: str, subject: str) -> str:
        """The token in such a letter."""
        return token_in(self.letter(to, subject))

    async def handle_RCPT(  # noqa: N802 - as the library calls it
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        answer = self._refused.get(address, self.answer)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self._came:
            self.recipients += envelope.rcpt_tos
            self.messages.append(message)
            self._came.notify_all()
        return "250 OK"

    async def _end(self) -> None:
        self._server.close()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    def close(self) -> None:
        """Listen no more."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _only_annals(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, auth: Any
) -> AuthResult:
    right = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=auth == right, handled=auth == right)


def token_in(text: str) -> str:
    """The token that stands on a line of its own in a letter."""
    found = re.search(r"^[A-Za-z0-9]+_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$", text, re.MULTILINE)
    assert found is not None, text
    return found[0]
