-- mod_kiss, KSS API, version 2: revisions that are never used twice, a guard against what passes the triggers, room for
-- what real catalogues hold.
--
-- Every statement may be run again, so that an interrupted upgrade is simply repeated. What has been done already costs
-- nothing the second time.

-- ---- room for what real catalogues hold

ALTER TABLE supplier
  MODIFY description           MEDIUMTEXT    NULL,
  MODIFY brand_assets_url      VARCHAR(2048) NULL,
  MODIFY supplier_website_url  VARCHAR(2048) NULL;

ALTER TABLE portal_user
  MODIFY profile_picture_url  VARCHAR(2048) NULL;

ALTER TABLE product
  MODIFY product_name         VARCHAR(1000) NOT NULL DEFAULT '',
  MODIFY description          MEDIUMTEXT    NULL,
  MODIFY thumbnail_image_url  VARCHAR(2048) NULL,
  MODIFY full_size_image_url  VARCHAR(2048) NULL;

ALTER TABLE menu_promotion
  MODIFY description  MEDIUMTEXT NOT NULL DEFAULT '';

ALTER TABLE inventory_batch
  MODIFY coa_url  VARCHAR(2048) NULL;

ALTER TABLE invoice
  MODIFY pdf_url  VARCHAR(2048) NULL;

ALTER TABLE invoice_coa
  MODIFY coa_url  VARCHAR(2048) NOT NULL;

ALTER TABLE ar_aging
  MODIFY statement_link  VARCHAR(2048) NULL;

ALTER TABLE purchase
  MODIFY public_pdf_link  VARCHAR(2048) NULL;

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

INSERT IGNORE INTO revision (dataset) VALUES
  ('state'), ('supplier'), ('location'), ('product_category'), ('product'), ('portal_user'), ('user_state'),
  ('user_customer'), ('user_supplier'), ('user_location'), ('customer'), ('ar_account'), ('credit_term'),
  ('customer_credit_term'), ('supplier_credit_term'), ('promotion'), ('promotion_state'),
  ('promotion_product'), ('menu_promotion'), ('allocation'), ('inventory'), ('inventory_batch'),
  ('retailer_inventory'), ('invoice_coa'), ('ar_aging'), ('ar_aging_invoice'), ('payment_type'),
  ('payment_type_supplier'), ('payment'), ('payment_application'), ('vendor'), ('vendor_route'), ('purchase'),
  ('purchase_line'), ('sales_rep_group'), ('sales_rep_customer'), ('sales_rep_supplier'), ('api_key'),
  ('api_key_account'), ('invoice_line'), ('invoice');

-- ---- triggers
--
-- `kissctl import` raises what it changes by itself, once, and the triggers let it: only in its own connection, whose number
-- @kiss_bulk must hold. Whatever else a session has in that variable changes nothing. The raised row stays locked until
-- the writer commits, so writers of one table queue: keep transactions short. Without that lock a number could be seen
-- before the change that it stands for.

-- Rows that go with their parent (ON DELETE CASCADE) fire no trigger of their own: the parent's raises theirs.

