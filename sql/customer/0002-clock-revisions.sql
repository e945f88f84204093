-- mod_kiss, Customer API, version 2: revisions that are never used twice, a guard against what passes the triggers, room for
-- what real catalogues hold.
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

-- ---- OBSOLETE, without case and without blanks at its ends
--
-- A blank is what import_text.h calls one. The pattern says nothing that a session's default_regex_flags could change, and
-- lists the letters, because without case 's' would be U+017F, too.

SET @kiss_blanks = CONCAT('[\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{180e}\\x{2000}-\\x{200b}\\x{2028}\\x{2029}',
  '\\x{202f}\\x{205f}\\x{2060}\\x{3000}\\x{feff}]*');

SET @kiss_sql = IF(EXISTS (SELECT 1 FROM information_schema.COLUMNS WHERE table_schema = DATABASE() AND table_name = 'product'
  AND column_name = 'is_obsolete' AND generation_expression LIKE '%regexp%'), 'DO 0',
  CONCAT('ALTER TABLE product MODIFY is_obsolete BOOLEAN AS (status REGEXP ',
    QUOTE(CONCAT('\\A', @kiss_blanks, '[Oo][Bb][Ss][Oo][Ll][Ee][Tt][Ee]', @kiss_blanks, '\\z')), ') PERSISTENT'));

EXECUTE IMMEDIATE @kiss_sql;

-- ---- customers that a load has set aside

ALTER TABLE customer
  ADD COLUMN IF NOT EXISTS absent_since DATETIME NULL
    COMMENT 'UTC; not NULL: the last load did not have it, and it is refused as a disabled one is' AFTER enabled;

-- ---- revisions
--
-- A revision is a clock: microseconds since 1970, and always more than the number before. It grows even if the
-- server's clock is set back, a copy of the database that lives on gives other numbers than the original, and what is
-- written after a backup was restored gets numbers that were never given before. A row that is missing comes back by
-- itself, with such a number, too. The clock stands in one place, the column's default; VALUES(n) below is its value.
ALTER TABLE revision
  MODIFY n  BIGINT UNSIGNED NOT NULL DEFAULT (TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)));

INSERT IGNORE INTO revision (dataset, n) VALUES
  ('epoch', CONV(SUBSTRING(SHA2(CONCAT(UUID(), RAND(), NOW(6)), 256), 1, 15), 16, 10));

-- The datasets are those of version 1 and one more:
--   listing    list  which SKUs one price list holds: a price that changes is nothing to the list of stock
-- A price list or warehouse has its rows from its beginning on.
INSERT IGNORE INTO revision (dataset) VALUES ('products'), ('assortment'), ('customers');
INSERT IGNORE INTO revision (dataset, scope) SELECT 'prices', price_list_code FROM price_list;
INSERT IGNORE INTO revision (dataset, scope) SELECT 'listing', price_list_code FROM price_list;
INSERT IGNORE INTO revision (dataset, scope) SELECT 'stock', stock_location FROM warehouse;

-- ---- triggers
--
-- `kissctl import` raises what it changes by itself, once, and the triggers let it: only in its own connection, whose number
-- @kiss_bulk must hold. Whatever else a session has in that variable changes nothing. The raised row stays locked until
-- the writer commits, so writers of one dataset queue: keep transactions short. Without that lock a number could be seen
-- before the change that it stands for.

CREATE OR REPLACE TRIGGER product_added AFTER INSERT ON product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products'), ('assortment') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_changed AFTER UPDATE ON product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  IF NOT (NEW.sku = OLD.sku AND NEW.is_obsolete = OLD.is_obsolete) THEN
    INSERT INTO revision (dataset) VALUES ('assortment') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
END IF;

