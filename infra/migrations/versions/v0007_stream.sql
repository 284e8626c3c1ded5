-- The queue: what is unresolved is a few thousand of many, and each site's is found by rank.
CREATE INDEX alert_unresolved ON alert (site_id, rank DESC, alert_id) INCLUDE (state)
    WHERE state <> 'resolved';
-- The newest across sites, for a search by what was decided: it walks in this order until it has
-- enough, where one that begins with the site would have to sort all of them.
CREATE INDEX event_newest ON event (occurred_at DESC, event_id);