CREATE OR REPLACE TRIGGER state_added AFTER INSERT ON state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER state_changed AFTER UPDATE ON state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER state_removed AFTER DELETE ON state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER supplier_added AFTER INSERT ON supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER supplier_changed AFTER UPDATE ON supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER supplier_removed AFTER DELETE ON supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER location_added AFTER INSERT ON location FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('location') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER location_changed AFTER UPDATE ON location FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('location') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER location_removed AFTER DELETE ON location FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('location') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_category_added AFTER INSERT ON product_category FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('product_category') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_category_changed AFTER UPDATE ON product_category FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('product_category') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_category_removed AFTER DELETE ON product_category FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('product_category') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_added AFTER INSERT ON product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('product') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_changed AFTER UPDATE ON product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('product') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER product_removed AFTER DELETE ON product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('product') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER portal_user_added AFTER INSERT ON portal_user FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('portal_user') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER portal_user_changed AFTER UPDATE ON portal_user FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('portal_user') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER portal_user_removed AFTER DELETE ON portal_user FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('portal_user'), ('user_state'), ('user_customer'), ('user_supplier'),
    ('user_location'), ('sales_rep_group'), ('sales_rep_customer'), ('sales_rep_supplier')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_state_added AFTER INSERT ON user_state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_state_changed AFTER UPDATE ON user_state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_state_removed AFTER DELETE ON user_state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_customer_added AFTER INSERT ON user_customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_customer_changed AFTER UPDATE ON user_customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_customer_removed AFTER DELETE ON user_customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_supplier_added AFTER INSERT ON user_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_supplier_changed AFTER UPDATE ON user_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_supplier_removed AFTER DELETE ON user_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_location_added AFTER INSERT ON user_location FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_location') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_location_changed AFTER UPDATE ON user_location FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_location') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER user_location_removed AFTER DELETE ON user_location FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('user_location') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_added AFTER INSERT ON customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_changed AFTER UPDATE ON customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_removed AFTER DELETE ON customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_account_added AFTER INSERT ON ar_account FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_account') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_account_changed AFTER UPDATE ON ar_account FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_account') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_account_removed AFTER DELETE ON ar_account FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_account') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER credit_term_added AFTER INSERT ON credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER credit_term_changed AFTER UPDATE ON credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER credit_term_removed AFTER DELETE ON credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_credit_term_added AFTER INSERT ON customer_credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customer_credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_credit_term_changed AFTER UPDATE ON customer_credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customer_credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER customer_credit_term_removed AFTER DELETE ON customer_credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('customer_credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER supplier_credit_term_added AFTER INSERT ON supplier_credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('supplier_credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER supplier_credit_term_changed AFTER UPDATE ON supplier_credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('supplier_credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER supplier_credit_term_removed AFTER DELETE ON supplier_credit_term FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('supplier_credit_term') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_added AFTER INSERT ON promotion FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_changed AFTER UPDATE ON promotion FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_removed AFTER DELETE ON promotion FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion'), ('promotion_state'), ('promotion_product')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_state_added AFTER INSERT ON promotion_state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion_state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_state_changed AFTER UPDATE ON promotion_state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion_state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_state_removed AFTER DELETE ON promotion_state FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion_state') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_product_added AFTER INSERT ON promotion_product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion_product') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_product_changed AFTER UPDATE ON promotion_product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion_product') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER promotion_product_removed AFTER DELETE ON promotion_product FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('promotion_product') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER menu_promotion_added AFTER INSERT ON menu_promotion FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('menu_promotion') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER menu_promotion_changed AFTER UPDATE ON menu_promotion FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('menu_promotion') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER menu_promotion_removed AFTER DELETE ON menu_promotion FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('menu_promotion') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER allocation_added AFTER INSERT ON allocation FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('allocation') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER allocation_changed AFTER UPDATE ON allocation FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('allocation') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER allocation_removed AFTER DELETE ON allocation FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('allocation') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER inventory_added AFTER INSERT ON inventory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('inventory') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER inventory_changed AFTER UPDATE ON inventory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('inventory') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER inventory_removed AFTER DELETE ON inventory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('inventory') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER inventory_batch_added AFTER INSERT ON inventory_batch FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('inventory_batch') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER inventory_batch_changed AFTER UPDATE ON inventory_batch FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('inventory_batch') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER inventory_batch_removed AFTER DELETE ON inventory_batch FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('inventory_batch') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER retailer_inventory_added AFTER INSERT ON retailer_inventory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('retailer_inventory') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER retailer_inventory_changed AFTER UPDATE ON retailer_inventory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('retailer_inventory') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER retailer_inventory_removed AFTER DELETE ON retailer_inventory FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('retailer_inventory') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER invoice_coa_added AFTER INSERT ON invoice_coa FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('invoice_coa') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER invoice_coa_changed AFTER UPDATE ON invoice_coa FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('invoice_coa') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER invoice_coa_removed AFTER DELETE ON invoice_coa FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('invoice_coa') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_aging_added AFTER INSERT ON ar_aging FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_aging') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_aging_changed AFTER UPDATE ON ar_aging FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_aging') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_aging_removed AFTER DELETE ON ar_aging FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_aging'), ('ar_aging_invoice')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_aging_invoice_added AFTER INSERT ON ar_aging_invoice FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_aging_invoice') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_aging_invoice_changed AFTER UPDATE ON ar_aging_invoice FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_aging_invoice') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER ar_aging_invoice_removed AFTER DELETE ON ar_aging_invoice FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('ar_aging_invoice') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_type_added AFTER INSERT ON payment_type FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_type') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_type_changed AFTER UPDATE ON payment_type FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_type') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_type_removed AFTER DELETE ON payment_type FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_type'), ('payment_type_supplier')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_type_supplier_added AFTER INSERT ON payment_type_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_type_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_type_supplier_changed AFTER UPDATE ON payment_type_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_type_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_type_supplier_removed AFTER DELETE ON payment_type_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_type_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_added AFTER INSERT ON payment FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_changed AFTER UPDATE ON payment FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_removed AFTER DELETE ON payment FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_application_added AFTER INSERT ON payment_application FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_application') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_application_changed AFTER UPDATE ON payment_application FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_application') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER payment_application_removed AFTER DELETE ON payment_application FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('payment_application') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER vendor_added AFTER INSERT ON vendor FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('vendor') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER vendor_changed AFTER UPDATE ON vendor FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('vendor') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER vendor_removed AFTER DELETE ON vendor FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('vendor') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER vendor_route_added AFTER INSERT ON vendor_route FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('vendor_route') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER vendor_route_changed AFTER UPDATE ON vendor_route FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('vendor_route') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER vendor_route_removed AFTER DELETE ON vendor_route FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('vendor_route') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER purchase_added AFTER INSERT ON purchase FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('purchase') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER purchase_changed AFTER UPDATE ON purchase FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('purchase') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER purchase_removed AFTER DELETE ON purchase FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('purchase'), ('purchase_line')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER purchase_line_added AFTER INSERT ON purchase_line FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('purchase_line') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER purchase_line_changed AFTER UPDATE ON purchase_line FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('purchase_line') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER purchase_line_removed AFTER DELETE ON purchase_line FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('purchase_line') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_group_added AFTER INSERT ON sales_rep_group FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_group') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_group_changed AFTER UPDATE ON sales_rep_group FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_group') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_group_removed AFTER DELETE ON sales_rep_group FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_group') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_customer_added AFTER INSERT ON sales_rep_customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_customer_changed AFTER UPDATE ON sales_rep_customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_customer_removed AFTER DELETE ON sales_rep_customer FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_customer') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_supplier_added AFTER INSERT ON sales_rep_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_supplier_changed AFTER UPDATE ON sales_rep_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER sales_rep_supplier_removed AFTER DELETE ON sales_rep_supplier FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('sales_rep_supplier') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

