-- No site's rows: people, and what lets them in. docs/adr/0008-accounts.md says who sees them.
-- folded: the name as it is compared. sites: NULL for every site. password: an argon2 hash; NULL for
-- whoever signs in elsewhere. totp, totp_pending: sealed with the vault's key. totp_step: the last
-- time step whose code was taken. issuer, subject: whom another's sign-in says it is.
CREATE TABLE account (
    account_id text PRIMARY KEY,
    name text NOT NULL,
    folded text NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    sites text[],
    password text,
    must_change boolean NOT NULL,
    totp bytea,
    totp_pending bytea,
    totp_step bigint NOT NULL DEFAULT 0,
    language text NOT NULL,
    timezone text,
    disabled boolean NOT NULL DEFAULT false,
    issuer text,
    subject text,
    created_at timestamptz NOT NULL,
    signed_in_at timestamptz,
    UNIQUE (issuer, subject),
    CHECK ((issuer IS NULL) = (subject IS NULL))
);
COMMENT ON TABLE account IS 'people who may sign in';

CREATE TABLE account_recovery_code (
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    hash bytea NOT NULL,
    PRIMARY KEY (account_id, hash)
);
COMMENT ON TABLE account_recovery_code IS 'what stands in for a second factor that was lost; a used one is gone';

-- network: the address as failures are counted by. No reference to the account: a session of one that was removed is known as revoked for a while.
CREATE TABLE account_session (
    session_id text PRIMARY KEY,
    account_id text NOT NULL,
    method text NOT NULL,
    address text NOT NULL,
    network text NOT NULL,
    agent text NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX account_session_account ON account_session (account_id, created_at);
COMMENT ON TABLE account_session IS 'one sign-in, until it ends, expires or is revoked';

-- parent: which one it was given for. used_at: when it was exchanged, or one beside it.
CREATE TABLE account_refresh (
    hash bytea PRIMARY KEY,
    session_id text NOT NULL REFERENCES account_session ON DELETE CASCADE,
    parent bytea,
    used_at timestamptz
);
CREATE INDEX account_refresh_session ON account_refresh (session_id);
COMMENT ON TABLE account_refresh IS 'refresh tokens of a session, the used ones too: a second use gives a thief away';

CREATE TABLE account_link (
    hash bytea PRIMARY KEY,
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE account_link IS 'codes made at the console that sign in once';

CREATE TABLE account_flow (
    hash bytea PRIMARY KEY,
    browser bytea NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE account_flow IS 'sign-ins elsewhere (OIDC) that are under way, by the hash of their state';

-- kind: pair (account and address), address, account.
CREATE TABLE sign_in_failure (
    kind text NOT NULL,
    subject text NOT NULL,
    count integer NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (kind, subject)
);
COMMENT ON TABLE sign_in_failure IS 'sign-ins that failed, for as long as they make the next one wait';

CREATE TABLE service_token (
    token_id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    sites text[],
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE service_token IS 'tokens of programs, by their hash; a revoked one is gone';

CREATE TABLE signing_key (
    key_id text PRIMARY KEY,
    public jsonb NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);
COMMENT ON TABLE signing_key IS 'keys that sign access tokens; the private part sealed with the vault''s key';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['account', 'account_recovery_code', 'account_session',
        'account_refresh', 'account_link', 'account_flow', 'sign_in_failure', 'service_token',
        'signing_key'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        -- A transaction that is about sites never sees a password's hash by an oversight.
        EXECUTE format('CREATE POLICY accounts ON %I TO watchfloor_api '
            'USING (current_setting(''watchfloor.purpose'', true) = ''accounts'') '
            'WITH CHECK (current_setting(''watchfloor.purpose'', true) = ''accounts'')', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO watchfloor_api', name);
    END LOOP;
END $$;
