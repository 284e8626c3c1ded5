-- site_id: '*', as the routing's: a write may be about several sites, or about none. name: a hash of
-- who asked, for what, and under which key, so that nobody's answer is another one's.
CREATE TABLE idempotency (
    site_id text NOT NULL,
    name text NOT NULL,
    fingerprint text NOT NULL,
    at timestamptz NOT NULL,
    status integer,
    headers jsonb NOT NULL DEFAULT '{}',
    body bytea,
    PRIMARY KEY (site_id, name)
);
COMMENT ON TABLE idempotency IS 'first answers to writes with an Idempotency-Key, for a day; status: NULL while one is under way; body: NULL where it is not kept';
CREATE INDEX idempotency_at ON idempotency (site_id, at);

ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY sites ON idempotency TO watchfloor_owner, watchfloor_api, watchfloor_reader
USING (
    site_id = ANY ((SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[])
)
WITH CHECK (
    site_id = ANY ((SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[])
);
GRANT SELECT ON idempotency TO watchfloor_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency TO watchfloor_api;

-- Exports go through a site by time, a page after the other, forwards.
CREATE INDEX decision_by_time ON decision (site_id, decided_at, event_id);
CREATE INDEX alert_by_opening ON alert (site_id, opened_at, alert_id);
CREATE INDEX alert_activity_by_time ON alert_activity (site_id, at, activity_id);
