-- mod_kiss, Customer API, version 4: a revision of the API keys, so that the module may remember those that were right.
--
-- Every statement may be run again, so that an interrupted upgrade is simply repeated.

-- ---- the revision
--
--   keys       ''    any API key: issued, changed, revoked, removed, also together with its customer. No ETag shows it
--
-- When a key was last used is in key_usage, which has no triggers: it raises nothing.
INSERT IGNORE INTO revision (dataset) VALUES ('keys');

-- ---- the triggers
--
CREATE OR REPLACE TRIGGER api_key_added AFTER INSERT ON api_key FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('keys') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER api_key_changed AFTER UPDATE ON api_key FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('keys') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER api_key_removed AFTER DELETE ON api_key FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('keys') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

-- A key that goes with its customer fires no trigger of its own.
CREATE OR REPLACE TRIGGER customer_removed AFTER DELETE ON customer FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customers'), ('keys') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

INSERT IGNORE INTO schema_migration (version, title) VALUES (4, 'key revisions');
