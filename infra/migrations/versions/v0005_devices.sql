-- NULL in rows from before, and where a writer of the release before writes on.
ALTER TABLE device_state ADD COLUMN facts jsonb;
-- at: of the newest poll, by which a row never goes back.
ALTER TABLE poll_state ADD COLUMN at timestamptz, ADD COLUMN since timestamptz,
    ADD COLUMN error text;
ALTER TABLE circuit_breaker_state ADD COLUMN at timestamptz;

-- at: since when the device was so. It is the same in each record until the next change, so it
-- names the change, and a topic that forgot records in between has lost none.
CREATE TABLE device_change (
    site_id text NOT NULL,
    device_id text NOT NULL,
    at timestamptz NOT NULL,
    severity text NOT NULL,
    error text,
    PRIMARY KEY (site_id, device_id, at)
);
COMMENT ON TABLE device_change IS 'one row a change of a device''s severity; error: of the poll that made it';

ALTER TABLE device_change ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_change FORCE ROW LEVEL SECURITY;
CREATE POLICY sites ON device_change TO watchfloor_owner, watchfloor_api, watchfloor_reader
USING (
    site_id = ANY ((SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[])
)
WITH CHECK (
    site_id = ANY ((SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[])
);
CREATE POLICY archive ON device_change TO watchfloor_definer USING (true) WITH CHECK (true);
GRANT SELECT ON device_change TO watchfloor_api, watchfloor_reader;
GRANT SELECT, INSERT, UPDATE ON device_change TO watchfloor_definer;

DO $$ BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO watchfloor_definer', current_schema());
END $$;
-- A function is made and replaced by its owner, who cannot log in.
SET LOCAL ROLE watchfloor_definer;

CREATE OR REPLACE FUNCTION archive_device_states(rows jsonb) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO device_state
    SELECT DISTINCT ON (site_id, device_id, kind) *
    FROM jsonb_populate_recordset(NULL::device_state, rows)
    ORDER BY site_id, device_id, kind, at DESC
    ON CONFLICT (site_id, device_id, kind) DO UPDATE SET
        at = EXCLUDED.at, ok = EXCLUDED.ok, state = EXCLUDED.state, error = EXCLUDED.error,
        last_seen_at = greatest(device_state.last_seen_at, EXCLUDED.last_seen_at),
        latency_ms = EXCLUDED.latency_ms, gap_s = EXCLUDED.gap_s, frames = EXCLUDED.frames,
        sent = EXCLUDED.sent, gated = EXCLUDED.gated, corrupt = EXCLUDED.corrupt,
        connects = EXCLUDED.connects, width = EXCLUDED.width, height = EXCLUDED.height,
        fps = EXCLUDED.fps,
        -- A device that does not answer is still what it said that it is.
        facts = coalesce(nullif(EXCLUDED.facts, '{}'), device_state.facts)
    WHERE device_state.at < EXCLUDED.at
    RETURNING 1
) SELECT count(*) FROM written $$;

-- A record is a poll's state, its breaker's and a change. Sorted, so that two writers lock rows in
-- the same order. The first record of a change says what made it: it stays.
CREATE FUNCTION archive_device_health(rows jsonb) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
WITH told AS (
    SELECT * FROM jsonb_to_recordset(rows) AS r(
        site_id text, device_id text, severity text, breaker text, consecutive_failures integer,
        failure_count integer, load_shed boolean, at timestamptz, since timestamptz,
        next_poll_at timestamptz, last_latency_ms double precision, last_failure_at timestamptz,
        opened_at timestamptz, error text)
), newest AS (
    SELECT DISTINCT ON (site_id, device_id) * FROM told ORDER BY site_id, device_id, at DESC
), changes AS (
    INSERT INTO device_change (site_id, device_id, at, severity, error)
    SELECT DISTINCT ON (site_id, device_id, since) site_id, device_id, since, severity, error
    FROM told ORDER BY site_id, device_id, since, at
    ON CONFLICT (site_id, device_id, at) DO NOTHING
), breakers AS (
    INSERT INTO circuit_breaker_state (site_id, target_service, state, failure_count,
        last_failure_at, last_latency_ms, opened_at, at)
    SELECT site_id, device_id, breaker, failure_count, last_failure_at, last_latency_ms, opened_at,
        at
    FROM newest ORDER BY site_id, device_id
    ON CONFLICT (site_id, target_service) DO UPDATE SET
        state = EXCLUDED.state, failure_count = EXCLUDED.failure_count,
        last_failure_at = EXCLUDED.last_failure_at, last_latency_ms = EXCLUDED.last_latency_ms,
        opened_at = EXCLUDED.opened_at, at = EXCLUDED.at
    WHERE circuit_breaker_state.at IS NULL OR circuit_breaker_state.at < EXCLUDED.at
), polls AS (
    INSERT INTO poll_state (site_id, component, severity, next_poll_at, last_latency_ms,
        consecutive_failures, load_shed_mode, at, since, error)
    SELECT site_id, device_id, severity, next_poll_at, last_latency_ms, consecutive_failures,
        load_shed, at, since, error
    FROM newest ORDER BY site_id, device_id
    ON CONFLICT (site_id, component) DO UPDATE SET
        severity = EXCLUDED.severity, next_poll_at = EXCLUDED.next_poll_at,
        last_latency_ms = EXCLUDED.last_latency_ms,
        consecutive_failures = EXCLUDED.consecutive_failures,
        load_shed_mode = EXCLUDED.load_shed_mode, at = EXCLUDED.at, since = EXCLUDED.since,
        error = EXCLUDED.error
    WHERE poll_state.at IS NULL OR poll_state.at < EXCLUDED.at
    RETURNING 1
) SELECT count(*) FROM polls $$;

REVOKE ALL ON FUNCTION archive_device_health(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION archive_device_health(jsonb) TO watchfloor_archive;

SET LOCAL ROLE watchfloor_owner;
DO $$ BEGIN
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM watchfloor_definer', current_schema());
END $$;
