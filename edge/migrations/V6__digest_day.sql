-- How many sites the hub had not heard since a day's end, as the newest manifest says.
ALTER TABLE digest_day ADD COLUMN unheard INTEGER NOT NULL DEFAULT 0;

-- That an entry was acknowledged behind a digest does not say that the hub had not taken it before: a run is
-- confirmed again when it comes again.
ALTER TABLE digest_day DROP COLUMN used_acked;
ALTER TABLE digest_day DROP COLUMN wanted_acked;

-- And how much was sent before a line broke was forgotten with it: until the next manifest all of it may be in.
UPDATE digest_day SET used_sent = -1, wanted_sent = -1;