-- No answer shows these two, but what the module remembers of a key must not outlive them.
CREATE OR REPLACE TRIGGER api_key_added AFTER INSERT ON api_key FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('api_key') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER api_key_changed AFTER UPDATE ON api_key FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('api_key') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER api_key_removed AFTER DELETE ON api_key FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('api_key'), ('api_key_account')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER api_key_account_added AFTER INSERT ON api_key_account FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('api_key_account') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER api_key_account_changed AFTER UPDATE ON api_key_account FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('api_key_account') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER api_key_account_removed AFTER DELETE ON api_key_account FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('api_key_account') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

-- ---- the sums of an invoice
--
-- invoice_sum holds them for all lines, invoice_supplier for those of one supplier. A table of their own, because a
-- trigger that writes `invoice` would make every statement on lines that reads `invoice` an error (1442). As many digits as
-- a price times a quantity has: nothing is rounded, so that adding and taking away come out at the sum of the lines
-- after any history. Derived, both: never write them by hand.
CREATE TABLE IF NOT EXISTS invoice_sum (
  invoice_id        BIGINT        NOT NULL PRIMARY KEY,
  total_num_units   DECIMAL(18,2) NOT NULL DEFAULT 0,
  total_cases       DECIMAL(18,6) NOT NULL DEFAULT 0,
  total_full_price  DECIMAL(30,8) NOT NULL DEFAULT 0,
  total_ext_price   DECIMAL(18,6) NOT NULL DEFAULT 0,
  CONSTRAINT invoice_sum_invoice FOREIGN KEY (invoice_id) REFERENCES invoice (invoice_id) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

ALTER TABLE invoice_supplier
  MODIFY total_full_price  DECIMAL(30,8) NOT NULL DEFAULT 0;

CREATE OR REPLACE TRIGGER invoice_line_added AFTER INSERT ON invoice_line FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO invoice_sum (invoice_id, total_num_units, total_cases, total_full_price, total_ext_price)
    VALUES (NEW.invoice_id, NEW.num_units, NEW.cases, NEW.full_price * NEW.num_units, NEW.ext_price)
    ON DUPLICATE KEY UPDATE total_num_units = total_num_units + VALUES(total_num_units),
      total_cases = total_cases + VALUES(total_cases),
      total_full_price = total_full_price + VALUES(total_full_price),
      total_ext_price = total_ext_price + VALUES(total_ext_price);
  IF NEW.supplier_id IS NOT NULL THEN
    INSERT INTO invoice_supplier (supplier_id, invoice_id, customer_id, date, status, is_open,
      total_num_units, total_cases, total_full_price, total_ext_price)
      SELECT NEW.supplier_id, invoice_id, customer_id, date, status, is_open, NEW.num_units, NEW.cases,
        NEW.full_price * NEW.num_units, NEW.ext_price
      FROM invoice WHERE invoice_id = NEW.invoice_id
      ON DUPLICATE KEY UPDATE total_num_units = invoice_supplier.total_num_units + VALUES(total_num_units),
        total_cases = invoice_supplier.total_cases + VALUES(total_cases),
        total_full_price = invoice_supplier.total_full_price + VALUES(total_full_price),
        total_ext_price = invoice_supplier.total_ext_price + VALUES(total_ext_price);
  END IF;
  INSERT INTO revision (dataset) VALUES ('invoice_line') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER invoice_line_changed AFTER UPDATE ON invoice_line FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  IF NOT (NEW.invoice_id = OLD.invoice_id AND NEW.supplier_id <=> OLD.supplier_id AND NEW.num_units = OLD.num_units
    AND NEW.cases = OLD.cases AND NEW.full_price = OLD.full_price AND NEW.ext_price = OLD.ext_price) THEN
    UPDATE invoice_sum SET total_num_units = total_num_units - OLD.num_units, total_cases = total_cases - OLD.cases,
      total_full_price = total_full_price - OLD.full_price * OLD.num_units, total_ext_price = total_ext_price - OLD.ext_price
      WHERE invoice_id = OLD.invoice_id;
    UPDATE invoice_supplier SET total_num_units = total_num_units - OLD.num_units, total_cases = total_cases - OLD.cases,
      total_full_price = total_full_price - OLD.full_price * OLD.num_units, total_ext_price = total_ext_price - OLD.ext_price
      WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id;
    INSERT INTO invoice_sum (invoice_id, total_num_units, total_cases, total_full_price, total_ext_price)
      VALUES (NEW.invoice_id, NEW.num_units, NEW.cases, NEW.full_price * NEW.num_units, NEW.ext_price)
      ON DUPLICATE KEY UPDATE total_num_units = total_num_units + VALUES(total_num_units),
        total_cases = total_cases + VALUES(total_cases),
        total_full_price = total_full_price + VALUES(total_full_price),
        total_ext_price = total_ext_price + VALUES(total_ext_price);
    IF NEW.supplier_id IS NOT NULL THEN
      INSERT INTO invoice_supplier (supplier_id, invoice_id, customer_id, date, status, is_open,
        total_num_units, total_cases, total_full_price, total_ext_price)
        SELECT NEW.supplier_id, invoice_id, customer_id, date, status, is_open, NEW.num_units, NEW.cases,
          NEW.full_price * NEW.num_units, NEW.ext_price
        FROM invoice WHERE invoice_id = NEW.invoice_id
        ON DUPLICATE KEY UPDATE total_num_units = invoice_supplier.total_num_units + VALUES(total_num_units),
          total_cases = invoice_supplier.total_cases + VALUES(total_cases),
          total_full_price = invoice_supplier.total_full_price + VALUES(total_full_price),
          total_ext_price = invoice_supplier.total_ext_price + VALUES(total_ext_price);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM invoice_line WHERE invoice_id = OLD.invoice_id) THEN
      DELETE FROM invoice_sum WHERE invoice_id = OLD.invoice_id;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM invoice_line WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id) THEN
      DELETE FROM invoice_supplier WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id;
    END IF;
  END IF;
  INSERT INTO revision (dataset) VALUES ('invoice_line') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER invoice_line_removed AFTER DELETE ON invoice_line FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  UPDATE invoice_sum SET total_num_units = total_num_units - OLD.num_units, total_cases = total_cases - OLD.cases,
    total_full_price = total_full_price - OLD.full_price * OLD.num_units, total_ext_price = total_ext_price - OLD.ext_price
    WHERE invoice_id = OLD.invoice_id;
  UPDATE invoice_supplier SET total_num_units = total_num_units - OLD.num_units, total_cases = total_cases - OLD.cases,
    total_full_price = total_full_price - OLD.full_price * OLD.num_units, total_ext_price = total_ext_price - OLD.ext_price
    WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id;
  IF NOT EXISTS (SELECT 1 FROM invoice_line WHERE invoice_id = OLD.invoice_id) THEN
    DELETE FROM invoice_sum WHERE invoice_id = OLD.invoice_id;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM invoice_line WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id) THEN
    DELETE FROM invoice_supplier WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id;
  END IF;
  INSERT INTO revision (dataset) VALUES ('invoice_line'), ('invoice_coa')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER invoice_added AFTER INSERT ON invoice FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('invoice') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER invoice_changed AFTER UPDATE ON invoice FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  IF NOT (NEW.invoice_id = OLD.invoice_id AND NEW.date = OLD.date AND NEW.status = OLD.status AND NEW.is_open = OLD.is_open
    AND NEW.customer_id = OLD.customer_id) THEN
    UPDATE invoice_supplier SET customer_id = NEW.customer_id, date = NEW.date, status = NEW.status, is_open = NEW.is_open
      WHERE invoice_id = NEW.invoice_id;
  END IF;
  INSERT INTO revision (dataset) VALUES ('invoice') ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

