"""API keys over HTTP: a key's text is told once, when it is made.

Keys are made by persons who are signed in, and with the owner's key, but not with any other:
whoever gets hold of a key cannot make more of them.
"""

from datetime import datetime
from typing import Annotated

import msgspec

from adapters.crypto.tokens import make_api_key
from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold, in_utc
from adapters.http.names import NO_NUL, known_id
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from adapters.http.roles import Permissions, known_permissions
from application.api_keys import DropApiKey, MakeApiKey, Sight
from application.last_seen import API_KEY_KIND
from domain.access import PERMISSIONS
from domain.api_keys import API_KEY, INSTALLATION_HOLDER, ApiKey, NoSuchApiKey
from domain.decider import Erased
from domain.recorded import SYSTEM_TENANT
from domain.rejections import Forbidden
from domain.service_accounts import SERVICE_ACCOUNT
from projections import api_keys as projection

READ, WRITE, OWN = "api-keys:read", "api-keys:write", "own-api-keys:write"
_FOR_SERVICES = "service-accounts:write"
_INSTALLATION = "tenants:write"
_PREFIX = 19  # characters: `annals_` and the beginning of the key's id

Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100, extra_json_schema=NO_NUL)]
Expiry = Annotated[datetime, msgspec.Meta(tz=True)]
Id = Annotated[str, msgspec.Meta(max_length=100, extra_json_schema=NO_NUL)]


class ApiKeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most that the key may do (permissions); for oneself, or for a service account."""

    name: Label
    scopes: Permissions
    expires_at: Expiry | None = None
    service_account: Id | None = None


class NewKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """The key that was made; its text is told only here."""

    id: str
    key: str


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key; `prefix` is what its text begins with. `name` is null once its holder is erased."""

    id: str
    name: str | None
    prefix: str
    holder: str
    scopes: list[str]
    expires_at: datetime | None
    revoked: bool
    version: int


class ListedApiKey(ApiKeyView, frozen=True, kw_only=True):
    """A key in the list; when it was last used is known to the minute or so."""

    created_at: datetime
    last_used_at: datetime | None


class ApiKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of keys, oldest first."""

    items: list[ListedApiKey]
    next: str | None


class ApiKeyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which keys: those of the tenant, or (`installation`) those that are no tenant's."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    installation: bool = False


class KeysMakeNoKeys(Forbidden):
    """The credential is a key itself, and not the owner's."""

    slug = "keys-make-no-keys"
    title = "An API key cannot make API keys"


def _missing(_key: str) -> NoSuchApiKey:
    return NoSuchApiKey()


def _prefix(id_: str) -> str:
    return f"annals_{id_.replace('-', '')}"[:_PREFIX]


def _shown(name: str | Erased) -> str | None:
    return None if isinstance(name, Erased) else name


async def _name(call: Call, id_: str) -> str | None:
    """What a key is called, from its stream: no read model holds what a person calls theirs."""
    key = await call.platform.current.get(API_KEY, id_)
    return _shown(key.name) if isinstance(key, ApiKey) else None


def _sight(call: Call) -> Sight:
    held = call.principal.permissions
    return Sight(
        tenant=call.tenant,
        holder=call.principal.holder,
        all_=READ in held,
        installation=_INSTALLATION in held,
    )


def _maker(call: Call) -> str:
    """On whose behalf the caller makes keys.

    Raises:
        KeysMakeNoKeys: when it is no person, nor the installation's owner.
    """
    principal = call.principal
    is_owner = principal.holder == INSTALLATION_HOLDER and principal.permissions == PERMISSIONS
    if principal.session is None and not is_owner:
        raise KeysMakeNoKeys
    return principal.holder


