-- What of an alert's procedure was done: step_id, by, at. A writer of the release before writes none.
ALTER TABLE alert ADD COLUMN procedure jsonb NOT NULL DEFAULT '[]';

DO $$ BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO watchfloor_definer', current_schema());
END $$;
-- A function is replaced by its owner, who cannot log in.
SET LOCAL ROLE watchfloor_definer;

CREATE OR REPLACE FUNCTION archive_alerts(rows jsonb) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
WITH written AS (
    INSERT INTO alert
    SELECT DISTINCT ON (site_id, alert_id) * FROM jsonb_populate_recordset(
        jsonb_populate_record(NULL::alert, '{"procedure": []}'), rows)
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
        resolution = EXCLUDED.resolution, detector_ms = EXCLUDED.detector_ms,
        quiet = EXCLUDED.quiet, incident = EXCLUDED.incident,
        procedure = EXCLUDED.procedure
    WHERE alert.revision < EXCLUDED.revision
    RETURNING 1
) SELECT count(*) FROM written $$;

SET LOCAL ROLE watchfloor_owner;
DO $$ BEGIN
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM watchfloor_definer', current_schema());
END $$;
