"""How letters read, by what they are about."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any
from urllib.parse import quote

import msgspec

from domain.mail import MailKind


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """How a letter of one kind reads; `page` is where its link leads, `command` takes its token.

    `{how}` in a text stands for what to do with the token, `{where}` for the way to the page.
    """

    subject: str
    text: str
    page: str = ""
    command: str = ""


_SENDING = "send this token to {command}:\n\n{token}\n\nIt works once, until {until}.\n"
_OPENING = "open\n\n{link}\n\nor " + _SENDING
WORDS: dict[MailKind, Wording] = {
    "verify-address": Wording(
        subject="Confirm your address",
        text="An account was registered with this address. To confirm that it is yours, {how}\n"
        "If that was not you, do nothing.\n",
        page="/verify-address",
        command="POST /v1/accounts/verify",
    ),
    "password-reset": Wording(
        subject="Choose a new password",
        text="Somebody asked for a new password for your account. To choose one, {how}\n"
        "If that was not you, do nothing: your password stays as it is.\n",
        page="/reset-password",
        command="POST /v1/accounts/password-reset/confirm",
    ),
    "password-changed": Wording(
        subject="Your password was changed",
        text="The password of your account was changed, and all sessions were ended.\n\n"
        "If that was not you, ask for a new password at once{where}\n",
        page="/forgotten-password",
    ),
    "email-change": Wording(
        subject="Confirm your new address",
        text="This is to be the new address of your account. To confirm that it is yours, {how}\n"
        "If that was not you, do nothing.\n",
        page="/confirm-address",
        command="POST /v1/me/email/confirm",
    ),
    "email-changed": Wording(
        subject="Your address was changed",
        text="Your account has another address now, and this one opens it no more.\n\n"
        "If that was not you, tell whoever runs this service at once.\n",
    ),
    "account-exists": Wording(
        subject="You have an account already",
        text="Somebody tried to register with this address, which has an account already.\n\n"
        "If that was you, sign in, or ask for a new password{where}\n\n"
        "If it was not, do nothing.\n",
        page="/forgotten-password",
    ),
    "account-closed": Wording(
        subject="Your account was closed",
        text="Your account was closed, and all sessions were ended.\n\n"
        "If that was not you, tell whoever runs this service at once.\n",
    ),
    "account-erased": Wording(
        subject="Your account was erased",
        text="Your account was erased, with everything that was known about you. Nobody can bring\n"
        "it back, and this is the last letter: your address is not known here any more.\n\n"
        "If you did not want that, tell whoever runs this service.\n",
    ),
    "invitation": Wording(
        subject="You are invited to {tenant}",
        text="You are invited to join {tenant}. To accept, {how}\n"
        "If you do not know why, do nothing.\n",
        page="/accept-invitation",
        command="POST /v1/invitations/accept",
    ),
    "second-factor-changed": Wording(
        subject="How you sign in was changed",
        text="{change}\n\n"
        "If that was not you, change your password at once, and end all sessions.\n",
    ),
    "tokens-reused": Wording(
        subject="A sign-in of yours was ended",
        text="A token by which a program acts for you was used twice, so somebody may have copied\n"
        "it. That sign-in was ended; sign in to the program again.\n\n"
        "If you know of no such program, ask for a new password at once{where}\n",
        page="/forgotten-password",
    ),
}


def worded(kind: MailKind, public_url: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text of a letter; its link leads below `public_url`, where there is one."""
    wording = WORDS[kind]
    link = f"{public_url}{wording.page}" if public_url else ""
    told = {**values, "how": "", "where": f":\n\n{link}" if link else "."}
    if "token" in values:
        told["how"] = (_OPENING if link else _SENDING).format(
            link=f"{link}?token={quote(values['token'])}",
            command=wording.command,
            token=values["token"],
            until=f"{values['until'].astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        )
    return wording.subject.format(**told), wording.text.format(**told)
