-- Of no site, as accounts are. Written in the transaction of the act itself; nobody has the right to
-- change or to remove a row, so that whoever got hold of the API cannot take back what was done.
CREATE TABLE audit (
    audit_id text PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    actor_id text,
    target text,
    detail text,
    address text
);
CREATE INDEX audit_by_time ON audit (at DESC, audit_id);
COMMENT ON TABLE audit IS 'acts on accounts, tokens and keys, as audit.v1 has them';

ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY accounts ON audit TO watchfloor_api
USING (current_setting('watchfloor.purpose', true) = 'accounts')
WITH CHECK (current_setting('watchfloor.purpose', true) = 'accounts');
GRANT SELECT, INSERT ON audit TO watchfloor_api;
