ALTER TABLE account ADD COLUMN filters jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN account.filters IS 'filters of the queue that somebody keeps under a name';
