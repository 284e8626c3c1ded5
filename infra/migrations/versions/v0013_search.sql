-- A search by what was decided looks it up event by event: here it finds it without the row.
ALTER TABLE decision DROP CONSTRAINT decision_pkey,
    ADD CONSTRAINT decision_pkey PRIMARY KEY (site_id, event_id) INCLUDE (result, reason);
