-- site_id: the first of site_ids, so that the key begins with a site as everywhere.
CREATE TABLE backtest (
    site_id text NOT NULL,
    backtest_id text NOT NULL,
    site_ids text[] NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    worker text NOT NULL,
    beat_at timestamptz NOT NULL,
    state text NOT NULL,
    step text NOT NULL DEFAULT '',
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    error text,
    result jsonb,
    PRIMARY KEY (site_id, backtest_id)
);
COMMENT ON TABLE backtest IS 'backtests asked for by the API; worker, beat_at: who runs it, and when it last said so';

ALTER TABLE backtest ENABLE ROW LEVEL SECURITY;
ALTER TABLE backtest FORCE ROW LEVEL SECURITY;
-- Its result adds up what all of its sites would have: it is for whoever sees all of them.
CREATE POLICY sites ON backtest TO watchfloor_owner, watchfloor_api, watchfloor_reader
USING (
    site_id = ANY ((SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[])
    AND site_ids <@ (SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[]
)
WITH CHECK (
    site_id = ANY ((SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[])
    AND site_ids <@ (SELECT coalesce(nullif(current_setting('watchfloor.sites', true), ''),
        '{}'))::text[]
);
GRANT SELECT ON backtest TO watchfloor_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON backtest TO watchfloor_api;
