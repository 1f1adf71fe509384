-- Which builds of which read models there are. One row per step of a build's life, inserted and
-- never changed: what counts is which steps a generation has taken.
CREATE TABLE annals.generations (
    log_id     smallint         NOT NULL,
    projection text COLLATE "C" NOT NULL,
    generation integer          NOT NULL, -- version * 1000 + build
    step       text COLLATE "C" NOT NULL CHECK (step IN ('created', 'active', 'retired')),
    at         timestamptz      NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, projection, generation, step)
);

-- Where a projection or reaction stopped because it could not apply an event. A row counts while
-- the checkpoint lies before its position. `error` names what went wrong, never a value.
CREATE TABLE annals.failures (
    log_id     smallint         NOT NULL,
    projection text COLLATE "C" NOT NULL,
    generation integer          NOT NULL,
    position   bigint           NOT NULL,
    kind       text COLLATE "C" NOT NULL CHECK (kind IN ('failed', 'unknown')),
    error      text             NOT NULL,
    at         timestamptz      NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX failures_newest ON annals.failures (log_id, projection, generation, position, at);

GRANT SELECT ON annals.generations, annals.failures
    TO annals_appender, annals_projector, annals_reader;
GRANT INSERT ON annals.generations TO annals_projector;
GRANT INSERT, DELETE ON annals.failures TO annals_projector;
