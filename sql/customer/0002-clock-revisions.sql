-- mod_kiss, Customer API, version 2.
--
-- Every statement may be run again, so that an interrupted upgrade is simply repeated. What has been done already costs
-- nothing the second time.

-- ---- room for what real catalogues hold

ALTER TABLE product
  MODIFY name                   VARCHAR(1000) NOT NULL DEFAULT '',
  MODIFY description            MEDIUMTEXT    NOT NULL DEFAULT '',
  MODIFY website_description    MEDIUMTEXT    NOT NULL DEFAULT '',
  MODIFY product_category_code  VARCHAR(255)  NOT NULL DEFAULT '',
  MODIFY photo                  VARCHAR(2048) NOT NULL DEFAULT '',
  MODIFY theme                  VARCHAR(255)  NOT NULL DEFAULT '',
  MODIFY whats_included         MEDIUMTEXT    NOT NULL DEFAULT '';

ALTER TABLE product_image
  MODIFY file_name  VARCHAR(2048) NOT NULL DEFAULT '';

-- ---- customers that a load has set aside

ALTER TABLE customer
  ADD COLUMN IF NOT EXISTS absent_since DATETIME NULL
    COMMENT 'UTC; not NULL: the last load did not have it, and it is refused as a disabled one is' AFTER enabled;

INSERT IGNORE INTO schema_migration (version, title) VALUES (2, 'clock revisions');
