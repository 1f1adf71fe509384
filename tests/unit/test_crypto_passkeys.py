"""Passkeys: what an authenticator answers, and what a hostile one does."""

import asyncio
import base64
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.crypto.challenges import SealedChallenges
from adapters.crypto.master import MasterKey
from adapters.crypto.passkeys import WebAuthnPasskeys
from application.second_factors.ports import RelyingParty, SealedChallenge
from domain.decider import ERASED
from domain.second_factors.state import Passkey
from tests.support.authenticator import Authenticator, base64url

ROOT = Path(__file__).parents[2]
PASSKEYS = WebAuthnPasskeys("Annals")
PARTY = RelyingParty(id="localhost", origin="http://localhost")
ACCOUNT = str(UUID(int=5))
_challenges = SealedChallenges(MasterKey(b"m" * 32))


def challenge(id_: str = "c") -> str:
    sealed = SealedChallenge(id=id_, expires_at=datetime(2026, 1, 1, tzinfo=UTC), account=ACCOUNT)
    return _challenges.seal("test", sealed)


CHALLENGE = challenge()


def creation(text: str = CHALLENGE) -> dict[str, Any]:
    return PASSKEYS.creation_options(PARTY, text, account=ACCOUNT, name="ada", known=())


def registered(authenticator: Authenticator) -> Passkey:
    made = PASSKEYS.verify_registration(PARTY, CHALLENGE, authenticator.create(creation()))
    assert made is not None
    return Passkey(
        name="Phone",
        credential=made.credential,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=made.transports,
        synced=made.synced,
    )


def answer(authenticator: Authenticator, text: str = CHALLENGE) -> dict[str, Any]:
    return authenticator.get(PASSKEYS.request_options(PARTY, text))


def counted(authenticator: Authenticator, passkey: Passkey) -> int | None:
    return PASSKEYS.verify_assertion(PARTY, CHALLENGE, answer(authenticator), passkey)


async def test_to_load_the_library_stops_nobody_else() -> None:
    loading = "import sys, asyncio; from adapters.crypto.passkeys import WebAuthnPasskeys as P"
    program = f"""
{loading}
async def main():
    ticks = 0
    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1
    ticking = asyncio.create_task(tick())
    assert "webauthn" not in sys.modules
    await P("Annals").warm_up()
    assert "webauthn" in sys.modules
    ticking.cancel()
    print(ticks)
asyncio.run(main())
"""
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    told, _ = await run.communicate()
    assert int(told) > 10


def test_options_ask_for_a_passkey_that_verifies_the_person() -> None:
    known = registered(Authenticator())
    options = PASSKEYS.creation_options(
        PARTY, CHALLENGE, account=ACCOUNT, name="ada@example.org", known=[known]
    )
    assert options["rp"] == {"name": "Annals", "id": "localhost"}
    assert options["user"]["id"] == base64url(UUID(ACCOUNT).bytes)
    assert options["challenge"] == CHALLENGE
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [each["id"] for each in options["excludeCredentials"]] == [known.credential]


def test_a_passkey_is_made_and_signs() -> None:
    authenticator = Authenticator(sign_count=3)
    passkey = registered(authenticator)
    assert passkey.sign_count == 3
    assert passkey.transports == ("hybrid", "internal")
    assert not passkey.synced
    assert counted(authenticator, passkey) == 4


def test_a_passkey_of_several_devices_says_so() -> None:
    assert registered(Authenticator(synced=True)).synced


def test_an_authenticator_may_have_no_counter() -> None:
    authenticator = Authenticator(counts=False)
    assert counted(authenticator, registered(authenticator)) == 0


def test_an_answer_says_whose_it_is() -> None:
    authenticator = Authenticator()
    passkey = registered(authenticator)
    read = PASSKEYS.read_assertion(answer(authenticator))
    assert read is not None
    assert (read.credential, read.challenge, read.account) == (
        passkey.credential,
        CHALLENGE,
        ACCOUNT,
    )


HOSTILE = [
    {"origin": "https://localhost"},
    {"origin": "http://localhost:8080"},
    {"origin": "http://evil.example"},
    {"origin": "http://localhost.evil.example"},
    {"rp_id": "evil.example"},
    {"rp_id": ""},
    {"verifies": False},
]


