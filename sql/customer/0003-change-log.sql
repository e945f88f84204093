-- mod_kiss, Customer API, version 3: a log of what has changed, so that the cost of a change is the size of the change.
--
-- Every statement may be run again, so that an interrupted upgrade is simply repeated.

-- ---- the log
--
-- One row says: at revision n of that dataset and scope, which came after revision prev, the row of this SKU in an answer may
-- have become another one. What has changed between two revisions is found by going from the later one along prev to the
-- earlier one. Where no row leads on, it is not known, and anything may have changed: a revision that was raised without
-- a SKU (`kissctl touch`, an import that changed much, a price list's name, by hand) has no row. So nothing depends on the
-- log being whole: what is missing, comes from another life of a restored database or was removed by hand is a gap.
--
-- n is the key: each raise has a number of its own, and a key that changes is logged by two raises.
CREATE TABLE IF NOT EXISTS change_log (
  dataset  VARCHAR(16)     NOT NULL,
  scope    VARCHAR(64)     NOT NULL,
  n        BIGINT UNSIGNED NOT NULL COMMENT '0: no change, but the end of what other scopes lock',
  sku      VARCHAR(64)     NOT NULL,
  prev     BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (dataset, scope, n)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- changed_sku is how a trigger that raises a revision says why; revision_raised writes it down and takes it away, so that
-- it is always NULL to whoever raises a revision otherwise.
ALTER TABLE revision
  ADD COLUMN IF NOT EXISTS changed_sku VARCHAR(64)     NULL,
  ADD COLUMN IF NOT EXISTS log_cut     BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'goes with what is before it at the next cut',
  ADD COLUMN IF NOT EXISTS log_next    BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'becomes log_cut then';

UPDATE revision SET changed_sku = NULL WHERE changed_sku IS NOT NULL;

-- Of each dataset and scope the last 16,384 changes are kept, about: at every number that 8,192 divides, which is once in so many
-- rows of one statement and as often by chance of single ones, the oldest of three parts goes. No other connection waits for it:
-- it holds the row of `revision` anyway, and the row with n = 0 keeps what it locks within its scope.
--
-- REPLACE, because a row of another life may be in the way: of a database of which only `revision` was restored.
CREATE OR REPLACE TRIGGER revision_raised BEFORE UPDATE ON revision FOR EACH ROW
IF NEW.changed_sku IS NOT NULL THEN
  REPLACE INTO change_log (dataset, scope, n, sku, prev) VALUES (NEW.dataset, NEW.scope, NEW.n, NEW.changed_sku, OLD.n);
  SET NEW.changed_sku = NULL;
  IF NEW.n & 8191 = 0 THEN
    REPLACE INTO change_log (dataset, scope, n, sku, prev) VALUES (NEW.dataset, NEW.scope, 0, '', 0);
    DELETE FROM change_log WHERE dataset = NEW.dataset AND scope = NEW.scope AND n > 0 AND n <= NEW.log_cut;
    SET NEW.log_cut = NEW.log_next, NEW.log_next = NEW.n;
  END IF;
END IF;

-- ---- the triggers of version 2, with the SKU
--
-- They are silent in a connection of `kissctl import`, which sets @kiss_bulk to its own number, negative. The server prepares the
-- condition anew for each row: this one takes half the time of that of version 2, which compared texts.

CREATE OR REPLACE TRIGGER product_added AFTER INSERT ON product FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products'), ('assortment')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
END IF;

CREATE OR REPLACE TRIGGER product_changed AFTER UPDATE ON product FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  IF NOT (NEW.sku = OLD.sku AND NEW.is_obsolete = OLD.is_obsolete) THEN
    INSERT INTO revision (dataset) VALUES ('assortment')
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  END IF;
  IF NOT NEW.sku = OLD.sku THEN
    INSERT INTO revision (dataset) VALUES ('products'), ('assortment')
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER product_removed AFTER DELETE ON product FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products'), ('assortment')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
END IF;

CREATE OR REPLACE TRIGGER product_image_added AFTER INSERT ON product_image FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
END IF;

CREATE OR REPLACE TRIGGER product_image_changed AFTER UPDATE ON product_image FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  IF NOT NEW.sku = OLD.sku THEN
    INSERT INTO revision (dataset) VALUES ('products')
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER product_image_removed AFTER DELETE ON product_image FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
END IF;

CREATE OR REPLACE TRIGGER product_accessory_added AFTER INSERT ON product_accessory FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
END IF;

CREATE OR REPLACE TRIGGER product_accessory_changed AFTER UPDATE ON product_accessory FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  IF NOT NEW.sku = OLD.sku THEN
    INSERT INTO revision (dataset) VALUES ('products')
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER product_accessory_removed AFTER DELETE ON product_accessory FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
END IF;

CREATE OR REPLACE TRIGGER product_substitution_added AFTER INSERT ON product_substitution FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
END IF;

CREATE OR REPLACE TRIGGER product_substitution_changed AFTER UPDATE ON product_substitution FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  IF NOT NEW.sku = OLD.sku THEN
    INSERT INTO revision (dataset) VALUES ('products')
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER product_substitution_removed AFTER DELETE ON product_substitution FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
END IF;

CREATE OR REPLACE TRIGGER product_composition_added AFTER INSERT ON product_composition FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
END IF;

CREATE OR REPLACE TRIGGER product_composition_changed AFTER UPDATE ON product_composition FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  IF NOT NEW.sku = OLD.sku THEN
    INSERT INTO revision (dataset) VALUES ('products')
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER product_composition_removed AFTER DELETE ON product_composition FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('products')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
END IF;

-- A SKU is in the list as long as it has a price there; more of them are quantity breaks.
CREATE OR REPLACE TRIGGER price_added AFTER INSERT ON price FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  IF NOT EXISTS (SELECT 1 FROM price WHERE price_list_code = NEW.price_list_code AND sku = NEW.sku AND moq <> NEW.moq) THEN
    INSERT INTO revision (dataset, scope) VALUES ('listing', NEW.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  END IF;
END IF;

-- The first condition is for what happens most, here and for stock: a key that stays. The server prepares each condition that
-- it comes by anew for each row, and this one takes a tenth of the whole.
CREATE OR REPLACE TRIGGER price_changed AFTER UPDATE ON price FOR EACH ROW
IF @kiss_bulk IS NULL AND NEW.sku = OLD.sku AND NEW.price_list_code = OLD.price_list_code THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
ELSEIF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code), ('listing', NEW.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code), ('listing', OLD.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
END IF;

CREATE OR REPLACE TRIGGER price_removed AFTER DELETE ON price FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
  IF NOT EXISTS (SELECT 1 FROM price WHERE price_list_code = OLD.price_list_code AND sku = OLD.sku AND moq <> OLD.moq) THEN
    INSERT INTO revision (dataset, scope) VALUES ('listing', OLD.price_list_code)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
  END IF;
END IF;

CREATE OR REPLACE TRIGGER stock_added AFTER INSERT ON stock FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
END IF;

CREATE OR REPLACE TRIGGER stock_changed AFTER UPDATE ON stock FOR EACH ROW
IF @kiss_bulk IS NULL AND NEW.sku = OLD.sku AND NEW.stock_location = OLD.stock_location THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
ELSEIF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = NEW.sku;
  INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
END IF;

CREATE OR REPLACE TRIGGER stock_removed AFTER DELETE ON stock FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n)), changed_sku = OLD.sku;
END IF;

-- What raises without a SKU: as in version 2.

CREATE OR REPLACE TRIGGER price_list_added AFTER INSERT ON price_list FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', NEW.price_list_code), ('listing', NEW.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER price_list_changed AFTER UPDATE ON price_list FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
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
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('prices', OLD.price_list_code), ('listing', OLD.price_list_code)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER warehouse_added AFTER INSERT ON warehouse FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER warehouse_changed AFTER UPDATE ON warehouse FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  IF NOT NEW.stock_location = OLD.stock_location THEN
    INSERT INTO revision (dataset, scope) VALUES ('stock', NEW.stock_location)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
    INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location)
      ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
  END IF;
END IF;

CREATE OR REPLACE TRIGGER warehouse_removed AFTER DELETE ON warehouse FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset, scope) VALUES ('stock', OLD.stock_location)
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_added AFTER INSERT ON customer FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customers') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_changed AFTER UPDATE ON customer FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customers') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_removed AFTER DELETE ON customer FOR EACH ROW
IF NOT (@kiss_bulk <=> -CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customers') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

INSERT IGNORE INTO schema_migration (version, title) VALUES (3, 'change log');
