"""Passkeys by py_webauthn: options for browsers, and what authenticators answer.

Where a passkey was made is not asked for (attestation "none"): people choose their authenticators.
The library is loaded by who first needs it: that takes longer than to start a process otherwise.
Whatever it stumbles over in a stranger's bytes, the answer is that they are wrong.
"""

import asyncio
import importlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from adapters.crypto import base64url
from application.second_factors.ports import Assertion, NewPasskey, RelyingParty
from domain.decider import Erased
from domain.second_factors.state import CHALLENGE_LIFETIME, Passkey

_TIMEOUT = int(CHALLENGE_LIFETIME.total_seconds() * 1000)  # ms, of which browsers take note
_TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})
_UUID = 16  # bytes


class WebAuthnPasskeys:
    """Implements `application.second_factors.ports.Passkeys`; `name` is shown by authenticators."""

    def __init__(self, name: str) -> None:
        """Keep the name."""
        self._name = name
        self._loaded = False

    async def warm_up(self) -> None:
        """Load the library, in a thread: other requests go on."""
        if not self._loaded:
            await asyncio.to_thread(importlib.import_module, "webauthn")
            self._loaded = True

    def creation_options(
        self,
        party: RelyingParty,
        challenge: str,
        *,
        account: str,
        name: str,
        known: Sequence[Passkey],
    ) -> dict[str, Any]:
        """See `Passkeys`: a passkey that the authenticator can find again by itself."""
        from webauthn import generate_registration_options  # noqa: PLC0415 - see above
        from webauthn.helpers import options_to_json_dict  # noqa: PLC0415
        from webauthn.helpers.structs import (  # noqa: PLC0415
            AuthenticatorSelectionCriteria,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        options = generate_registration_options(
            rp_id=party.id,
            rp_name=self._name,
            user_id=UUID(account).bytes,
            user_name=name,
            challenge=base64url.decode(challenge),
            timeout=_TIMEOUT,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
        return {**options_to_json_dict(options), "excludeCredentials": _descriptors(known)}

    def request_options(
        self, party: RelyingParty, challenge: str, *, known: Sequence[Passkey] = ()
    ) -> dict[str, Any]:
        """See `Passkeys`."""
        return {
            "challenge": challenge,
            "timeout": _TIMEOUT,
            "rpId": party.id,
            "allowCredentials": _descriptors(known),
            "userVerification": "required",
        }

    def challenge_of(self, credential: Any) -> str:
        """See `Passkeys`; an answer from within a foreign page's frame is none."""
        try:
            data = json.loads(base64url.decode(credential["response"]["clientDataJSON"]))
            challenge = "" if data.get("crossOrigin") else data["challenge"]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return ""
        return challenge if isinstance(challenge, str) else ""

    def verify_registration(
        self, party: RelyingParty, challenge: str, credential: Any
    ) -> NewPasskey | None:
        """See `Passkeys`."""
        from webauthn import verify_registration_response  # noqa: PLC0415 - see above
        from webauthn.helpers import (  # noqa: PLC0415
            bytes_to_base64url,
            decode_credential_public_key,
            decoded_public_key_to_cryptography,
        )
        from webauthn.helpers.structs import CredentialDeviceType  # noqa: PLC0415

        try:
            made = verify_registration_response(
                credential=credential,
                expected_challenge=base64url.decode(challenge),
                expected_rp_id=party.id,
                expected_origin=party.origin,
                require_user_verification=True,
            )
            key = decode_credential_public_key(made.credential_public_key)
            decoded_public_key_to_cryptography(key)  # or no signature could ever be right
        except Exception:  # noqa: BLE001 - see above
            return None
        told = credential["response"].get("transports") or ()
        return NewPasskey(
            credential=bytes_to_base64url(made.credential_id),
            public_key=bytes_to_base64url(made.credential_public_key),
            sign_count=made.sign_count,
            transports=tuple(sorted({each for each in told if each in _TRANSPORTS})),
            synced=made.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        )

    def read_assertion(self, credential: Any) -> Assertion | None:
        """See `Passkeys`; the user handle is the account's id as bytes."""
        try:
            name = credential["id"]
            handle = base64url.decode(credential["response"].get("userHandle") or "")
        except (ValueError, LookupError, TypeError, AttributeError):
            return None
        account = str(UUID(bytes=handle)) if len(handle) == _UUID else ""
        return Assertion(credential=name, challenge=self.challenge_of(credential), account=account)

    def verify_assertion(
        self, party: RelyingParty, challenge: str, credential: Any, passkey: Passkey
    ) -> int | None:
        """See `Passkeys`. Whether the counter may stand there, the account's stream decides."""
        from webauthn import verify_authentication_response  # noqa: PLC0415 - see above

        if isinstance(passkey.public_key, Erased):
            return None
        try:
            verified = verify_authentication_response(
                credential=credential,
                expected_challenge=base64url.decode(challenge),
                expected_rp_id=party.id,
                expected_origin=party.origin,
                credential_public_key=base64url.decode(passkey.public_key),
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except Exception:  # noqa: BLE001 - see above
            return None
        return verified.new_sign_count


def _descriptors(known: Sequence[Passkey]) -> list[dict[str, Any]]:
    return [
        {"type": "public-key", "id": each.credential, "transports": list(each.transports)}
        for each in known
        if not isinstance(each.credential, Erased)
    ]
