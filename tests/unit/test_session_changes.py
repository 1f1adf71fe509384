"""What the log's events mean for who is signed in."""

from application.session_store import AllEnded, Ended, Started
from application.sessions import ends_in, session_changes
from tests.support.http_platform import opened_api


async def test_ends_are_told_without_a_key_as_they_are_with_all() -> None:
    async with opened_api() as api:
        tokens = [await api.sign_in() for _ in range(3)]
        revoke = "/v1/sessions/revoke"
        await api.ask("POST", revoke, {"scope": "others"}, token=tokens[1])
        await api.ask("DELETE", "/v1/sessions/current", token=tokens[1])
        last = await api.sign_in()
        await api.ask("POST", revoke, {"scope": "all"}, token=last)
        events = await api.platform.store.read_log(after=0, limit=999)
        changes = await session_changes(events, api.platform.codec)
        told = ends_in(events)
    assert told == [change for change in changes if not isinstance(change, Started)]
    assert [type(end) for end in told] == [AllEnded, Ended, AllEnded]
    others, signed_out, everything = told
    assert isinstance(others, AllEnded)
    assert isinstance(signed_out, Ended)
    assert isinstance(everything, AllEnded)
    assert (others.kept, everything.kept) == (signed_out.session, "")
    assert others.account == everything.account
    assert others.position < everything.position
