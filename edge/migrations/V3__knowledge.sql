-- caught: the second, at the earliest, at which everything that the hub had told of the nation was here; none where
-- that never was, or was another life of the hub.
ALTER TABLE self ADD COLUMN caught INTEGER;