CREATE OR REPLACE TRIGGER product_removed AFTER DELETE ON product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products'), ('assortment') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_image_added AFTER INSERT ON product_image FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_image_changed AFTER UPDATE ON product_image FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_image_removed AFTER DELETE ON product_image FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_accessory_added AFTER INSERT ON product_accessory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_accessory_changed AFTER UPDATE ON product_accessory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_accessory_removed AFTER DELETE ON product_accessory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_substitution_added AFTER INSERT ON product_substitution FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_substitution_changed AFTER UPDATE ON product_substitution FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_substitution_removed AFTER DELETE ON product_substitution FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_composition_added AFTER INSERT ON product_composition FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_composition_changed AFTER UPDATE ON product_composition FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_composition_removed AFTER DELETE ON product_composition FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER price_list_added AFTER INSERT ON price_list FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code), ('listing', NEW.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER price_list_changed AFTER UPDATE ON price_list FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  IF NOT NEW.price_list_code = OLD.price_list_code THEN
    INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
    INSERT INTO revision (dataset, scope) VALUES ('listing', NEW.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
    INSERT INTO revision (dataset, scope) VALUES ('listing', OLD.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
END IF;

CREATE OR REPLACE TRIGGER price_list_removed AFTER DELETE ON price_list FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code), ('listing', OLD.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

-- A SKU is in the list as long as it has a price there; more of them are quantity breaks.
CREATE OR REPLACE TRIGGER price_added AFTER INSERT ON price FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  IF NOT EXISTS (SELECT 1 FROM price WHERE price_list_code = NEW.price_list_code AND sku = NEW.sku AND moq <> NEW.moq) THEN
    INSERT INTO revision (dataset, scope) VALUES ('listing', NEW.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
END IF;

CREATE OR REPLACE TRIGGER price_changed AFTER UPDATE ON price FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  IF NOT NEW.price_list_code = OLD.price_list_code THEN
    INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
  IF NOT (NEW.price_list_code = OLD.price_list_code AND NEW.sku = OLD.sku) THEN
    INSERT INTO revision (dataset, scope) VALUES ('listing', NEW.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
    INSERT INTO revision (dataset, scope) VALUES ('listing', OLD.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
END IF;

CREATE OR REPLACE TRIGGER price_removed AFTER DELETE ON price FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  IF NOT EXISTS (SELECT 1 FROM price WHERE price_list_code = OLD.price_list_code AND sku = OLD.sku AND moq <> OLD.moq) THEN
    INSERT INTO revision (dataset, scope) VALUES ('listing', OLD.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
END IF;

-- The name of a warehouse is never sent.
CREATE OR REPLACE TRIGGER warehouse_added AFTER INSERT ON warehouse FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER warehouse_changed AFTER UPDATE ON warehouse FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  IF NOT NEW.stock_location = OLD.stock_location THEN
    INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
    INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
END IF;

CREATE OR REPLACE TRIGGER warehouse_removed AFTER DELETE ON warehouse FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER stock_added AFTER INSERT ON stock FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER stock_changed AFTER UPDATE ON stock FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  IF NOT NEW.stock_location = OLD.stock_location THEN
    INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
END IF;

CREATE OR REPLACE TRIGGER stock_removed AFTER DELETE ON stock FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_added AFTER INSERT ON customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customers') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_changed AFTER UPDATE ON customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customers') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_removed AFTER DELETE ON customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customers') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

-- ---- the guard
--
-- TRUNCATE, DROP TABLE, CREATE OR REPLACE TABLE and partitions fire no trigger: a foreign key to each table makes them
-- errors (1701, 1451, 1217). The table is empty and stays so.
CREATE TABLE IF NOT EXISTS truncate_guard (
  id  INT NOT NULL PRIMARY KEY,
  revision              VARCHAR(16) NULL,
  product               VARCHAR(64) NULL,
  product_image         VARCHAR(64) NULL,
  product_accessory     VARCHAR(64) NULL,
  product_substitution  VARCHAR(64) NULL,
  product_composition   VARCHAR(64) NULL,
  price_list            VARCHAR(64) NULL,
  price                 VARCHAR(64) NULL,
  warehouse             VARCHAR(64) NULL,
  stock                 VARCHAR(64) NULL,
  customer              VARCHAR(64) NULL,
  api_key               BIGINT UNSIGNED NULL,
  CONSTRAINT guard_revision FOREIGN KEY (revision) REFERENCES revision (dataset),
  CONSTRAINT guard_product FOREIGN KEY (product) REFERENCES product (sku),
  CONSTRAINT guard_product_image FOREIGN KEY (product_image) REFERENCES product_image (sku),
  CONSTRAINT guard_product_accessory FOREIGN KEY (product_accessory) REFERENCES product_accessory (sku),
  CONSTRAINT guard_product_substitution FOREIGN KEY (product_substitution) REFERENCES product_substitution (sku),
  CONSTRAINT guard_product_composition FOREIGN KEY (product_composition) REFERENCES product_composition (sku),
  CONSTRAINT guard_price_list FOREIGN KEY (price_list) REFERENCES price_list (price_list_code),
  CONSTRAINT guard_price FOREIGN KEY (price) REFERENCES price (price_list_code),
  CONSTRAINT guard_warehouse FOREIGN KEY (warehouse) REFERENCES warehouse (stock_location),
  CONSTRAINT guard_stock FOREIGN KEY (stock) REFERENCES stock (stock_location),
  CONSTRAINT guard_customer FOREIGN KEY (customer) REFERENCES customer (customer_code),
  CONSTRAINT guard_api_key FOREIGN KEY (api_key) REFERENCES api_key (key_id),
  CONSTRAINT truncate_guard_stays_empty CHECK (0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
  COMMENT='empty: makes TRUNCATE of the tables it refers to an error';

-- ---- what the last load left
--
-- One row for each table that a load has brought. While the revisions of its dataset are still these, it must have that many
-- rows: `kissctl doctor` counts them.
CREATE TABLE IF NOT EXISTS last_load (
  table_name  VARCHAR(64)     NOT NULL PRIMARY KEY,
  dataset     VARCHAR(32)     NOT NULL,
  revisions   DECIMAL(40,0)   NOT NULL COMMENT 'the sum of the dataset''s',
  row_count   BIGINT UNSIGNED NOT NULL,
  loaded_at   TIMESTAMP       NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- What version 1 counted becomes the clock's, once.
UPDATE revision SET n = GREATEST(n + 1, DEFAULT(n))
  WHERE dataset <> 'epoch' AND NOT EXISTS (SELECT 1 FROM schema_migration WHERE version >= 2);

INSERT IGNORE INTO schema_migration (version, title) VALUES (2, 'clock revisions');
