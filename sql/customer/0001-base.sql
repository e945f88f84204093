-- mod_kiss, Customer API: tables, revisions, triggers.
--
-- Run by `kissctl schema install`, which sends a whole file at once: no DELIMITER lines are needed or understood.
-- Every statement may be run again (IF NOT EXISTS, OR REPLACE), so that an interrupted installation is simply repeated.
--
-- Codes (SKU, customer, price list, warehouse) compare byte for byte, without padding: their order is the order by
-- code point that the contract asks for, and 'A' is neither 'a' nor 'A '.

CREATE TABLE IF NOT EXISTS schema_migration (
  version     INT UNSIGNED NOT NULL PRIMARY KEY,
  title       VARCHAR(100) NOT NULL,
  applied_at  TIMESTAMP    NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- One row per dataset that an answer can depend on. `n` grows in the transaction that changes the data, so whoever
-- sees the new number sees the new data. Rows are never deleted: a code that comes back must not find an old number.
--   epoch      ''    made once per installation; keeps ETags of another database apart
--   products   ''    any text, number or nested row of any product
--   assortment ''    the set of SKUs that exist and are not obsolete
--   prices     list  the rows of one price list, its name and its currency
--   stock      code  the rows of one warehouse
--   customers  ''    any customer: no answer shows it, but what the module remembers of one must not outlive it
CREATE TABLE IF NOT EXISTS revision (
  dataset     VARCHAR(16)     NOT NULL,
  scope       VARCHAR(64)     NOT NULL DEFAULT '',
  n           BIGINT UNSIGNED NOT NULL DEFAULT 1,
  changed_at  TIMESTAMP       NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (dataset, scope)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

INSERT IGNORE INTO revision (dataset, scope, n) VALUES
  ('epoch', '', CONV(SUBSTRING(SHA2(CONCAT(UUID(), RAND(), NOW(6)), 256), 1, 15), 16, 10)),
  ('products', '', 1),
  ('assortment', '', 1),
  ('customers', '', 1);

CREATE TABLE IF NOT EXISTS product (
  sku                       VARCHAR(64)    NOT NULL PRIMARY KEY,
  name                      VARCHAR(500)   NOT NULL DEFAULT '',
  description               TEXT           NOT NULL DEFAULT '',
  website_description       TEXT           NOT NULL DEFAULT '',
  product_category_code     VARCHAR(64)    NOT NULL DEFAULT '',
  washing_instructions      TEXT           NOT NULL DEFAULT '',
  gender                    VARCHAR(64)    NOT NULL DEFAULT '',
  audience                  VARCHAR(64)    NOT NULL DEFAULT '',
  main_colour               VARCHAR(64)    NOT NULL DEFAULT '',
  barcode                   VARCHAR(64)    NOT NULL DEFAULT '',
  photo                     VARCHAR(1000)  NOT NULL DEFAULT '',
  theme                     VARCHAR(100)   NOT NULL DEFAULT '',
  packaged_length_in_cm     DECIMAL(10,2)  NOT NULL DEFAULT 0,
  packaged_width_in_cm      DECIMAL(10,2)  NOT NULL DEFAULT 0,
  packaged_height_in_cm     DECIMAL(10,2)  NOT NULL DEFAULT 0,
  packaged_weight_in_g      DECIMAL(12,2)  NOT NULL DEFAULT 0,
  carton_length_in_cm       DECIMAL(10,2)  NOT NULL DEFAULT 0,
  carton_width_in_cm        DECIMAL(10,2)  NOT NULL DEFAULT 0,
  carton_height_in_cm       DECIMAL(10,2)  NOT NULL DEFAULT 0,
  carton_weight_in_g        DECIMAL(12,2)  NOT NULL DEFAULT 0,
  carton_qty                DECIMAL(12,3)  NOT NULL DEFAULT 0,
  amazon_asin               VARCHAR(64)    NOT NULL DEFAULT '',
  country_of_origin         VARCHAR(100)   NOT NULL DEFAULT '',
  status                    VARCHAR(64)    NOT NULL DEFAULT '',
  style_code                VARCHAR(64)    NOT NULL DEFAULT '',
  carton_barcode            VARCHAR(64)    NOT NULL DEFAULT '',
  hs_code                   VARCHAR(64)    NOT NULL DEFAULT '',
  whats_included            TEXT           NOT NULL DEFAULT '',
  product_composition_text  TEXT           NOT NULL DEFAULT '',
  is_obsolete               BOOLEAN        AS (LOWER(status) = 'obsolete') PERSISTENT,
  -- Lets a read in SKU order ask "does it exist, is it current?" without touching the wide rows.
  UNIQUE KEY current_sku (sku, is_obsolete)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- The nested tables are clustered in the order in which they are sent: one range scan per answer, no sort.
CREATE TABLE IF NOT EXISTS product_image (
  sku           VARCHAR(64)   NOT NULL,
  is_secondary  BOOLEAN       NOT NULL DEFAULT 0 COMMENT 'NOT IsPrimaryImage: primary images come first',
  image_id      VARCHAR(64)   NOT NULL,
  file_name     VARCHAR(1000) NOT NULL DEFAULT '',
  PRIMARY KEY (sku, is_secondary, image_id),
  UNIQUE KEY image (sku, image_id),
  CONSTRAINT product_image_sku FOREIGN KEY (sku) REFERENCES product (sku)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS product_accessory (
  sku            VARCHAR(64) NOT NULL,
  accessory_sku  VARCHAR(64) NOT NULL,
  PRIMARY KEY (sku, accessory_sku),
  CONSTRAINT product_accessory_sku FOREIGN KEY (sku) REFERENCES product (sku)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS product_substitution (
  sku             VARCHAR(64) NOT NULL,
  substitute_sku  VARCHAR(64) NOT NULL,
  PRIMARY KEY (sku, substitute_sku),
  CONSTRAINT product_substitution_sku FOREIGN KEY (sku) REFERENCES product (sku)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS product_composition (
  sku                     VARCHAR(64)  NOT NULL,
  material_code           VARCHAR(64)  NOT NULL,
  material_description    VARCHAR(200) NOT NULL DEFAULT '',
  composition_percentage  DECIMAL(7,4) NOT NULL DEFAULT 0,
  PRIMARY KEY (sku, material_code),
  CONSTRAINT product_composition_sku FOREIGN KEY (sku) REFERENCES product (sku)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS price_list (
  price_list_code  VARCHAR(64)  NOT NULL PRIMARY KEY,
  price_list_name  VARCHAR(200) NOT NULL DEFAULT '',
  currency_code    CHAR(3)      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- No key to product: a list may price a SKU before the product exists (it is not served until it does).
-- Several rows for one SKU are quantity breaks; they differ in moq.
CREATE TABLE IF NOT EXISTS price (
  price_list_code    VARCHAR(64)   NOT NULL,
  sku                VARCHAR(64)   NOT NULL,
  moq                DECIMAL(12,3) NOT NULL DEFAULT 0,
  unit_price         DECIMAL(12,4) NOT NULL DEFAULT 0,
  discount_eligible  BOOLEAN       NOT NULL DEFAULT 0,
  order_multiple     DECIMAL(12,3) NOT NULL DEFAULT 0,
  PRIMARY KEY (price_list_code, sku, moq),
  CONSTRAINT price_price_list FOREIGN KEY (price_list_code) REFERENCES price_list (price_list_code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS warehouse (
  stock_location  VARCHAR(64)  NOT NULL PRIMARY KEY,
  name            VARCHAR(200) NOT NULL DEFAULT ''
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS stock (
  stock_location      VARCHAR(64)   NOT NULL,
  sku                 VARCHAR(64)   NOT NULL,
  available_qty       DECIMAL(14,3) NOT NULL DEFAULT 0,
  next_available_eta  DATE          NULL COMMENT 'NULL: not known',
  PRIMARY KEY (stock_location, sku),
  CONSTRAINT stock_warehouse FOREIGN KEY (stock_location) REFERENCES warehouse (stock_location)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS customer (
  customer_code     VARCHAR(64)     NOT NULL PRIMARY KEY,
  name              VARCHAR(200)    NOT NULL DEFAULT '',
  price_list_code   VARCHAR(64)     NULL,
  stock_location    VARCHAR(64)     NULL,
  discount_percent  DECIMAL(7,4)    NOT NULL DEFAULT 0,
  enabled           BOOLEAN         NOT NULL DEFAULT 1,
  limit_minute      INT UNSIGNED    NULL COMMENT 'NULL: the server''s default',
  limit_hour        INT UNSIGNED    NULL COMMENT 'NULL: the server''s default',
  created_at        TIMESTAMP       NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT customer_discount CHECK (discount_percent BETWEEN 0 AND 100),
  CONSTRAINT customer_price_list FOREIGN KEY (price_list_code) REFERENCES price_list (price_list_code),
  CONSTRAINT customer_warehouse FOREIGN KEY (stock_location) REFERENCES warehouse (stock_location)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS api_key (
  key_id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_code  VARCHAR(64)     NOT NULL,
  prefix         CHAR(8)         NOT NULL COMMENT 'public: names the key in lists and logs',
  hash           BINARY(32)      NOT NULL COMMENT 'SHA-256 of the whole key',
  label          VARCHAR(100)    NOT NULL DEFAULT '',
  created_at     TIMESTAMP       NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at     DATETIME        NULL,
  revoked_at     DATETIME        NULL,
  UNIQUE KEY hash (hash),
  KEY customer (customer_code),
  CONSTRAINT api_key_customer FOREIGN KEY (customer_code) REFERENCES customer (customer_code) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Apart from api_key, because this is the one table that the module itself may write.
CREATE TABLE IF NOT EXISTS key_usage (
  key_id        BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  last_used_at  DATETIME        NOT NULL,
  CONSTRAINT key_usage_key FOREIGN KEY (key_id) REFERENCES api_key (key_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Revision triggers. A session that sets @kiss_bulk to 1 (the import) bumps once, by itself, before it commits.
-- The bumped row stays locked until the writer commits, so writers of one dataset queue: keep transactions short.

CREATE OR REPLACE TRIGGER product_added AFTER INSERT ON product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
  INSERT INTO revision (dataset, scope) VALUES ('assortment', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_changed AFTER UPDATE ON product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
  IF NOT (NEW.sku = OLD.sku AND NEW.is_obsolete = OLD.is_obsolete) THEN
    INSERT INTO revision (dataset, scope) VALUES ('assortment', '') ON DUPLICATE KEY UPDATE n = n + 1;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER product_removed AFTER DELETE ON product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
  INSERT INTO revision (dataset, scope) VALUES ('assortment', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_image_added AFTER INSERT ON product_image FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_image_changed AFTER UPDATE ON product_image FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_image_removed AFTER DELETE ON product_image FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_accessory_added AFTER INSERT ON product_accessory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_accessory_changed AFTER UPDATE ON product_accessory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_accessory_removed AFTER DELETE ON product_accessory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_substitution_added AFTER INSERT ON product_substitution FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_substitution_changed AFTER UPDATE ON product_substitution FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_substitution_removed AFTER DELETE ON product_substitution FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_composition_added AFTER INSERT ON product_composition FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_composition_changed AFTER UPDATE ON product_composition FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER product_composition_removed AFTER DELETE ON product_composition FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('products', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER price_list_added AFTER INSERT ON price_list FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code) ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER price_list_changed AFTER UPDATE ON price_list FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code) ON DUPLICATE KEY UPDATE n = n + 1;
  IF NOT NEW.price_list_code = OLD.price_list_code THEN
    INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code) ON DUPLICATE KEY UPDATE n = n + 1;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER price_list_removed AFTER DELETE ON price_list FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code) ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER price_added AFTER INSERT ON price FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code) ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER price_changed AFTER UPDATE ON price FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code) ON DUPLICATE KEY UPDATE n = n + 1;
  IF NOT NEW.price_list_code = OLD.price_list_code THEN
    INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code) ON DUPLICATE KEY UPDATE n = n + 1;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER price_removed AFTER DELETE ON price FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code) ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER stock_added AFTER INSERT ON stock FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location) ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER stock_changed AFTER UPDATE ON stock FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location) ON DUPLICATE KEY UPDATE n = n + 1;
  IF NOT NEW.stock_location = OLD.stock_location THEN
    INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location) ON DUPLICATE KEY UPDATE n = n + 1;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER stock_removed AFTER DELETE ON stock FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location) ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER customer_added AFTER INSERT ON customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('customers', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER customer_changed AFTER UPDATE ON customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('customers', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

CREATE OR REPLACE TRIGGER customer_removed AFTER DELETE ON customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  INSERT INTO revision (dataset, scope) VALUES ('customers', '') ON DUPLICATE KEY UPDATE n = n + 1;
END IF;

INSERT IGNORE INTO schema_migration (version, title) VALUES (1, 'base');
