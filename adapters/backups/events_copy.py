"""The events as COPY's text, in the order of their positions: what is backed up and digested.

The digest over every event of a log is the SHA-256 of this text. It is the same wherever the log
lies and however its rows lie there, and a dump passes by it anyway, while hashing the events'
leaves (`application.integrity`) would read the log once more than a dump does.
"""

from collections.abc import Sequence

COLUMNS = (
    "log_id",
    "position",
    "tenant",
    "stream",
    "version",
    "event_id",
    "type",
    "schema_version",
    "data",
    "recorded_at",
    "actor",
    "correlation_id",
    "causation_id",
    "meta",
)

_SESSION = (
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET jit = off; "
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET client_encoding = 'UTF8';"
)


def copy_out(
    *, log_id: int, upto: int, columns: Sequence[str] = COLUMNS, snapshot: str | None = None
) -> list[str]:
    """Arguments that let psql write the events up to a position, as a snapshot has them."""
    events = (
        f"SELECT {_listed(columns)} FROM annals.events"  # noqa: S608 - names of columns, numbers
        f" WHERE log_id = {log_id} AND position <= {upto} ORDER BY position"
    )
    return [*_session(snapshot), f"COPY ({events}) TO STDOUT"]


def copy_in(columns: Sequence[str]) -> list[str]:
    """Arguments that let psql read events into a table that has been made just now."""
    return [
        *_session(None),
        "TRUNCATE annals.events",  # in this transaction, so that rows can be born frozen
        "--command",
        f"COPY annals.events ({_listed(columns)}) FROM STDIN WITH (FREEZE)",
        "--command",
        "COMMIT",
    ]


def keys_out(*, log_id: int, snapshot: str) -> list[str]:
    """Arguments that let psql write the wrapped data keys, a JSON object to a line."""
    keys = f"""
        SELECT json_build_object(
            'log_id', log_id, 'tenant', tenant, 'kind', kind, 'owner', owner,
            'wrapped', translate(encode(wrapped, 'base64'), E'\n', ''),
            'created_at', created_at, 'destroyed_at', destroyed_at
        )
        FROM annals.data_keys WHERE log_id = {log_id} ORDER BY tenant, kind, owner
    """  # noqa: S608 - a number
    form = ["--tuples-only", "--no-align", "--set=FETCH_COUNT=10000"]
    return [*form, *_session(snapshot), keys]


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _session(snapshot: str | None) -> list[str]:
    """The start of a session, up to where its last command is to follow."""
    start = "BEGIN" if snapshot is None else "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    words = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", _SESSION]
    words += ["--command", "SET ROLE annals_owner", "--command", start]
    if snapshot is not None:
        words += ["--command", f"SET TRANSACTION SNAPSHOT '{snapshot}'"]
    return [*words, "--command"]
