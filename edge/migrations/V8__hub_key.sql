-- By which key the hub signs, as it said at the last greeting: slips of bookings are checked where there is no line.
ALTER TABLE self ADD COLUMN hub_signer BLOB;
