-- The log and what is recorded beside it. Everything belongs to annals_owner; nothing here is
-- ever updated on the append path, so an old snapshot held open (a running dump) costs nothing.

CREATE TABLE annals.logs (
    log_id      smallint    PRIMARY KEY,
    incarnation uuid        NOT NULL DEFAULT gen_random_uuid(),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE annals.events (
    log_id         smallint         NOT NULL,
    position       bigint           NOT NULL CHECK (position > 0),
    tenant         text COLLATE "C" NOT NULL,
    stream         text COLLATE "C" NOT NULL,
    version        bigint           NOT NULL CHECK (version > 0),
    event_id       uuid             NOT NULL,
    type           text COLLATE "C" NOT NULL,
    schema_version integer          NOT NULL,
    data           json             NOT NULL, -- json keeps the exact bytes; digests cover them
    recorded_at    timestamptz      NOT NULL,
    actor          text COLLATE "C" NOT NULL,
    correlation_id uuid             NOT NULL,
    causation_id   uuid,
    meta           json             NOT NULL,
    PRIMARY KEY (log_id, position),
    UNIQUE (log_id, tenant, stream, version)
);

-- What no ANALYZE has told yet: every row has the same log_id. Without it a plan that is made while
-- the log holds a few hundred events looks a stream up by reading the whole log, and is then kept.
SELECT pg_restore_attribute_stats(
    'schemaname', 'annals', 'relname', 'events', 'attname', 'log_id', 'inherited', false,
    'null_frac', 0::real, 'avg_width', 2, 'n_distinct', 1::real
);

CREATE FUNCTION annals.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is never rewritten' USING ERRCODE = 'AN003';
END
$$;

CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON annals.events
    FOR EACH STATEMENT EXECUTE FUNCTION annals.refuse_change();
ALTER TABLE annals.events ENABLE ALWAYS TRIGGER events_never_change;

-- Idempotency keys, one partition per day (UTC). Uniqueness is a look-up under the append's lock.
CREATE TABLE annals.keys (
    log_id      smallint         NOT NULL,
    tenant      text COLLATE "C" NOT NULL,
    digest      bytea            NOT NULL,
    fingerprint bytea            NOT NULL,
    response    bytea            NOT NULL,
    last        bigint           NOT NULL,
    created_at  timestamptz      NOT NULL
) PARTITION BY RANGE (created_at);
CREATE INDEX keys_digest ON annals.keys (log_id, tenant, digest);

-- Side effects and their attempts, partitioned by ranges of positions: what belongs to one event
-- lies in one range, so the unique constraints are real and a finished range goes as a whole.
CREATE TABLE annals.effects (
    log_id     smallint         NOT NULL,
    tenant     text COLLATE "C" NOT NULL,
    reaction   text COLLATE "C" NOT NULL,
    position   bigint           NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    due_at     timestamptz      NOT NULL,
    created_at timestamptz      NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, reaction, position)
) PARTITION BY RANGE (position);

CREATE TABLE annals.claims (
    log_id      smallint         NOT NULL,
    tenant      text COLLATE "C" NOT NULL,
    reaction    text COLLATE "C" NOT NULL,
    position    bigint           NOT NULL,
    attempt     integer          NOT NULL,
    lease_until timestamptz      NOT NULL,
    created_at  timestamptz      NOT NULL,
    PRIMARY KEY (log_id, reaction, position, attempt)
) PARTITION BY RANGE (position);

CREATE TABLE annals.settlements (
    log_id     smallint         NOT NULL,
    tenant     text COLLATE "C" NOT NULL,
    reaction   text COLLATE "C" NOT NULL,
    position   bigint           NOT NULL,
    attempt    integer          NOT NULL,
    retry_at   timestamptz,             -- null: done for good
    created_at timestamptz      NOT NULL,
    PRIMARY KEY (log_id, reaction, position, attempt)
) PARTITION BY RANGE (position);

-- Wrapped data keys of persons and tenants; a destroyed one keeps its row without the key.
CREATE TABLE annals.data_keys (
    log_id       smallint         NOT NULL,
    tenant       text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    owner        text COLLATE "C" NOT NULL,
    wrapped      bytea,
    created_at   timestamptz      NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    PRIMARY KEY (log_id, tenant, kind, owner),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- How far each projection and reaction is. Inserted, never updated: the uniqueness of `previous`
-- is the fence that stops a process which lost its lease.
CREATE TABLE annals.checkpoints (
    log_id     smallint         NOT NULL,
    projection text COLLATE "C" NOT NULL,
    generation integer          NOT NULL,
    position   bigint           NOT NULL,
    previous   bigint           NOT NULL,
    created_at timestamptz      NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, projection, generation, previous),
    CHECK (position > previous)
);

-- Who works on what, until when. A lease only saves work; it protects nothing.
CREATE TABLE annals.leases (
    name   text COLLATE "C" PRIMARY KEY,
    holder text             NOT NULL,
    until  timestamptz      NOT NULL
);

GRANT USAGE ON SCHEMA annals TO annals_appender, annals_projector, annals_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA annals TO annals_appender, annals_projector, annals_reader;
GRANT INSERT ON annals.data_keys TO annals_appender;
GRANT UPDATE (wrapped, destroyed_at) ON annals.data_keys TO annals_appender;
GRANT INSERT, DELETE ON annals.checkpoints TO annals_projector;
GRANT INSERT ON annals.effects TO annals_projector;
GRANT INSERT, UPDATE, DELETE ON annals.leases TO annals_projector;

INSERT INTO annals.logs (log_id) VALUES (1);
