-- What the hub said at the last greeting that it reads, beyond what every version does: `disputes`.

CREATE TABLE hub_takes (what TEXT PRIMARY KEY) WITHOUT ROWID;