@pytest.mark.parametrize("change", HOSTILE)
def test_a_hostile_registration_is_refused(change: dict[str, Any]) -> None:
    authenticator = Authenticator(**change)
    assert PASSKEYS.verify_registration(PARTY, CHALLENGE, authenticator.create(creation())) is None


@pytest.mark.parametrize("change", HOSTILE)
def test_a_hostile_answer_is_refused(change: dict[str, Any]) -> None:
    authenticator = Authenticator()
    passkey = registered(authenticator)
    assert counted(replace(authenticator, **change), passkey) is None


def test_the_answer_to_another_challenge_is_refused() -> None:
    authenticator, other = Authenticator(), challenge("other")
    passkey = registered(authenticator)
    assert PASSKEYS.verify_registration(PARTY, other, authenticator.create(creation())) is None
    assert PASSKEYS.verify_assertion(PARTY, other, answer(authenticator), passkey) is None


def test_an_answer_from_a_foreign_frame_answers_nothing() -> None:
    framed = Authenticator(cross_origin=True)
    assert not PASSKEYS.challenge_of(framed.create(creation()))


def test_another_key_is_refused() -> None:
    authenticator = Authenticator()
    passkey = registered(authenticator)
    forged = Authenticator(credential=authenticator.credential, account=authenticator.account)
    assert counted(forged, passkey) is None


def test_a_lowered_counter_is_refused() -> None:
    authenticator = Authenticator(sign_count=7)
    passkey = registered(authenticator)
    assert counted(replace(authenticator, sign_count=5), passkey) is None
    assert counted(replace(authenticator, sign_count=6), passkey) is None  # as high as before
    assert counted(authenticator, passkey) == 8


def test_an_answer_is_no_registration_nor_the_other_way_round() -> None:
    authenticator = Authenticator()
    created = authenticator.create(creation())
    passkey = registered(authenticator)
    assert PASSKEYS.verify_registration(PARTY, CHALLENGE, answer(authenticator)) is None
    assert PASSKEYS.verify_assertion(PARTY, CHALLENGE, created, passkey) is None


def test_an_erased_passkey_opens_nothing() -> None:
    authenticator = Authenticator()
    registered(authenticator)
    erased = Passkey(
        name=ERASED, credential=ERASED, public_key=ERASED, sign_count=0, transports=(), synced=False
    )
    assert counted(authenticator, erased) is None
    assert PASSKEYS.request_options(PARTY, CHALLENGE, known=[erased])["allowCredentials"] == []


SIGNED = st.sampled_from(["authenticatorData", "clientDataJSON", "signature"])
MADE = st.sampled_from(["attestationObject", "clientDataJSON"])


@given(SIGNED, st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=200)
def test_a_damaged_answer_is_refused(field: str, place: int, change: int) -> None:
    hurt = damaged(GOT, field, place, change)
    assert PASSKEYS.verify_assertion(PARTY, CHALLENGE, hurt, PASSKEY) is None


@given(MADE, st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=200)
def test_a_damaged_registration_is_an_answer_or_none(field: str, place: int, change: int) -> None:
    made = PASSKEYS.verify_registration(PARTY, CHALLENGE, damaged(CREATED, field, place, change))
    assert made is None or made.public_key  # nothing signs a registration: it may be another's


def damaged(credential: dict[str, Any], field: str, place: int, change: int) -> dict[str, Any]:
    text = credential["response"][field]
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[place % len(raw)] ^= change
    return {**credential, "response": {**credential["response"], field: base64url(bytes(raw))}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
RESPONSES = st.dictionaries(
    st.sampled_from(
        ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]
    ),
    JSON,
)


@given(
    st.fixed_dictionaries(
        {}, optional={"id": JSON, "rawId": JSON, "type": JSON, "response": RESPONSES | JSON}
    )
    | JSON
)
def test_whatever_else_comes_is_refused(credential: Any) -> None:
    assert PASSKEYS.verify_registration(PARTY, CHALLENGE, credential) is None
    assert PASSKEYS.verify_assertion(PARTY, CHALLENGE, credential, PASSKEY) is None
    assert not PASSKEYS.challenge_of(credential)
    PASSKEYS.read_assertion(credential)


AUTHENTICATOR = Authenticator()
PASSKEY = registered(AUTHENTICATOR)
CREATED = AUTHENTICATOR.create(creation())
GOT = answer(AUTHENTICATOR)
