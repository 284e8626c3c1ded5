-- Where people's browsers take pushes: of no site, as accounts. docs/adr/0012-web-push.md.
-- subscription_id: a digest of the endpoint. session_id: of the session that brought it; no
-- reference, because it outlives one that merely expired. key: the public part of the key that it
-- takes pushes of. sealed: endpoint and keys, with the vault's key. least_severity: what is less
-- severe is not pushed. gone_at: when the push service said that it is no more.
CREATE TABLE push_subscription (
    subscription_id text PRIMARY KEY,
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    session_id text NOT NULL,
    key text NOT NULL,
    sealed bytea NOT NULL,
    least_severity text NOT NULL
        CHECK (least_severity IN ('critical', 'high', 'medium', 'low', 'info')),
    label text NOT NULL,
    language text NOT NULL,
    made_at timestamptz NOT NULL,
    taken_at timestamptz,
    gone_at timestamptz
);
CREATE INDEX push_subscription_account ON push_subscription (account_id, made_at);
CREATE INDEX push_subscription_session ON push_subscription (session_id);
COMMENT ON TABLE push_subscription IS 'devices of people who asked to be told there; where and how, sealed with the vault''s key';

ALTER TABLE push_subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE push_subscription FORCE ROW LEVEL SECURITY;
CREATE POLICY accounts ON push_subscription TO watchfloor_api
USING (current_setting('watchfloor.purpose', true) = 'accounts')
WITH CHECK (current_setting('watchfloor.purpose', true) = 'accounts');
GRANT SELECT, INSERT, UPDATE, DELETE ON push_subscription TO watchfloor_api;

-- Act pushes as archive's role, which reads no table. Of accounts the functions' owner sees as much
-- as it takes to say who may be told, column by column: no password, no second factor.
CREATE POLICY push ON account FOR SELECT TO watchfloor_definer USING (true);
CREATE POLICY push ON push_subscription TO watchfloor_definer USING (true) WITH CHECK (true);
GRANT SELECT (account_id, folded, role, sites, disabled) ON account TO watchfloor_definer;
GRANT SELECT (subscription_id, account_id, key, sealed, least_severity, language, taken_at, gone_at)
ON push_subscription TO watchfloor_definer;
GRANT UPDATE (taken_at, gone_at) ON push_subscription TO watchfloor_definer;

-- Roles by name: a new one is told of alerts once somebody says so here. names: NULL for everyone.
-- Devices that took something last come first, so that made-up ones wait behind those that work.
CREATE FUNCTION push_targets(at_site text, names text[], pushing text)
RETURNS TABLE (
    subscription_id text, account_id text, sealed bytea, least_severity text, language text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path FROM CURRENT AS $$
SELECT p.subscription_id, p.account_id, p.sealed, p.least_severity, p.language
FROM push_subscription p JOIN account a ON a.account_id = p.account_id
WHERE p.key = pushing AND p.gone_at IS NULL
AND NOT a.disabled AND a.role IN ('viewer', 'operator', 'admin')
AND (a.sites IS NULL OR at_site = ANY (a.sites))
AND (names IS NULL OR a.folded = ANY (names))
ORDER BY p.taken_at DESC NULLS LAST, p.subscription_id
LIMIT 2000 $$;

CREATE FUNCTION push_told(taken text[], gone text[], seen_at timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
UPDATE push_subscription p SET taken_at = greatest(p.taken_at, seen_at)
WHERE p.subscription_id = ANY (taken);
UPDATE push_subscription p SET gone_at = seen_at
WHERE p.subscription_id = ANY (gone) AND p.gone_at IS NULL $$;

DO $$
DECLARE
    mine text := current_schema();
    name text;
BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO watchfloor_definer', mine);
    FOREACH name IN ARRAY ARRAY['push_targets(text, text[], text)',
        'push_told(text[], text[], timestamptz)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO watchfloor_archive', name);
        EXECUTE format('ALTER FUNCTION %s OWNER TO watchfloor_definer', name);
    END LOOP;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM watchfloor_definer', mine);
END $$;
