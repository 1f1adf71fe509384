-- The fence: while a restore replaces the log, nothing is recorded in it any more.
--
-- It is set under the append's lock and read under it, in the row that is read there anyway: what
-- was acknowledged lies before it, and what comes later is refused (AN004, the detail names the
-- restore). So the end of the log that a restore sees is its end for good.
ALTER TABLE annals.logs ADD COLUMN fence text COLLATE "C";

-- As in 0002, but for the fence.
CREATE OR REPLACE FUNCTION annals.append(
    p_log smallint, p_incarnation uuid, p_tail bigint, p_all_known boolean,
    p_events annals.new_event[], p_guards annals.new_guard[], p_keys annals.new_key[],
    p_claims annals.new_claim[], p_settlements annals.new_settlement[],
    OUT first bigint, OUT last bigint, OUT recorded_at timestamptz,
    OUT stale_item int[], OUT stale_tenant text[], OUT stale_stream text[],
    OUT stale_expected bigint[], OUT stale_actual bigint[],
    OUT found_item int[], OUT found_fingerprint bytea[], OUT found_response bytea[],
    OUT found_last bigint[], OUT found_at timestamptz[],
    OUT taken_item int[],
    OUT settled_item int[], OUT settled_first bigint[], OUT settled_at timestamptz[]
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    bad     int[] := '{}';
    tail    bigint;
    then_at timestamptz;
    now_at  timestamptz;
    current uuid;
    closed  text;
BEGIN
    PERFORM pg_advisory_xact_lock(1095650892, p_log);

    IF current_setting('transaction_isolation') <> 'read committed'
        OR current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
    THEN
        RAISE EXCEPTION 'append needs READ COMMITTED and synchronous_commit = on'
            USING ERRCODE = 'AN002';
    END IF;

    SELECT l.incarnation, l.fence INTO current, closed FROM annals.logs AS l
    WHERE l.log_id = p_log;
    IF current IS DISTINCT FROM p_incarnation THEN
        RAISE EXCEPTION 'another incarnation' USING ERRCODE = 'AN001', DETAIL = current::text;
    END IF;
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'the log is closed' USING ERRCODE = 'AN004', DETAIL = closed;
    END IF;

    SELECT e.position, e.recorded_at INTO tail, then_at
    FROM annals.events AS e WHERE e.log_id = p_log ORDER BY e.position DESC LIMIT 1;
    now_at := clock_timestamp();
    tail := coalesce(tail, 0);
    first := tail + 1;
    recorded_at := greatest(now_at, then_at);

    IF EXISTS (
        SELECT FROM (
            SELECT e.tenant, e.stream FROM unnest(p_events) AS e WHERE e.head > 0
            UNION ALL
            SELECT g.tenant, g.stream FROM unnest(p_guards) AS g
        ) AS h GROUP BY h.tenant, h.stream HAVING count(*) > 1
    ) THEN
        RAISE EXCEPTION 'two items share a stream' USING ERRCODE = 'AN002';
    END IF;

    IF cardinality(p_keys) > 0 THEN
        IF EXISTS (
            SELECT FROM unnest(p_keys) AS k
            GROUP BY k.tenant, k.digest HAVING count(*) > 1
        ) THEN
            RAISE EXCEPTION 'two items share a key' USING ERRCODE = 'AN002';
        END IF;
        SELECT array_agg(k.item), array_agg(o.fingerprint), array_agg(o.response),
            array_agg(o.last), array_agg(o.created_at)
        INTO found_item, found_fingerprint, found_response, found_last, found_at
        FROM unnest(p_keys) AS k
        CROSS JOIN LATERAL (
            SELECT * FROM annals.keys AS o
            WHERE o.log_id = p_log AND o.tenant = k.tenant AND o.digest = k.digest
                AND o.created_at < now_at + interval '1 day' -- partitions made ahead are empty
            LIMIT 1
        ) AS o;
        bad := bad || coalesce(found_item, '{}');
    END IF;

    IF cardinality(p_claims) > 0 THEN
        SELECT array_agg(c.item) INTO taken_item
        FROM unnest(p_claims) AS c
        WHERE c.item <> ALL (bad) AND (
            EXISTS (
                SELECT FROM annals.settlements AS s
                WHERE s.log_id = p_log AND s.reaction = c.reaction AND s.position = c.position
                    AND s.retry_at IS NULL
            ) OR EXISTS (
                SELECT FROM annals.claims AS o
                WHERE o.log_id = p_log AND o.reaction = c.reaction AND o.position = c.position
                    AND (o.attempt = c.attempt OR o.lease_until > now_at AND NOT EXISTS (
                        SELECT FROM annals.settlements AS s
                        WHERE s.log_id = p_log AND s.reaction = c.reaction
                            AND s.position = c.position AND s.attempt = o.attempt
                    ))
            )
        );
        bad := bad || coalesce(taken_item, '{}');
    END IF;

    IF cardinality(p_settlements) > 0 THEN
        SELECT coalesce(taken_item, '{}') || coalesce(array_agg(s.item), '{}') INTO taken_item
        FROM unnest(p_settlements) AS s
        WHERE s.item <> ALL (bad) AND (
            EXISTS (
                SELECT FROM annals.settlements AS o
                WHERE o.log_id = p_log AND o.reaction = s.reaction AND o.position = s.position
                    AND o.attempt = s.attempt
            ) OR EXISTS ( -- its lease has expired and somebody has taken over
                SELECT FROM annals.claims AS o
                WHERE o.log_id = p_log AND o.reaction = s.reaction AND o.position = s.position
                    AND o.attempt > s.attempt
            ) OR NOT EXISTS (
                SELECT FROM annals.claims AS o
                WHERE o.log_id = p_log AND o.reaction = s.reaction AND o.position = s.position
                    AND o.attempt = s.attempt
            ) AND NOT EXISTS ( -- an item may claim and settle at once
                SELECT FROM unnest(p_claims) AS c
                WHERE c.item = s.item AND c.reaction = s.reaction AND c.position = s.position
                    AND c.attempt = s.attempt
            )
        );
        bad := bad || coalesce(taken_item, '{}');
    END IF;

    IF tail <> p_tail OR cardinality(p_guards) > 0 OR NOT p_all_known THEN
        SELECT array_agg(v.item), array_agg(v.tenant), array_agg(v.stream),
            array_agg(v.expected), array_agg(v.actual), bad || coalesce(array_agg(v.item), '{}')
        INTO stale_item, stale_tenant, stale_stream, stale_expected, stale_actual, bad
        FROM (
            SELECT h.*, coalesce((
                SELECT e.version FROM annals.events AS e
                WHERE e.log_id = p_log AND e.tenant = h.tenant AND e.stream = h.stream
                ORDER BY e.version DESC LIMIT 1
            ), 0) AS actual
            FROM (
                SELECT e.item, e.tenant, e.stream, e.version - 1 AS expected
                FROM unnest(p_events) AS e
                WHERE e.head = 1 OR (e.head = 2 AND tail <> p_tail)
                UNION ALL
                SELECT g.item, g.tenant, g.stream, g.expected FROM unnest(p_guards) AS g
            ) AS h
        ) AS v
        WHERE v.actual <> v.expected;
    END IF;

    IF cardinality(bad) > 0 THEN -- were they recorded by an earlier try whose answer was lost?
        SELECT array_agg(f.item), array_agg(f.position), array_agg(f.recorded_at)
        INTO settled_item, settled_first, settled_at
        FROM (
            SELECT n.item, min(e.position) AS position, min(e.recorded_at) AS recorded_at
            FROM unnest(p_events) AS n
            CROSS JOIN LATERAL (
                SELECT e.position, e.recorded_at FROM annals.events AS e
                WHERE e.log_id = p_log AND e.tenant = n.tenant AND e.stream = n.stream
                    AND e.version = n.version AND e.event_id = n.event_id
            ) AS e
            WHERE n.head > 0 AND n.item = ANY (bad)
            GROUP BY n.item
        ) AS f;
    END IF;

    IF cardinality(bad) = 0 THEN
        INSERT INTO annals.events (
            log_id, position, tenant, stream, version, event_id, type, schema_version, data,
            recorded_at, actor, correlation_id, causation_id, meta
        )
        SELECT p_log, tail + e.nth, e.tenant, e.stream, e.version, e.event_id, e.type,
            e.schema_version, e.data, recorded_at, e.actor, e.correlation_id, e.causation_id, e.meta
        FROM unnest(p_events) WITH ORDINALITY AS e (item, head, tenant, stream, version, event_id,
            type, schema_version, data, actor, correlation_id, causation_id, meta, nth);
    ELSE
        INSERT INTO annals.events (
            log_id, position, tenant, stream, version, event_id, type, schema_version, data,
            recorded_at, actor, correlation_id, causation_id, meta
        )
        SELECT p_log, tail + row_number() OVER (ORDER BY e.nth), e.tenant, e.stream, e.version,
            e.event_id, e.type, e.schema_version, e.data, recorded_at, e.actor, e.correlation_id,
            e.causation_id, e.meta
        FROM unnest(p_events) WITH ORDINALITY AS e (item, head, tenant, stream, version, event_id,
            type, schema_version, data, actor, correlation_id, causation_id, meta, nth)
        WHERE e.item <> ALL (bad);
    END IF;
    GET DIAGNOSTICS last = ROW_COUNT;
    last := tail + last;

    IF cardinality(p_keys) > 0 THEN
        INSERT INTO annals.keys (
            log_id, tenant, digest, fingerprint, response, last, created_at
        )
        SELECT p_log, k.tenant, k.digest, k.fingerprint, k.response,
            CASE WHEN cardinality(bad) = 0 THEN tail + k.upto ELSE tail + (
                SELECT count(*) FROM unnest(p_events) AS e
                WHERE e.item <= k.item AND e.item <> ALL (bad)
            ) END, now_at
        FROM unnest(p_keys) AS k
        WHERE k.item <> ALL (bad);
    END IF;

    IF cardinality(p_claims) > 0 THEN
        INSERT INTO annals.claims (
            log_id, tenant, reaction, position, attempt, lease_until, created_at
        )
        SELECT p_log, c.tenant, c.reaction, c.position, c.attempt, c.lease_until, now_at
        FROM unnest(p_claims) AS c
        WHERE c.item <> ALL (bad);
    END IF;

    IF cardinality(p_settlements) > 0 THEN
        INSERT INTO annals.settlements (
            log_id, tenant, reaction, position, attempt, retry_at, created_at
        )
        SELECT p_log, s.tenant, s.reaction, s.position, s.attempt, s.retry_at, now_at
        FROM unnest(p_settlements) AS s
        WHERE s.item <> ALL (bad);
    END IF;

    IF last > tail THEN
        PERFORM pg_notify('annals_log', last::text);
    END IF;
END
$$;

-- Data keys are made and destroyed beside the append. The lock on the log's row makes whoever sets
-- the fence wait for those under way, and those that come later see it.
CREATE FUNCTION annals.heed_fence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    closed text;
BEGIN
    SELECT l.fence INTO closed FROM annals.logs AS l WHERE l.log_id = NEW.log_id FOR SHARE;
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'the log is closed' USING ERRCODE = 'AN004', DETAIL = closed;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER data_keys_heed_the_fence BEFORE INSERT OR UPDATE ON annals.data_keys
    FOR EACH ROW EXECUTE FUNCTION annals.heed_fence();
