-- The newest picture of a camera, where its frames do not come.
CREATE INDEX snapshot_by_camera ON snapshot (site_id, camera_id, captured_at DESC);

-- In the database and not in the blob store: that one has an age and a quota, and a plan has none.
CREATE TABLE plan_image (
    site_id text NOT NULL,
    plan_id text NOT NULL,
    content_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    sha256 text NOT NULL,
    data bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (site_id, plan_id)
);
COMMENT ON TABLE plan_image IS 'the picture of a plan that a site''s document names; as the API wrote it anew';

ALTER TABLE plan_image ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_image FORCE ROW LEVEL SECURITY;
CREATE POLICY sites ON plan_image TO watchfloor_owner, watchfloor_api, watchfloor_reader
USING (
    site_id = ANY ((SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[])
)
WITH CHECK (
    site_id = ANY ((SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[])
);
GRANT SELECT ON plan_image TO watchfloor_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON plan_image TO watchfloor_api;
