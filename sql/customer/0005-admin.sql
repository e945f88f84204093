-- mod_kiss, Customer API, version 5: product data written over HTTPS: who may, whose a product is, and who wrote what.
-- Every statement may be run again, so that an interrupted upgrade is simply repeated.

-- ---- who may
-- Clients of the admin endpoints, a PIM for one. They are no customers: no list is theirs, and no customer may write.
CREATE TABLE IF NOT EXISTS admin_client (
  admin_code    VARCHAR(64)   NOT NULL PRIMARY KEY,
  name          VARCHAR(200)  NOT NULL DEFAULT '',
  enabled       BOOLEAN       NOT NULL DEFAULT 1,
  limit_minute  INT UNSIGNED  NULL COMMENT 'NULL: the server''s default',
  limit_hour    INT UNSIGNED  NULL COMMENT 'NULL: the server''s default',
  created_at    TIMESTAMP     NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS admin_key (
  key_id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  admin_code  VARCHAR(64)     NOT NULL,
  prefix      CHAR(8)         NOT NULL COMMENT 'public: names the key in lists and logs',
  hash        BINARY(32)      NOT NULL COMMENT 'SHA-256 of the whole key',
  label       VARCHAR(100)    NOT NULL DEFAULT '',
  created_at  TIMESTAMP       NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at  DATETIME        NULL,
  revoked_at  DATETIME        NULL,
  UNIQUE KEY hash (hash),
  KEY client (admin_code),
  CONSTRAINT admin_key_client FOREIGN KEY (admin_code) REFERENCES admin_client (admin_code) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- whose a product is
-- A product with a row here was written over HTTPS and belongs to that client: a full load of CSV files leaves it alone. All others
-- belong to the import. Not a column of product, whose changes raise revisions: whose a product is, no answer to a customer shows.
CREATE TABLE IF NOT EXISTS product_owner (
  sku         VARCHAR(64)  NOT NULL PRIMARY KEY,
  admin_code  VARCHAR(64)  NOT NULL,
  since       TIMESTAMP    NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT product_owner_sku FOREIGN KEY (sku) REFERENCES product (sku) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- who wrote what
-- One row for each write that changed something. The account that writes products can only add to it.
CREATE TABLE IF NOT EXISTS admin_audit (
  audit_id    BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  written_at  DATETIME(6)     NOT NULL COMMENT 'UTC',
  admin_code  VARCHAR(64)     NOT NULL,
  method      VARCHAR(8)      NOT NULL,
  dataset     VARCHAR(16)     NOT NULL,
  scope       VARCHAR(64)     NOT NULL DEFAULT '',
  sku         VARCHAR(64)     NOT NULL,
  members     TEXT            NOT NULL DEFAULT '' COMMENT 'what changed, joined by commas',
  request_id  VARCHAR(64)     NOT NULL,
  KEY by_sku (sku, audit_id),
  KEY by_client (admin_code, written_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- What was answered to a request with an Idempotency-Key.
CREATE TABLE IF NOT EXISTS admin_request (
  admin_code       VARCHAR(64)       NOT NULL,
  idempotency_key  VARCHAR(255)      NOT NULL,
  request_hash     BINARY(32)        NOT NULL COMMENT 'SHA-256 of method, path and body',
  status           SMALLINT UNSIGNED NOT NULL,
  created_at       TIMESTAMP         NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (admin_code, idempotency_key),
  KEY created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- the revision
--   admins     ''    any admin client or key of one, so that the module may remember them. No ETag shows it
INSERT IGNORE INTO revision (dataset) VALUES ('admins');

CREATE OR REPLACE TRIGGER admin_client_added AFTER INSERT ON admin_client FOR EACH ROW
INSERT INTO revision (dataset) VALUES ('admins') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));

CREATE OR REPLACE TRIGGER admin_client_changed AFTER UPDATE ON admin_client FOR EACH ROW
INSERT INTO revision (dataset) VALUES ('admins') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));

-- Keys that go with their client fire no trigger of their own; this one raises for them, too.
CREATE OR REPLACE TRIGGER admin_client_removed AFTER DELETE ON admin_client FOR EACH ROW
INSERT INTO revision (dataset) VALUES ('admins') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));

CREATE OR REPLACE TRIGGER admin_key_added AFTER INSERT ON admin_key FOR EACH ROW
INSERT INTO revision (dataset) VALUES ('admins') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));

CREATE OR REPLACE TRIGGER admin_key_changed AFTER UPDATE ON admin_key FOR EACH ROW
INSERT INTO revision (dataset) VALUES ('admins') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));

CREATE OR REPLACE TRIGGER admin_key_removed AFTER DELETE ON admin_key FOR EACH ROW
INSERT INTO revision (dataset) VALUES ('admins') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));

-- ---- TRUNCATE of these would not be seen
ALTER TABLE truncate_guard
  ADD COLUMN IF NOT EXISTS admin_client  VARCHAR(64) NULL,
  ADD COLUMN IF NOT EXISTS admin_key     BIGINT UNSIGNED NULL,
  ADD CONSTRAINT guard_admin_client FOREIGN KEY IF NOT EXISTS (admin_client) REFERENCES admin_client (admin_code),
  ADD CONSTRAINT guard_admin_key FOREIGN KEY IF NOT EXISTS (admin_key) REFERENCES admin_key (key_id);

INSERT IGNORE INTO schema_migration (version, title) VALUES (5, 'admin');
