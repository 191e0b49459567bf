-- Sales that reached the hub before they were made, marked when they come: nobody reads all sales to list them.

ALTER TABLE sale ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
UPDATE sale SET ahead = 1
    WHERE recorded = 0 AND instant - doubt > (SELECT received FROM journal WHERE journal.pos = sale.pos) + 5;
CREATE INDEX sale_ahead ON sale (pos) WHERE ahead = 1;