CREATE OR REPLACE TRIGGER invoice_removed AFTER DELETE ON invoice FOR EACH ROW
IF @kiss_bulk IS NULL OR @kiss_bulk NOT LIKE CONCAT('kissctl:', CONNECTION_ID()) THEN
  INSERT INTO revision (dataset) VALUES ('invoice'), ('invoice_line'), ('invoice_coa')
    ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n));
END IF;

ALTER TABLE invoice
  DROP COLUMN IF EXISTS total_num_units,
  DROP COLUMN IF EXISTS total_cases,
  DROP COLUMN IF EXISTS total_full_price,
  DROP COLUMN IF EXISTS total_ext_price;

-- The sums of the lines that there are. The lines are read with shared locks, so that no writer comes in between.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
INSERT INTO invoice_sum (invoice_id, total_num_units, total_cases, total_full_price, total_ext_price)
  SELECT invoice_id, SUM(num_units), SUM(cases), SUM(full_price * num_units), SUM(ext_price) FROM invoice_line
  WHERE NOT EXISTS (SELECT 1 FROM schema_migration WHERE version >= 2) GROUP BY invoice_id
  ON DUPLICATE KEY UPDATE total_num_units = VALUES(total_num_units), total_cases = VALUES(total_cases),
    total_full_price = VALUES(total_full_price), total_ext_price = VALUES(total_ext_price);
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
INSERT INTO invoice_supplier (supplier_id, invoice_id, customer_id, date, status, is_open, total_num_units, total_cases,
    total_full_price, total_ext_price)
  SELECT l.supplier_id, l.invoice_id, i.customer_id, i.date, i.status, i.is_open, SUM(l.num_units), SUM(l.cases),
    SUM(l.full_price * l.num_units), SUM(l.ext_price)
  FROM invoice_line l JOIN invoice i ON i.invoice_id = l.invoice_id
  WHERE l.supplier_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM schema_migration WHERE version >= 2)
  GROUP BY l.invoice_id, l.supplier_id
  ON DUPLICATE KEY UPDATE total_num_units = VALUES(total_num_units), total_cases = VALUES(total_cases),
    total_full_price = VALUES(total_full_price), total_ext_price = VALUES(total_ext_price);

