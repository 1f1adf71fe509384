"""The API of Unleash's clients (https://docs.getunleash.io/reference/api/unleash/client).

Unmodified SDKs work with `<this platform>/api` as their URL and one of our keys as their token.
The token may name the environment as Unleash's do: `*:production.<key>`. A flag that Unleash has no
words for is left out, so that its SDKs answer with their callers' defaults.
"""

from typing import Annotated, Any

import msgspec
import xxhash

from adapters.http.answers import Answer, Headers
from adapters.http.bodies import RawBody
from adapters.http.calls import Call
from adapters.http.conditions import is_known
from adapters.http.flag_changes import changed_sets
from adapters.http.flag_evaluation import EVALUATE, current_flags
from adapters.http.flag_shapes import missing
from adapters.http.operations import operation
from adapters.http.problems import MalformedJson
from adapters.http.sdk_credentials import environment_of
from adapters.http.sse import Blocks, LiveAnswer, event_block
from application.flags.unleash_view import UnleashView, differences, joined

READ = "flags:read"

_encode = msgspec.json.Encoder().encode


class FeaturesQuery(
    msgspec.Struct, frozen=True, kw_only=True, rename={"name_prefix": "namePrefix"}
):
    """Which features: of a project, of a beginning of their names."""

    project: Annotated[str, msgspec.Meta(max_length=100)] = ""
    name_prefix: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Registration(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A client says who it is; nothing of it is kept."""

    app_name: str


class ClientFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """The features and the segments that they name."""

    version: int
    features: list[dict[str, Any]]
    segments: list[dict[str, Any]]


@operation(
    "POST",
    "/api/client/register",
    needs=EVALUATE,
    body=RawBody(media_type="application/json", shape=Registration),
    answers={202: None},
    keyed=False,
)
async def unleash_register(_call: Call, raw: bytes) -> Answer:
    """Take note of a client."""
    try:
        msgspec.json.decode(raw, type=Registration)
    except msgspec.MsgspecError as error:
        raise MalformedJson(f"{error}.") from None
    return Answer(202)


@operation(
    "GET",
    "/api/client/features",
    needs=READ,
    query=FeaturesQuery,
    answers={200: ClientFeatures},
)
async def unleash_features(call: Call, query: FeaturesQuery) -> Answer:
    """All features of an environment; `If-None-Match` with the `ETag` of before answers 304."""
    flags = await current_flags(call)
    environment = environment_of(call.headers)
    view = await call.platform.services.unleash_views.of(flags, environment)
    features = _chosen(view, query)
    body = b'{"version":2,"features":%b,"segments":%b,"query":%b}' % (
        joined(features),
        joined(view.segments.values()),
        _encode({"environment": environment}),
    )
    tag = b'"%b"' % xxhash.xxh3_128_hexdigest(body).encode()
    headers: Headers = ((b"etag", tag),)
    if is_known(call.headers.get(b"if-none-match"), tag):
        return Answer(304, headers=headers)
    return Answer(200, body, headers)


@operation(
    "GET",
    "/api/client/features/{name}",
    needs=READ,
    answers={200: dict[str, Any]},
)
async def unleash_feature(call: Call) -> Answer:
    """One feature of an environment."""
    name = call.params["name"]
    flags = await current_flags(call)
    view = await call.platform.services.unleash_views.of(flags, environment_of(call.headers))
    feature = view.features.get(name)
    if feature is None:
        raise missing(name)
    return Answer(200, feature)


def _chosen(view: UnleashView, query: FeaturesQuery) -> list[bytes]:
    return [
        encoded
        for name, encoded in view.features.items()
        if name.startswith(query.name_prefix)
        and (not query.project or view.projects[name] == query.project)
    ]


@operation(
    "GET",
    "/api/client/streaming",
    needs=READ,
    query=FeaturesQuery,
    answers={200: str},
    media_type="text/event-stream",
)
async def unleash_streaming(call: Call, _query: FeaturesQuery) -> None:
    """All features at once, then each change as it comes (server-sent events)."""
    await current_flags(call)
    await LiveAnswer(call, _updates(call), needs=READ).send()


async def _updates(call: Call) -> Blocks:
    environment = environment_of(call.headers)
    features: dict[str, bytes] = {}
    segments: dict[int, bytes] = {}
    name = b"unleash-connected"
    async for flags in changed_sets(call, -1):
        view = await call.platform.services.unleash_views.of(flags, environment)
        if name == b"unleash-connected":
            events = [
                b'{"type":"hydration","eventId":%d,"features":%b,"segments":%b}'
                % (view.revision, joined(view.features.values()), joined(view.segments.values()))
            ]
        else:
            events = [*_segment_events(view, segments), *_feature_events(view, features)]
        features, segments = dict(view.features), dict(view.segments)
        if events:
            data = b'{"events":%b}' % joined(events)
            yield event_block(data, id_=b"%d" % view.revision, event=name)
        name = b"unleash-updated"


def _feature_events(view: UnleashView, before: dict[str, bytes]) -> list[bytes]:
    changed, gone = differences(before, view.features)
    return [
        *(
            b'{"type":"feature-updated","eventId":%d,"feature":%b}'
            % (view.revision, view.features[name])
            for name in changed
        ),
        *(
            _encode(
                {
                    "type": "feature-removed",
                    "eventId": view.revision,
                    "featureName": name,
                    "project": view.projects.get(name, "default"),
                }
            )
            for name in gone
        ),
    ]


def _segment_events(view: UnleashView, before: dict[int, bytes]) -> list[bytes]:
    changed, gone = differences(before, view.segments)
    return [
        *(
            b'{"type":"segment-updated","eventId":%d,"segment":%b}'
            % (view.revision, view.segments[number])
            for number in changed
        ),
        *(
            b'{"type":"segment-removed","eventId":%d,"segmentId":%d}' % (view.revision, number)
            for number in gone
        ),
    ]


OPERATIONS = (unleash_register, unleash_features, unleash_feature, unleash_streaming)
