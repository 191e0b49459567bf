-- A life that began under the first version, which signed nothing, signs its runs behind this row of the journal; one
-- that began later signs all of them.

ALTER TABLE line ADD COLUMN signs_from INTEGER NOT NULL DEFAULT 0;