@operation(
    "POST",
    "/v1/api-keys",
    needs=OWN,
    body=ApiKeyBody,
    answers={201: NewKeyView},
    fresh=True,
)
async def make_key(call: Call, body: ApiKeyBody) -> Answer:
    """Make a key; it never opens more than whoever it is for may do in that moment."""
    holder = _maker(call)
    if body.service_account is not None:
        call.require(_FOR_SERVICES)
        holder = SERVICE_ACCOUNT.stream(body.service_account)
    made = make_api_key(call.platform.new_id())
    command = MakeApiKey(
        key=str(made.id),
        name=body.name,
        holder=holder,
        scopes=known_permissions(body.scopes, "/scopes", PERMISSIONS),
        secret_hash=made.hash,
        expires_at=in_utc(body.expires_at, "/expires_at"),
        held=call.principal.permissions,
    )

    def render(_key: ApiKey, version: int) -> Answer:
        location = (b"location", f"/v1/api-keys/{made.id}".encode())
        view = NewKeyView(id=str(made.id), key=made.text)
        return json_answer(view, 201, (etag(version), location))

    return await execute(call, command, render)


@operation(
    "DELETE",
    "/v1/api-keys/{id}",
    any_of=(WRITE, OWN),
    answers={204: None},
    conditional=True,
    fresh=True,
    lasting=False,
)
async def revoke_key(call: Call) -> Answer:
    """Revoke a key: it opens nothing any more."""
    id_ = known_id(call.params["id"], _missing)
    sight = msgspec.structs.replace(_sight(call), all_=WRITE in call.principal.permissions)
    command = DropApiKey(key=id_, sight=sight)
    return await execute(call, command, no_content)


@operation(
    "GET",
    "/v1/api-keys/{id}",
    any_of=(READ, OWN),
    query=Moment,
    answers={200: ApiKeyView},
    consistent=True,
)
async def get_key(call: Call, moment: Moment) -> Answer:
    """One key, now or as it was."""
    id_ = known_id(call.params["id"], _missing)
    key, version = await fold(call, API_KEY, id_, moment)
    if not isinstance(key, ApiKey) or not _sight(call).has(key):
        raise NoSuchApiKey
    view = ApiKeyView(
        id=id_,
        name=_shown(key.name),
        prefix=_prefix(id_),
        holder=key.holder,
        scopes=sorted(key.scopes),
        expires_at=key.expires_at,
        revoked=key.revoked,
        version=version,
    )
    return json_answer(view, headers=(etag(version),))


@operation(
    "GET",
    "/v1/api-keys",
    any_of=(READ, OWN),
    query=ApiKeyQuery,
    answers={200: ApiKeyList},
    consistent=True,
)
async def list_keys(call: Call, query: ApiKeyQuery) -> Answer:
    """Keys of the tenant; who may not see all of them sees their own."""
    if query.installation:
        call.require(_INSTALLATION)
    sees_all = query.installation or READ in call.principal.permissions
    (after,) = read_cursor(query.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION, system=query.installation) as rows:
        found = await projection.find_keys(
            rows,
            holder=None if sees_all else call.principal.holder,
            after=after,
            limit=query.limit + 1,
        )
    page, following = cut(found, query.limit, lambda row: row.id)
    used = await call.platform.services.last_seen.seen(API_KEY_KIND, [row.id for row in page])
    items = [
        ListedApiKey(
            id=row.id,
            name=await _name(call, row.id),
            prefix=_prefix(row.id),
            holder=row.holder,
            scopes=row.scopes,
            expires_at=row.expires_at,
            revoked=row.revoked,
            version=row.version,
            created_at=row.created_at,
            last_used_at=used.get(row.id),
        )
        for row in page
    ]
    return json_answer(ApiKeyList(items=items, next=following))


@operation(
    "GET",
    "/v1/api-keys/{id}/history",
    any_of=(READ, OWN),
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def key_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a key; its uses are no events."""
    id_ = known_id(call.params["id"], _missing)
    key = await call.platform.current.get(API_KEY, id_)
    if not _sight(call).has(key):
        raise NoSuchApiKey
    return await stream_history(call, SYSTEM_TENANT, API_KEY.stream(id_), page, NoSuchApiKey())


OPERATIONS = (make_key, revoke_key, get_key, list_keys, key_history)
