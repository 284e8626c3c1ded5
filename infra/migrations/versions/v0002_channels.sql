-- What every channel of a pass came to, and which are tried again; NULL in rows from before.
ALTER TABLE delivery ADD COLUMN channels jsonb, ADD COLUMN owed text[];

-- A row a channel and pass: a fan-out has several outcomes, and so has a receiver whose first
-- channel failed. A delivery without channels (nobody to tell, or from before) is one row.
CREATE OR REPLACE VIEW notification_log WITH (security_invoker = true) AS
SELECT CASE WHEN coalesce(c.number, 1) = 1 THEN d.result_id
            ELSE d.result_id || '/' || c.number END AS id,
       d.site_id,
       coalesce(c.item->>'channel', d.channel, d.channel_kind) AS channel,
       coalesce(d.severity, n.severity) AS severity,
       coalesce(c.item->>'outcome', d.outcome) AS status,
       coalesce(c.item->>'target', d.target) AS target,
       n.payload,
       CASE WHEN c.item IS NULL THEN d.error ELSE c.item->>'error' END AS error_message,
       d.at AS created_at, d.notification_id, d.receiver, d.attempt,
       c.item->>'kind' AS channel_kind,
       c.item->>'reference' AS reference,
       (c.item->>'latency_ms')::double precision AS latency_ms
FROM delivery d
LEFT JOIN notification n ON n.site_id = d.site_id AND n.notification_id = d.notification_id
LEFT JOIN LATERAL jsonb_array_elements(
    CASE WHEN jsonb_typeof(d.channels) = 'array' THEN d.channels ELSE '[]'::jsonb END
) WITH ORDINALITY AS c(item, number) ON true;
