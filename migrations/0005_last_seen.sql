-- When sessions and keys were last used, coarsely. No events: rows change in place, many times, and
-- whoever loses them loses nothing but a sign-in. Room is left in each page so that a change stays
-- within it and touches no index.
CREATE TABLE annals.last_seen (
    log_id  smallint         NOT NULL,
    kind    text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    seen_at timestamptz      NOT NULL,
    PRIMARY KEY (log_id, kind, id)
) WITH (fillfactor = 70);

GRANT SELECT ON annals.last_seen TO annals_appender, annals_projector, annals_reader;
GRANT INSERT, UPDATE (seen_at) ON annals.last_seen TO annals_appender;
GRANT DELETE ON annals.last_seen TO annals_projector;
