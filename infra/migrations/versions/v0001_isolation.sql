-- Who may do what. Every table: row-level security, forced, so that it holds for the owner too.
-- docs/adr/0005-row-level-security.md says why archive writes by functions.
DO $$
DECLARE
    mine text := current_schema();
    name text;
    seen constant text :=
        'site_id = ANY ((SELECT coalesce(nullif(current_setting(''watchfloor.sites'', true), ''''), '
        '''{}''))::text[])';
    configured constant text[] := ARRAY['document', 'outbox', 'site', 'device', 'camera_config',
        'zone'];
    streamed constant text[] := ARRAY['event', 'decision', 'alert', 'alert_activity', 'snapshot',
        'notification', 'delivery', 'device_state', 'poll_state', 'circuit_breaker_state'];
    views constant text[] := ARRAY['camera', 'nvr', 'ai_event', 'ai_artifact', 'notification_log'];
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO watchfloor_api, watchfloor_reader, '
        'watchfloor_archive, watchfloor_definer', mine);
    FOREACH name IN ARRAY configured || streamed LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY sites ON %I '
            'TO watchfloor_owner, watchfloor_api, watchfloor_reader USING (%s) WITH CHECK (%s)',
            name, seen, seen);
        EXECUTE format('GRANT SELECT ON %I TO watchfloor_api, watchfloor_reader', name);
    END LOOP;
    FOREACH name IN ARRAY views LOOP
        EXECUTE format('GRANT SELECT ON %I TO watchfloor_api, watchfloor_reader', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['outbox', 'site', 'device', 'camera_config', 'zone'] LOOP
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO watchfloor_api', name);
    END LOOP;
    FOREACH name IN ARRAY streamed LOOP
        EXECUTE format('CREATE POLICY archive ON %I TO watchfloor_definer '
            'USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO watchfloor_definer', name);
    END LOOP;
    -- Which sites exist, and which owe records to Kafka: ids, and nothing of what is in the rows.
    FOREACH name IN ARRAY ARRAY['site', 'outbox', 'document'] LOOP
        EXECUTE format('CREATE POLICY site_ids ON %I FOR SELECT TO watchfloor_definer USING (true)',
            name);
    END LOOP;
END $$;

-- A revision is written once and stays as it was.
GRANT INSERT ON document TO watchfloor_api;
GRANT USAGE ON SEQUENCE document_revision TO watchfloor_api;
GRANT SELECT (site_id) ON site TO watchfloor_definer;
GRANT SELECT (site_id, sent_at) ON outbox TO watchfloor_definer;
GRANT SELECT (site_id, revision) ON document TO watchfloor_definer;

CREATE FUNCTION site_ids() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path FROM CURRENT AS
$$ SELECT coalesce(array_agg(site_id ORDER BY site_id), '{}') FROM site $$;

CREATE FUNCTION outbox_sites() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path FROM CURRENT AS
$$ SELECT coalesce(array_agg(DISTINCT site_id), '{}') FROM outbox WHERE sent_at IS NULL $$;

-- One function a table that archive feeds. The rows are a JSON array of objects by column name.
-- Rows of a topic are immutable and their ids deterministic: the first one stays.
CREATE FUNCTION archive_events(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO event SELECT * FROM jsonb_populate_recordset(NULL::event, rows)
    ON CONFLICT (site_id, event_id) DO NOTHING RETURNING 1
) SELECT count(*) FROM written $$;

CREATE FUNCTION archive_decisions(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO decision SELECT * FROM jsonb_populate_recordset(NULL::decision, rows)
    ON CONFLICT (site_id, event_id) DO NOTHING RETURNING 1
) SELECT count(*) FROM written $$;

CREATE FUNCTION archive_activity(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO alert_activity SELECT * FROM jsonb_populate_recordset(NULL::alert_activity, rows)
    ON CONFLICT (site_id, activity_id) DO NOTHING RETURNING 1
) SELECT count(*) FROM written $$;

CREATE FUNCTION archive_snapshots(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO snapshot SELECT * FROM jsonb_populate_recordset(NULL::snapshot, rows)
    ON CONFLICT (site_id, event_id, position) DO NOTHING RETURNING 1
) SELECT count(*) FROM written $$;

CREATE FUNCTION archive_notifications(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO notification SELECT * FROM jsonb_populate_recordset(NULL::notification, rows)
    ON CONFLICT (site_id, notification_id) DO NOTHING RETURNING 1
) SELECT count(*) FROM written $$;

CREATE FUNCTION archive_deliveries(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO delivery SELECT * FROM jsonb_populate_recordset(NULL::delivery, rows)
    ON CONFLICT (site_id, result_id) DO NOTHING RETURNING 1
) SELECT count(*) FROM written $$;

-- An alert's row never goes back: a revision that is not newer changes nothing. Sorted, so that two
-- writers lock rows in the same order.
CREATE FUNCTION archive_alerts(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO alert
    SELECT DISTINCT ON (site_id, alert_id) * FROM jsonb_populate_recordset(NULL::alert, rows)
    ORDER BY site_id, alert_id, revision DESC
    ON CONFLICT (site_id, alert_id) DO UPDATE SET
        state = EXCLUDED.state, severity = EXCLUDED.severity, event_type = EXCLUDED.event_type,
        rank = EXCLUDED.rank, reasons = EXCLUDED.reasons, opened_at = EXCLUDED.opened_at,
        updated_at = EXCLUDED.updated_at, first_event = EXCLUDED.first_event,
        last_event = EXCLUDED.last_event, events = EXCLUDED.events, repeats = EXCLUDED.repeats,
        revision = EXCLUDED.revision, site_name = EXCLUDED.site_name,
        camera_id = EXCLUDED.camera_id, camera_name = EXCLUDED.camera_name,
        zone_id = EXCLUDED.zone_id, device_id = EXCLUDED.device_id,
        device_name = EXCLUDED.device_name, label = EXCLUDED.label,
        confidence = EXCLUDED.confidence, box = EXCLUDED.box, event_ids = EXCLUDED.event_ids,
        snapshot = EXCLUDED.snapshot, acknowledged_by = EXCLUDED.acknowledged_by,
        acknowledged_at = EXCLUDED.acknowledged_at, assigned_to = EXCLUDED.assigned_to,
        snoozed_until = EXCLUDED.snoozed_until, escalation = EXCLUDED.escalation,
        resolved_at = EXCLUDED.resolved_at, resolved_by = EXCLUDED.resolved_by,
        resolution = EXCLUDED.resolution, detector_ms = EXCLUDED.detector_ms
    WHERE alert.revision < EXCLUDED.revision
    RETURNING 1
) SELECT count(*) FROM written $$;

CREATE FUNCTION archive_device_states(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
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
        fps = EXCLUDED.fps
    WHERE device_state.at < EXCLUDED.at
    RETURNING 1
) SELECT count(*) FROM written $$;

DO $$
DECLARE
    mine text := current_schema();
    name text;
BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO watchfloor_definer', mine);
    FOREACH name IN ARRAY ARRAY['site_ids()', 'outbox_sites()'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO watchfloor_api', name);
        EXECUTE format('ALTER FUNCTION %s OWNER TO watchfloor_definer', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['events', 'decisions', 'activity', 'snapshots', 'notifications',
        'deliveries', 'alerts', 'device_states'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION archive_%s(jsonb) FROM PUBLIC', name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION archive_%s(jsonb) TO watchfloor_archive', name);
        EXECUTE format('ALTER FUNCTION archive_%s(jsonb) OWNER TO watchfloor_definer', name);
    END LOOP;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM watchfloor_definer', mine);
END $$;