-- ---- the guard
--
-- TRUNCATE, DROP TABLE, CREATE OR REPLACE TABLE and partitions fire no trigger: a foreign key to each table makes them
-- errors (1701, 1451, 1217). The table is empty and stays so.
CREATE TABLE IF NOT EXISTS truncate_guard (
  id  INT NOT NULL PRIMARY KEY,
  revision               VARCHAR(32) NULL,
  state                  VARCHAR(8) COLLATE utf8mb4_general_ci NULL,
  supplier               INT NULL,
  location               INT NULL,
  portal_user            INT NULL,
  product_category       INT NULL,
  product                INT NULL,
  user_state             INT NULL,
  user_customer          INT NULL,
  user_supplier          INT NULL,
  user_location          INT NULL,
  customer               INT NULL,
  ar_account             INT NULL,
  credit_term            INT NULL,
  customer_credit_term   INT NULL,
  supplier_credit_term   INT NULL,
  promotion              INT NULL,
  promotion_state        INT NULL,
  promotion_product      INT NULL,
  menu_promotion         INT NULL,
  allocation             INT NULL,
  inventory              INT NULL,
  inventory_batch        BIGINT NULL,
  retailer_inventory     BIGINT NULL,
  invoice_coa            BIGINT NULL,
  ar_aging               INT NULL,
  ar_aging_invoice       INT NULL,
  payment_type           INT NULL,
  payment_type_supplier  INT NULL,
  payment                BIGINT NULL,
  payment_application    BIGINT UNSIGNED NULL,
  vendor                 INT NULL,
  vendor_route           INT NULL,
  purchase               BIGINT NULL,
  purchase_line          BIGINT NULL,
  sales_rep_group        INT NULL,
  sales_rep_customer     INT NULL,
  sales_rep_supplier     INT NULL,
  api_key                BIGINT UNSIGNED NULL,
  api_key_account        BIGINT UNSIGNED NULL,
  invoice_line           BIGINT NULL,
  invoice                BIGINT NULL,
  invoice_supplier       BIGINT NULL,
  CONSTRAINT guard_revision FOREIGN KEY (revision) REFERENCES revision (dataset),
  CONSTRAINT guard_state FOREIGN KEY (state) REFERENCES state (state),
  CONSTRAINT guard_supplier FOREIGN KEY (supplier) REFERENCES supplier (supplier_id),
  CONSTRAINT guard_location FOREIGN KEY (location) REFERENCES location (location_id),
  CONSTRAINT guard_portal_user FOREIGN KEY (portal_user) REFERENCES portal_user (user_id),
  CONSTRAINT guard_product_category FOREIGN KEY (product_category) REFERENCES product_category (product_category_id),
  CONSTRAINT guard_product FOREIGN KEY (product) REFERENCES product (product_id),
  CONSTRAINT guard_user_state FOREIGN KEY (user_state) REFERENCES user_state (user_id),
  CONSTRAINT guard_user_customer FOREIGN KEY (user_customer) REFERENCES user_customer (user_id),
  CONSTRAINT guard_user_supplier FOREIGN KEY (user_supplier) REFERENCES user_supplier (user_id),
  CONSTRAINT guard_user_location FOREIGN KEY (user_location) REFERENCES user_location (user_id),
  CONSTRAINT guard_customer FOREIGN KEY (customer) REFERENCES customer (customer_id),
  CONSTRAINT guard_ar_account FOREIGN KEY (ar_account) REFERENCES ar_account (ar_account_id),
  CONSTRAINT guard_credit_term FOREIGN KEY (credit_term) REFERENCES credit_term (term_id),
  CONSTRAINT guard_customer_credit_term FOREIGN KEY (customer_credit_term) REFERENCES customer_credit_term (customer_id),
  CONSTRAINT guard_supplier_credit_term FOREIGN KEY (supplier_credit_term) REFERENCES supplier_credit_term (supplier_id),
  CONSTRAINT guard_promotion FOREIGN KEY (promotion) REFERENCES promotion (promotion_id),
  CONSTRAINT guard_promotion_state FOREIGN KEY (promotion_state) REFERENCES promotion_state (promotion_id),
  CONSTRAINT guard_promotion_product FOREIGN KEY (promotion_product) REFERENCES promotion_product (promotion_id),
  CONSTRAINT guard_menu_promotion FOREIGN KEY (menu_promotion) REFERENCES menu_promotion (menu_promotion_id),
  CONSTRAINT guard_allocation FOREIGN KEY (allocation) REFERENCES allocation (allocation_id),
  CONSTRAINT guard_inventory FOREIGN KEY (inventory) REFERENCES inventory (location_id),
  CONSTRAINT guard_inventory_batch FOREIGN KEY (inventory_batch) REFERENCES inventory_batch (batch_id),
  CONSTRAINT guard_retailer_inventory FOREIGN KEY (retailer_inventory) REFERENCES retailer_inventory (id),
  CONSTRAINT guard_invoice_coa FOREIGN KEY (invoice_coa) REFERENCES invoice_coa (invoice_trans_id),
  CONSTRAINT guard_ar_aging FOREIGN KEY (ar_aging) REFERENCES ar_aging (ar_account_id),
  CONSTRAINT guard_ar_aging_invoice FOREIGN KEY (ar_aging_invoice) REFERENCES ar_aging_invoice (ar_account_id),
  CONSTRAINT guard_payment_type FOREIGN KEY (payment_type) REFERENCES payment_type (payment_type_id),
  CONSTRAINT guard_payment_type_supplier FOREIGN KEY (payment_type_supplier)
    REFERENCES payment_type_supplier (payment_type_id),
  CONSTRAINT guard_payment FOREIGN KEY (payment) REFERENCES payment (payment_id),
  CONSTRAINT guard_payment_application FOREIGN KEY (payment_application) REFERENCES payment_application (allocation_no),
  CONSTRAINT guard_vendor FOREIGN KEY (vendor) REFERENCES vendor (vendor_id),
  CONSTRAINT guard_vendor_route FOREIGN KEY (vendor_route) REFERENCES vendor_route (vendor_id),
  CONSTRAINT guard_purchase FOREIGN KEY (purchase) REFERENCES purchase (purchase_id),
  CONSTRAINT guard_purchase_line FOREIGN KEY (purchase_line) REFERENCES purchase_line (purchase_trans_id),
  CONSTRAINT guard_sales_rep_group FOREIGN KEY (sales_rep_group) REFERENCES sales_rep_group (user_id),
  CONSTRAINT guard_sales_rep_customer FOREIGN KEY (sales_rep_customer) REFERENCES sales_rep_customer (user_id),
  CONSTRAINT guard_sales_rep_supplier FOREIGN KEY (sales_rep_supplier) REFERENCES sales_rep_supplier (user_id),
  CONSTRAINT guard_api_key FOREIGN KEY (api_key) REFERENCES api_key (key_id),
  CONSTRAINT guard_api_key_account FOREIGN KEY (api_key_account) REFERENCES api_key_account (key_id),
  CONSTRAINT guard_invoice_line FOREIGN KEY (invoice_line) REFERENCES invoice_line (invoice_trans_id),
  CONSTRAINT guard_invoice FOREIGN KEY (invoice) REFERENCES invoice (invoice_id),
  CONSTRAINT guard_invoice_supplier FOREIGN KEY (invoice_supplier) REFERENCES invoice_supplier (invoice_id),
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
