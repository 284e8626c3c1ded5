-- What was configured, by revision. site_id '*' holds what spans sites (routing): it is no valid
-- site id, so no site can be named so.
CREATE SEQUENCE document_revision AS bigint;

CREATE TABLE document (
    site_id text NOT NULL,
    revision bigint NOT NULL,
    author text NOT NULL,
    at timestamptz NOT NULL,
    body jsonb,
    diff jsonb NOT NULL,
    PRIMARY KEY (site_id, revision)
);
COMMENT ON TABLE document IS 'every revision of a site''s document; body NULL: removed';

CREATE TABLE outbox (
    site_id text NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    key text NOT NULL,
    revision bigint NOT NULL,
    value bytea,
    at timestamptz NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (site_id, id)
);
COMMENT ON TABLE outbox IS 'records that a committed revision owes to Kafka; value NULL: tombstone';
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;

CREATE TABLE site (
    site_id text PRIMARY KEY,
    id text GENERATED ALWAYS AS (site_id) STORED,
    name text NOT NULL,
    timezone text NOT NULL,
    enabled boolean NOT NULL,
    revision bigint NOT NULL
);

CREATE TABLE device (
    site_id text NOT NULL REFERENCES site ON DELETE CASCADE,
    device_id text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    address text,
    driver text,
    parent text,
    PRIMARY KEY (site_id, device_id)
);

CREATE TABLE camera_config (
    site_id text NOT NULL REFERENCES site ON DELETE CASCADE,
    camera_id text NOT NULL,
    name text NOT NULL,
    nvr_id text,
    stream text,
    substream text,
    detect_fps double precision,
    PRIMARY KEY (site_id, camera_id)
);

CREATE TABLE zone (
    site_id text NOT NULL REFERENCES site ON DELETE CASCADE,
    zone_id text NOT NULL,
    severity text NOT NULL,
    camera_ids text[] NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (site_id, zone_id)
);

-- What happened, from the topics. No foreign keys here: records of different topics arrive in any
-- order, and a site that was removed keeps its history.
CREATE TABLE event (
    site_id text NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    source text NOT NULL,
    camera_id text,
    zone_id text,
    device_id text,
    severity text,
    label text,
    confidence double precision,
    vendor text,
    track_id text,
    first_frame bigint,
    frame bigint,
    box double precision[],
    snapshots integer NOT NULL,
    detector_ms double precision,
    labels jsonb NOT NULL,
    PRIMARY KEY (site_id, event_id)
);
CREATE INDEX event_by_time ON event (site_id, occurred_at DESC, event_id);
CREATE INDEX event_by_camera ON event (site_id, camera_id, occurred_at DESC, event_id);
CREATE INDEX event_by_zone ON event (site_id, zone_id, occurred_at DESC, event_id);
CREATE INDEX event_by_type ON event (site_id, event_type, occurred_at DESC, event_id);

CREATE TABLE decision (
    site_id text NOT NULL,
    event_id text NOT NULL,
    decision_id text NOT NULL,
    result text NOT NULL,
    reason text,
    alert_id text,
    decided_at timestamptz NOT NULL,
    stages jsonb NOT NULL,
    PRIMARY KEY (site_id, event_id)
);
CREATE INDEX decision_by_alert ON decision (site_id, alert_id) WHERE alert_id IS NOT NULL;

CREATE TABLE alert (
    site_id text NOT NULL,
    alert_id text NOT NULL,
    state text NOT NULL,
    severity text NOT NULL,
    event_type text NOT NULL,
    rank integer NOT NULL,
    reasons jsonb NOT NULL,
    opened_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    first_event timestamptz NOT NULL,
    last_event timestamptz NOT NULL,
    events bigint NOT NULL,
    repeats bigint NOT NULL,
    revision bigint NOT NULL,
    site_name text,
    camera_id text,
    camera_name text,
    zone_id text,
    device_id text,
    device_name text,
    label text,
    confidence double precision,
    box double precision[],
    event_ids text[] NOT NULL,
    snapshot text,
    acknowledged_by text,
    acknowledged_at timestamptz,
    assigned_to text,
    snoozed_until timestamptz,
    escalation integer NOT NULL,
    resolved_at timestamptz,
    resolved_by text,
    resolution text,
    detector_ms double precision,
    PRIMARY KEY (site_id, alert_id)
);
-- The queue of one state across the sites that a session may see, by keyset.
CREATE INDEX alert_queue ON alert (state, rank DESC, alert_id);
CREATE INDEX alert_by_rank ON alert (rank DESC, alert_id);
CREATE INDEX alert_by_time ON alert (site_id, last_event DESC, alert_id);
CREATE INDEX alert_newest ON alert (opened_at DESC, alert_id);

CREATE TABLE alert_activity (
    site_id text NOT NULL,
    activity_id text NOT NULL,
    alert_id text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    cause text NOT NULL,
    detail text,
    PRIMARY KEY (site_id, activity_id)
);
CREATE INDEX alert_activity_by_alert ON alert_activity (site_id, alert_id, at, activity_id);

CREATE TABLE snapshot (
    site_id text NOT NULL,
    event_id text NOT NULL,
    position smallint NOT NULL,
    snapshot_id text NOT NULL,
    camera_id text NOT NULL,
    captured_at timestamptz NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    content_type text NOT NULL,
    bytes bigint NOT NULL,
    blob_key text NOT NULL,
    PRIMARY KEY (site_id, event_id, position)
);

