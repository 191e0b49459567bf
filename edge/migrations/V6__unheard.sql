-- How many sites the hub had not heard since a day's end, as the newest manifest says.

ALTER TABLE digest_day ADD COLUMN unheard INTEGER NOT NULL DEFAULT 0;