CREATE TABLE notification (
    site_id text NOT NULL,
    notification_id text NOT NULL,
    receiver text NOT NULL,
    status text NOT NULL,
    kind text NOT NULL,
    group_key text NOT NULL,
    flush bigint NOT NULL,
    severity text,
    requested_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    total integer NOT NULL,
    alert_ids text[] NOT NULL,
    event_ids text[] NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (site_id, notification_id)
);
CREATE INDEX notification_by_time ON notification (site_id, requested_at DESC, notification_id);

CREATE TABLE delivery (
    site_id text NOT NULL,
    result_id text NOT NULL,
    notification_id text NOT NULL,
    receiver text NOT NULL,
    outcome text NOT NULL,
    attempt integer NOT NULL,
    at timestamptz NOT NULL,
    channel text,
    channel_kind text,
    status text NOT NULL,
    kind text NOT NULL,
    severity text,
    target text,
    error text,
    event_ids text[] NOT NULL,
    alert_ids text[] NOT NULL,
    PRIMARY KEY (site_id, result_id)
);
CREATE INDEX delivery_by_time ON delivery (site_id, at DESC, result_id);
CREATE INDEX delivery_by_notification ON delivery (site_id, notification_id);

CREATE TABLE device_state (
    site_id text NOT NULL,
    device_id text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    ok boolean NOT NULL,
    state text,
    error text,
    last_seen_at timestamptz,
    latency_ms double precision,
    gap_s double precision,
    frames bigint NOT NULL,
    sent bigint NOT NULL,
    gated bigint NOT NULL,
    corrupt bigint NOT NULL,
    connects bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    fps double precision NOT NULL,
    PRIMARY KEY (site_id, device_id, kind)
);
COMMENT ON TABLE device_state IS 'the newest probe of each kind; kind frames is capture''s own';

-- The watch role's, under the names and with the columns that readers of the first schema know.
CREATE TABLE poll_state (
    site_id text NOT NULL,
    component text NOT NULL,
    severity text NOT NULL,
    next_poll_at timestamptz,
    last_latency_ms double precision,
    consecutive_failures integer NOT NULL DEFAULT 0,
    load_shed_mode boolean NOT NULL DEFAULT false,
    PRIMARY KEY (site_id, component)
);

CREATE TABLE circuit_breaker_state (
    site_id text NOT NULL,
    target_service text NOT NULL,
    state text NOT NULL,
    failure_count integer NOT NULL DEFAULT 0,
    last_failure_at timestamptz,
    last_latency_ms double precision,
    opened_at timestamptz,
    PRIMARY KEY (site_id, target_service)
);

-- Names that readers of the first schema know. security_invoker: the reader's rows, not ours.
CREATE VIEW camera WITH (security_invoker = true) AS
SELECT c.camera_id AS id, c.site_id, c.nvr_id, c.name,
       coalesce(s.state, 'unknown') AS status, s.last_seen_at,
       c.stream, c.substream, c.detect_fps, s.at AS status_at, s.ok, s.error, s.gap_s,
       s.frames, s.sent, s.gated, s.corrupt, s.connects, s.width, s.height, s.fps
FROM camera_config c
LEFT JOIN device_state s
       ON s.site_id = c.site_id AND s.device_id = c.camera_id AND s.kind = 'frames';

CREATE VIEW nvr WITH (security_invoker = true) AS
SELECT d.device_id AS id, d.site_id, d.name,
       CASE s.ok WHEN true THEN 'online' WHEN false THEN 'offline' ELSE 'unknown' END AS status
FROM device d
LEFT JOIN LATERAL (
    SELECT ok FROM device_state
    WHERE site_id = d.site_id AND device_id = d.device_id ORDER BY at DESC LIMIT 1
) s ON true
WHERE d.kind = 'nvr';

CREATE VIEW ai_event WITH (security_invoker = true) AS
SELECT e.event_id AS id, e.site_id, e.camera_id, e.event_type,
       coalesce(e.severity, a.severity, z.severity) AS severity, e.confidence AS score,
       e.occurred_at AS ts_event,
       concat_ws(':', e.zone_id, e.camera_id, e.device_id, e.event_type) AS dedup_key,
       jsonb_strip_nulls(jsonb_build_object(
           'zone_id', e.zone_id, 'device_id', e.device_id, 'source', e.source, 'label', e.label,
           'vendor', e.vendor, 'track_id', e.track_id, 'frame', e.frame, 'box', e.box,
           'labels', e.labels, 'result', d.result, 'reason', d.reason, 'alert_id', d.alert_id
       )) AS metadata_json
FROM event e
LEFT JOIN decision d ON d.site_id = e.site_id AND d.event_id = e.event_id
LEFT JOIN alert a ON a.site_id = e.site_id AND a.alert_id = d.alert_id
LEFT JOIN zone z ON z.site_id = e.site_id AND z.zone_id = e.zone_id;

CREATE VIEW ai_artifact WITH (security_invoker = true) AS
SELECT snapshot_id AS id, site_id, event_id, 'snapshot'::text AS type, blob_key AS storage_path,
       jsonb_build_object(
           'position', position, 'camera_id', camera_id, 'captured_at', captured_at,
           'width', width, 'height', height, 'content_type', content_type, 'bytes', bytes
       ) AS metadata_json
FROM snapshot;

CREATE VIEW notification_log WITH (security_invoker = true) AS
SELECT d.result_id AS id, d.site_id, coalesce(d.channel, d.channel_kind) AS channel,
       coalesce(d.severity, n.severity) AS severity, d.outcome AS status, d.target, n.payload,
       d.error AS error_message, d.at AS created_at, d.notification_id, d.receiver, d.attempt
FROM delivery d
LEFT JOIN notification n ON n.site_id = d.site_id AND n.notification_id = d.notification_id;
