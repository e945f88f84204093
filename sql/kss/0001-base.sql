-- mod_kiss, KSS API: tables, revisions, triggers.
--
-- Run by `kissctl kss schema install`, which sends a whole file at once: no DELIMITER lines are needed or understood.
-- Every statement may be run again (IF NOT EXISTS, OR REPLACE), so that an interrupted installation is simply repeated.
--
-- Ids are the distributor's own (an ERP's), so nothing here counts them up except requests and keys. Times are UTC.
-- Money has six decimals: sub-cent amounts occur. State abbreviations compare without case, all other text byte for byte.

CREATE TABLE IF NOT EXISTS schema_migration (
  version     INT UNSIGNED NOT NULL PRIMARY KEY,
  title       VARCHAR(100) NOT NULL,
  applied_at  TIMESTAMP    NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- One row per table that an answer can depend on. `n` grows in the transaction that changes the table, so whoever sees
-- the new number sees the new data. `epoch` is made once per installation; it keeps ETags of another database apart.
CREATE TABLE IF NOT EXISTS revision (
  dataset     VARCHAR(32)     NOT NULL,
  scope       VARCHAR(64)     NOT NULL DEFAULT '',
  n           BIGINT UNSIGNED NOT NULL DEFAULT 1,
  changed_at  TIMESTAMP       NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (dataset, scope)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

INSERT IGNORE INTO revision (dataset, scope, n) VALUES
  ('epoch', '', CONV(SUBSTRING(SHA2(CONCAT(UUID(), RAND(), NOW(6)), 256), 1, 15), 16, 10));

-- ---- who and where

CREATE TABLE IF NOT EXISTS state (
  state                         VARCHAR(8) COLLATE utf8mb4_general_ci NOT NULL PRIMARY KEY,
  state_name                    VARCHAR(100) NOT NULL DEFAULT '',
  order_cut_off_time            VARCHAR(20)  NOT NULL DEFAULT '',
  time_zone                     VARCHAR(64)  NOT NULL DEFAULT '',
  order_cut_off_days_in_advance INT          NOT NULL DEFAULT 0,
  active                        BOOLEAN      NOT NULL DEFAULT 1,
  time_updated                  DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- A state of '' means that a supplier or product belongs to no particular state: every customer may buy it.
CREATE TABLE IF NOT EXISTS supplier (
  supplier_id           INT          NOT NULL PRIMARY KEY,
  supplier              VARCHAR(200) NOT NULL DEFAULT '',
  state                 VARCHAR(8) COLLATE utf8mb4_general_ci NOT NULL DEFAULT '',
  active                BOOLEAN      NOT NULL DEFAULT 1,
  description           TEXT         NULL,
  brand_assets_url      VARCHAR(1000) NULL,
  supplier_website_url  VARCHAR(1000) NULL,
  time_updated          DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY active (active, supplier_id),
  KEY state (state, supplier_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS location (
  location_id   INT          NOT NULL PRIMARY KEY,
  location      VARCHAR(200) NOT NULL DEFAULT '',
  dba           VARCHAR(200) NOT NULL DEFAULT '',
  address       VARCHAR(200) NOT NULL DEFAULT '',
  address2      VARCHAR(200) NULL,
  address3      VARCHAR(200) NULL,
  city          VARCHAR(100) NOT NULL DEFAULT '',
  state         VARCHAR(8) COLLATE utf8mb4_general_ci NOT NULL DEFAULT '',
  postal_code   VARCHAR(20)  NOT NULL DEFAULT '',
  time_updated  DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY state (state, location_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS portal_user (
  user_id              INT          NOT NULL PRIMARY KEY,
  site_user_id         INT          NOT NULL DEFAULT 0,
  active               BOOLEAN      NOT NULL DEFAULT 1,
  kss_live_access      BOOLEAN      NOT NULL DEFAULT 0,
  email                VARCHAR(320) NULL,
  role                 ENUM('Customer', 'Supplier', 'Admin', 'DistributorRep') NOT NULL,
  power_user           BOOLEAN      NOT NULL DEFAULT 0,
  job_title            VARCHAR(200) NULL,
  department           VARCHAR(200) NULL,
  full_name            VARCHAR(200) NOT NULL DEFAULT '',
  phone                VARCHAR(50)  NULL,
  profile_picture_url  VARCHAR(1000) NULL,
  time_updated         DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY role (role, active, user_id),
  KEY active (active, user_id),
  KEY full_name (full_name, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS user_state (
  user_id  INT NOT NULL,
  state    VARCHAR(8) COLLATE utf8mb4_general_ci NOT NULL,
  PRIMARY KEY (user_id, state),
  KEY state (state, user_id),
  CONSTRAINT user_state_user FOREIGN KEY (user_id) REFERENCES portal_user (user_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS credit_term (
  term_id          INT          NOT NULL PRIMARY KEY,
  term             VARCHAR(100) NOT NULL DEFAULT '',
  days_of_credit   INT          NOT NULL DEFAULT 0,
  account_on_hold  BOOLEAN      NOT NULL DEFAULT 0,
  time_updated     DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS customer (
  customer_id               INT          NOT NULL PRIMARY KEY,
  customer_name             VARCHAR(200) NOT NULL DEFAULT '',
  customer_name_alt         VARCHAR(200) NULL,
  chain_name                VARCHAR(200) NULL,
  license_num               VARCHAR(100) NULL,
  address                   VARCHAR(200) NOT NULL DEFAULT '',
  city                      VARCHAR(100) NOT NULL DEFAULT '',
  state                     VARCHAR(8) COLLATE utf8mb4_general_ci NOT NULL DEFAULT '',
  postal_code               VARCHAR(20)  NOT NULL DEFAULT '',
  location_id               INT          NULL COMMENT 'warehouse that serves the customer',
  account_status            ENUM('Active', 'Inactive', 'OutOfBus') NOT NULL DEFAULT 'Active',
  on_hold                   BOOLEAN      NOT NULL DEFAULT 0,
  sales_rep_user_id         INT          NULL,
  collection_agent_user_id  INT          NULL,
  delivery_days             VARCHAR(20)  NULL COMMENT 'weekdays, 1 Monday to 7 Sunday, joined by ;',
  delivery_minimum          DECIMAL(12,2) NULL,
  time_updated              DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY account_status (account_status, customer_id),
  KEY state (state, account_status, customer_id),
  CONSTRAINT customer_location FOREIGN KEY (location_id) REFERENCES location (location_id),
  CONSTRAINT customer_sales_rep FOREIGN KEY (sales_rep_user_id) REFERENCES portal_user (user_id),
  CONSTRAINT customer_collection_agent FOREIGN KEY (collection_agent_user_id) REFERENCES portal_user (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Who pays. A customer can have several accounts.
CREATE TABLE IF NOT EXISTS ar_account (
  ar_account_id  INT          NOT NULL PRIMARY KEY,
  customer_id    INT          NOT NULL,
  name           VARCHAR(200) NOT NULL DEFAULT '',
  KEY customer (customer_id, ar_account_id),
  CONSTRAINT ar_account_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS user_customer (
  user_id      INT NOT NULL,
  customer_id  INT NOT NULL,
  PRIMARY KEY (user_id, customer_id),
  KEY customer (customer_id, user_id),
  CONSTRAINT user_customer_user FOREIGN KEY (user_id) REFERENCES portal_user (user_id) ON DELETE CASCADE,
  CONSTRAINT user_customer_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS user_supplier (
  user_id      INT NOT NULL,
  supplier_id  INT NOT NULL,
  PRIMARY KEY (user_id, supplier_id),
  KEY supplier (supplier_id, user_id),
  CONSTRAINT user_supplier_user FOREIGN KEY (user_id) REFERENCES portal_user (user_id) ON DELETE CASCADE,
  CONSTRAINT user_supplier_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS user_location (
  user_id      INT NOT NULL,
  location_id  INT NOT NULL,
  PRIMARY KEY (user_id, location_id),
  CONSTRAINT user_location_user FOREIGN KEY (user_id) REFERENCES portal_user (user_id) ON DELETE CASCADE,
  CONSTRAINT user_location_location FOREIGN KEY (location_id) REFERENCES location (location_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Sales representatives are users; product group 'Supplier' makes one a Supplier Rep, any other a Territory Manager.
CREATE TABLE IF NOT EXISTS sales_rep_group (
  user_id        INT          NOT NULL,
  product_group  VARCHAR(100) NOT NULL,
  PRIMARY KEY (user_id, product_group),
  CONSTRAINT sales_rep_group_user FOREIGN KEY (user_id) REFERENCES portal_user (user_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS sales_rep_customer (
  user_id      INT NOT NULL,
  customer_id  INT NOT NULL,
  PRIMARY KEY (user_id, customer_id),
  KEY customer (customer_id, user_id),
  CONSTRAINT sales_rep_customer_user FOREIGN KEY (user_id) REFERENCES portal_user (user_id) ON DELETE CASCADE,
  CONSTRAINT sales_rep_customer_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS sales_rep_supplier (
  user_id      INT NOT NULL,
  supplier_id  INT NOT NULL,
  PRIMARY KEY (user_id, supplier_id),
  KEY supplier (supplier_id, user_id),
  CONSTRAINT sales_rep_supplier_user FOREIGN KEY (user_id) REFERENCES portal_user (user_id) ON DELETE CASCADE,
  CONSTRAINT sales_rep_supplier_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS customer_credit_term (
  customer_id   INT         NOT NULL,
  supplier_id   INT         NOT NULL,
  term_id       INT         NOT NULL,
  time_updated  DATETIME(3) NOT NULL DEFAULT UTC_TIMESTAMP(3),
  PRIMARY KEY (customer_id, supplier_id),
  KEY supplier (supplier_id, customer_id),
  CONSTRAINT customer_credit_term_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id),
  CONSTRAINT customer_credit_term_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id),
  CONSTRAINT customer_credit_term_term FOREIGN KEY (term_id) REFERENCES credit_term (term_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS supplier_credit_term (
  supplier_id   INT         NOT NULL,
  term_id       INT         NOT NULL,
  time_updated  DATETIME(3) NOT NULL DEFAULT UTC_TIMESTAMP(3),
  PRIMARY KEY (supplier_id, term_id),
  KEY term (term_id, supplier_id),
  CONSTRAINT supplier_credit_term_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id),
  CONSTRAINT supplier_credit_term_term FOREIGN KEY (term_id) REFERENCES credit_term (term_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- catalogue, promotions

CREATE TABLE IF NOT EXISTS product_category (
  product_category_id  INT          NOT NULL PRIMARY KEY,
  category_name        VARCHAR(200) NOT NULL DEFAULT '',
  sequence             INT          NOT NULL DEFAULT 0,
  time_updated         DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY sequence (sequence, product_category_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS product (
  product_id                INT           NOT NULL PRIMARY KEY,
  supplier_id               INT           NULL,
  product_name              VARCHAR(300)  NOT NULL DEFAULT '',
  brand_family              VARCHAR(200)  NOT NULL DEFAULT '',
  product_type_id           INT           NOT NULL DEFAULT 0,
  product_type_name         VARCHAR(200)  NOT NULL DEFAULT '',
  unit_net_weight           VARCHAR(50)   NOT NULL DEFAULT '',
  wholesale_units_per_case  DECIMAL(12,2) NOT NULL DEFAULT 1,
  description               TEXT          NULL,
  ingredients               TEXT          NULL,
  thumbnail_image_url       VARCHAR(1000) NULL,
  full_size_image_url       VARCHAR(1000) NULL,
  potency                   VARCHAR(100)  NULL,
  potency_thc               VARCHAR(100)  NULL,
  blend                     VARCHAR(50)   NULL,
  product_category_id       INT           NULL,
  status_id                 TINYINT       NOT NULL DEFAULT 1 COMMENT '0 Discontinued, 1 Active, 2 Pre-order, 3 Manufacture, 4 Unavailable, 5 Close Out',
  state                     VARCHAR(8) COLLATE utf8mb4_general_ci NOT NULL DEFAULT '',
  is_sample                 BOOLEAN       NOT NULL DEFAULT 0,
  product_group_id          INT           NOT NULL DEFAULT 0,
  brand_style               VARCHAR(200)  NULL,
  package_id                INT           NOT NULL DEFAULT 0,
  package_name              VARCHAR(200)  NOT NULL DEFAULT '',
  strain_id                 INT           NULL,
  strain_name               VARCHAR(200)  NULL,
  flavor                    VARCHAR(200)  NULL,
  brand_id                  INT           NOT NULL DEFAULT 0,
  brand_name                VARCHAR(200)  NOT NULL DEFAULT '',
  supplier_product_number   VARCHAR(100)  NULL,
  full_price                DECIMAL(18,6) NOT NULL DEFAULT 0 COMMENT 'list price per unit; shown by /customerPricing only',
  time_updated              DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY status (status_id, product_id, state, supplier_id),
  KEY supplier (supplier_id, status_id, product_id),
  KEY state (state, status_id, product_id),
  KEY supplier_product_number (supplier_product_number, product_id),
  CONSTRAINT product_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id),
  CONSTRAINT product_product_category FOREIGN KEY (product_category_id) REFERENCES product_category (product_category_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS promotion (
  promotion_id           INT           NOT NULL PRIMARY KEY,
  supplier_id            INT           NOT NULL,
  promotion_type_id      INT           NOT NULL DEFAULT 0,
  promotion_name         VARCHAR(200)  NOT NULL DEFAULT '',
  product_override_type  VARCHAR(50)   NOT NULL DEFAULT 'none',
  unit_price             DECIMAL(18,6) NULL COMMENT 'the resulting price; NULL: no price promotion',
  start_date             DATE          NOT NULL,
  end_date               DATE          NULL COMMENT 'NULL: open end',
  all_products           BOOLEAN       NOT NULL DEFAULT 0 COMMENT 'covers every product of the supplier',
  time_updated           DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY supplier (supplier_id, promotion_id),
  KEY all_products (supplier_id, all_products, start_date),
  CONSTRAINT promotion_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS promotion_state (
  promotion_id  INT NOT NULL,
  state         VARCHAR(8) COLLATE utf8mb4_general_ci NOT NULL,
  PRIMARY KEY (promotion_id, state),
  KEY state (state, promotion_id),
  CONSTRAINT promotion_state_promotion FOREIGN KEY (promotion_id) REFERENCES promotion (promotion_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS promotion_product (
  promotion_id  INT NOT NULL,
  product_id    INT NOT NULL,
  PRIMARY KEY (promotion_id, product_id),
  KEY product (product_id, promotion_id),
  CONSTRAINT promotion_product_promotion FOREIGN KEY (promotion_id) REFERENCES promotion (promotion_id) ON DELETE CASCADE,
  CONSTRAINT promotion_product_product FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS menu_promotion (
  menu_promotion_id  INT          NOT NULL PRIMARY KEY,
  supplier_id        INT          NOT NULL,
  state              VARCHAR(8) COLLATE utf8mb4_general_ci NOT NULL DEFAULT '',
  description        TEXT         NOT NULL DEFAULT '',
  start_date         DATE         NOT NULL,
  end_date           DATE         NOT NULL,
  time_created       DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated       DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY supplier (supplier_id, menu_promotion_id),
  KEY state (state, menu_promotion_id),
  CONSTRAINT menu_promotion_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS allocation (
  allocation_id       INT           NOT NULL,
  product_id          INT           NOT NULL,
  customer_id         INT           NOT NULL,
  units               DECIMAL(14,2) NOT NULL DEFAULT 0,
  allocation_type_id  INT           NOT NULL DEFAULT 0,
  start_date          DATE          NOT NULL,
  end_date            DATE          NOT NULL,
  time_updated        DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  PRIMARY KEY (allocation_id, product_id, customer_id),
  KEY customer (customer_id, allocation_id, product_id),
  KEY product (product_id, allocation_id, customer_id),
  CONSTRAINT allocation_product FOREIGN KEY (product_id) REFERENCES product (product_id),
  CONSTRAINT allocation_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- stock

CREATE TABLE IF NOT EXISTS inventory (
  location_id          INT           NOT NULL,
  product_id           INT           NOT NULL,
  on_floor_inventory   DECIMAL(14,2) NOT NULL DEFAULT 0,
  pre_sales            DECIMAL(14,2) NOT NULL DEFAULT 0,
  allocated            DECIMAL(14,2) NOT NULL DEFAULT 0,
  not_authorized       BOOLEAN       NOT NULL DEFAULT 0,
  purchase_trans_id    BIGINT        NOT NULL DEFAULT 0,
  doi                  DECIMAL(14,2) NOT NULL DEFAULT 0,
  avg_daily_sales_90d  DECIMAL(14,2) NOT NULL DEFAULT 0,
  received             DECIMAL(14,2) NOT NULL DEFAULT 0,
  loaded               DECIMAL(14,2) NOT NULL DEFAULT 0,
  picked               DECIMAL(14,2) NOT NULL DEFAULT 0,
  delivered            DECIMAL(14,2) NOT NULL DEFAULT 0,
  unsellable           DECIMAL(14,2) NOT NULL DEFAULT 0,
  time_updated         DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  PRIMARY KEY (location_id, product_id),
  KEY product (product_id, location_id),
  CONSTRAINT inventory_location FOREIGN KEY (location_id) REFERENCES location (location_id),
  CONSTRAINT inventory_product FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS inventory_batch (
  batch_id                  BIGINT        NOT NULL PRIMARY KEY,
  location_id               INT           NOT NULL,
  product_id                INT           NOT NULL,
  inventory_units           DECIMAL(14,2) NOT NULL DEFAULT 0,
  purchase_trans_id         BIGINT        NOT NULL DEFAULT 0,
  expiration_date           DATE          NULL,
  coa_url                   VARCHAR(1000) NULL,
  batch_code                VARCHAR(100)  NOT NULL DEFAULT '',
  vintage                   VARCHAR(50)   NULL,
  uid                       VARCHAR(50)   NULL,
  laboratory                VARCHAR(200)  NULL,
  best_by_date              DATE          NULL,
  harvest_date              DATE          NULL,
  manufacture_date          DATE          NULL,
  pack_date                 DATE          NULL,
  coa_expiration_date       DATE          NULL,
  potency_type              VARCHAR(50)   NOT NULL DEFAULT '',
  thc_potency               DECIMAL(12,4) NULL,
  cbd_potency               DECIMAL(12,4) NULL,
  total_cannabinoids        DECIMAL(12,4) NULL,
  label_thc_potency         DECIMAL(12,4) NULL,
  label_cbd_potency         DECIMAL(12,4) NULL,
  label_total_cannabinoids  DECIMAL(12,4) NULL,
  time_created              DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated              DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY place (location_id, product_id, batch_id),
  KEY product (product_id, location_id, batch_id),
  KEY batch_code (batch_code),
  CONSTRAINT inventory_batch_location FOREIGN KEY (location_id) REFERENCES location (location_id),
  CONSTRAINT inventory_batch_product FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS retailer_inventory (
  id                   BIGINT        NOT NULL PRIMARY KEY,
  product_id           INT           NOT NULL,
  customer_id          INT           NOT NULL,
  last_inventory_date  DATETIME(3)   NOT NULL DEFAULT '2000-01-01 00:00:00' COMMENT 'about 2000: never counted',
  inventory            DECIMAL(14,2) NOT NULL DEFAULT 0,
  daily_sales          DECIMAL(14,2) NOT NULL DEFAULT 0,
  time_created         DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated         DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY place (customer_id, product_id, id),
  KEY product (product_id, customer_id, id),
  CONSTRAINT retailer_inventory_product FOREIGN KEY (product_id) REFERENCES product (product_id),
  CONSTRAINT retailer_inventory_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- invoices

-- The total_* columns sum the lines; invoice_supplier holds the same per supplier. Triggers and the import keep both.
CREATE TABLE IF NOT EXISTS invoice (
  invoice_id              BIGINT        NOT NULL PRIMARY KEY,
  customer_id             INT           NOT NULL,
  ar_account_id           INT           NULL,
  invoice_num             VARCHAR(64)   NOT NULL,
  open_debit              DECIMAL(18,6) NOT NULL DEFAULT 0,
  open_credit             DECIMAL(18,6) NOT NULL DEFAULT 0,
  open_balance            DECIMAL(18,6) AS (open_debit - open_credit) PERSISTENT,
  is_open                 BOOLEAN       AS (open_debit <> open_credit) PERSISTENT,
  po_num                  VARCHAR(100)  NULL,
  po_date                 DATETIME(3)   NULL,
  term_id                 INT           NULL,
  pdf_url                 VARCHAR(1000) NULL,
  memo                    TEXT          NULL,
  date                    DATETIME(3)   NOT NULL,
  due_date                DATETIME(3)   NULL,
  status                  TINYINT       NOT NULL COMMENT '1 New, 2 Locked for Routing, 3 Loaded, 4 Returned, 5 Balanced, 7 Verified',
  invoice_total           DECIMAL(18,6) NOT NULL DEFAULT 0,
  submitted_by_user_id    INT           NULL,
  built_by_user_id        INT           NULL,
  ar_note                 TEXT          NULL,
  total_num_units         DECIMAL(18,2) NOT NULL DEFAULT 0,
  total_cases             DECIMAL(18,6) NOT NULL DEFAULT 0,
  total_full_price        DECIMAL(18,6) NOT NULL DEFAULT 0,
  total_ext_price         DECIMAL(18,6) NOT NULL DEFAULT 0,
  invoice_time_created    DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  invoice_last_updated    DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  UNIQUE KEY invoice_num (invoice_num),
  KEY status (status, date, invoice_id, customer_id),
  KEY date (date, invoice_id, status, customer_id),
  KEY customer (customer_id, date, invoice_id, status),
  KEY open (is_open, date, invoice_id, ar_account_id),
  KEY ar_account (ar_account_id, is_open, date, invoice_id),
  CONSTRAINT invoice_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id),
  CONSTRAINT invoice_ar_account FOREIGN KEY (ar_account_id) REFERENCES ar_account (ar_account_id),
  CONSTRAINT invoice_term FOREIGN KEY (term_id) REFERENCES credit_term (term_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS invoice_line (
  invoice_trans_id  BIGINT        NOT NULL PRIMARY KEY,
  invoice_id        BIGINT        NOT NULL,
  product_id        INT           NOT NULL,
  supplier_id       INT           NULL COMMENT 'of the product when it was sold',
  cases             DECIMAL(18,6) NOT NULL DEFAULT 0,
  num_units         DECIMAL(14,2) NOT NULL DEFAULT 0,
  ordered           DECIMAL(14,2) NOT NULL DEFAULT 0,
  back_order        DECIMAL(14,2) NOT NULL DEFAULT 0,
  full_price        DECIMAL(18,6) NOT NULL DEFAULT 0 COMMENT 'per unit',
  unit_price        DECIMAL(18,6) NOT NULL DEFAULT 0,
  ext_price         DECIMAL(18,6) NOT NULL DEFAULT 0,
  promotion_id      INT           NULL,
  batch_code        VARCHAR(100)  NULL,
  reason_id         INT           NULL,
  reason            VARCHAR(200)  NULL,
  time_created      DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated      DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY invoice (invoice_id, invoice_trans_id, supplier_id),
  KEY supplier (supplier_id, invoice_id),
  KEY product (product_id),
  CONSTRAINT invoice_line_invoice FOREIGN KEY (invoice_id) REFERENCES invoice (invoice_id) ON DELETE CASCADE,
  CONSTRAINT invoice_line_product FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- What one supplier has on an invoice, with the invoice's date and status, so that a supplier's page of invoices is one
-- range of an index. Derived: never write it by hand.
CREATE TABLE IF NOT EXISTS invoice_supplier (
  supplier_id       INT           NOT NULL,
  invoice_id        BIGINT        NOT NULL,
  customer_id       INT           NOT NULL,
  date              DATETIME(3)   NOT NULL,
  status            TINYINT       NOT NULL,
  is_open           BOOLEAN       NOT NULL,
  total_num_units   DECIMAL(18,2) NOT NULL DEFAULT 0,
  total_cases       DECIMAL(18,6) NOT NULL DEFAULT 0,
  total_full_price  DECIMAL(18,6) NOT NULL DEFAULT 0,
  total_ext_price   DECIMAL(18,6) NOT NULL DEFAULT 0,
  PRIMARY KEY (invoice_id, supplier_id),
  KEY status (supplier_id, status, date, invoice_id, customer_id),
  KEY date (supplier_id, date, invoice_id, status, customer_id),
  KEY open (supplier_id, is_open, date, invoice_id),
  CONSTRAINT invoice_supplier_invoice FOREIGN KEY (invoice_id) REFERENCES invoice (invoice_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Certificate of analysis of the batch that a line was filled from.
CREATE TABLE IF NOT EXISTS invoice_coa (
  invoice_trans_id  BIGINT        NOT NULL PRIMARY KEY,
  coa_url           VARCHAR(1000) NOT NULL,
  time_created      DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated      DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  CONSTRAINT invoice_coa_line FOREIGN KEY (invoice_trans_id) REFERENCES invoice_line (invoice_trans_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Receivables as of the last end of day. A bucket's amount is the sum of its rows in ar_aging_invoice.
CREATE TABLE IF NOT EXISTS ar_aging (
  ar_account_id   INT           NOT NULL,
  supplier_id     INT           NOT NULL,
  open_credit     DECIMAL(18,6) NOT NULL DEFAULT 0,
  close_date      DATETIME(3)   NULL,
  statement_link  VARCHAR(1000) NULL,
  statement_date  DATETIME(3)   NULL,
  time_created    DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated    DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  PRIMARY KEY (ar_account_id, supplier_id),
  KEY supplier (supplier_id, ar_account_id),
  CONSTRAINT ar_aging_ar_account FOREIGN KEY (ar_account_id) REFERENCES ar_account (ar_account_id),
  CONSTRAINT ar_aging_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS ar_aging_invoice (
  ar_account_id  INT           NOT NULL,
  supplier_id    INT           NOT NULL,
  bucket         ENUM('Current', '1_30', '31_60', '61_90', '91', 'Credit') NOT NULL,
  invoice_id     BIGINT        NOT NULL,
  open_balance   DECIMAL(18,6) NOT NULL DEFAULT 0,
  PRIMARY KEY (ar_account_id, supplier_id, bucket, invoice_id),
  CONSTRAINT ar_aging_invoice_row FOREIGN KEY (ar_account_id, supplier_id) REFERENCES ar_aging (ar_account_id, supplier_id) ON DELETE CASCADE,
  CONSTRAINT ar_aging_invoice_invoice FOREIGN KEY (invoice_id) REFERENCES invoice (invoice_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- payments

CREATE TABLE IF NOT EXISTS payment_type (
  payment_type_id  INT          NOT NULL PRIMARY KEY COMMENT '-1: the generic type that every supplier sees',
  name             VARCHAR(100) NOT NULL DEFAULT '',
  time_created     DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated     DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS payment_type_supplier (
  payment_type_id  INT NOT NULL,
  supplier_id      INT NOT NULL,
  PRIMARY KEY (payment_type_id, supplier_id),
  KEY supplier (supplier_id, payment_type_id),
  CONSTRAINT payment_type_supplier_type FOREIGN KEY (payment_type_id) REFERENCES payment_type (payment_type_id) ON DELETE CASCADE,
  CONSTRAINT payment_type_supplier_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS payment (
  payment_id            BIGINT        NOT NULL PRIMARY KEY,
  payment_invoice_id    BIGINT        NOT NULL DEFAULT 0,
  payment_invoice_num   VARCHAR(64)   NOT NULL,
  ar_account_id         INT           NOT NULL,
  payment_type_id       INT           NOT NULL,
  amount                DECIMAL(18,6) NOT NULL DEFAULT 0 COMMENT 'negative: a reversed payment',
  supplier_id           INT           NULL,
  load_sheet_status_id  INT           NOT NULL DEFAULT 7,
  post_date             DATETIME(3)   NOT NULL,
  ar_note               TEXT          NULL,
  memo                  TEXT          NULL,
  time_created          DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated          DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  UNIQUE KEY payment_invoice_num (payment_invoice_num),
  KEY post_date (post_date, payment_id),
  KEY ar_account (ar_account_id, post_date, payment_id),
  KEY supplier (supplier_id, post_date, payment_id),
  KEY payment_type (payment_type_id, post_date, payment_id),
  CONSTRAINT payment_ar_account FOREIGN KEY (ar_account_id) REFERENCES ar_account (ar_account_id),
  CONSTRAINT payment_payment_type FOREIGN KEY (payment_type_id) REFERENCES payment_type (payment_type_id),
  CONSTRAINT payment_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Allocations of payments to invoices: requested through the API (request_id), made in the back office
-- (payment_application_id), or both once a request is confirmed.
CREATE TABLE IF NOT EXISTS payment_application (
  allocation_no           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  payment_application_id  BIGINT        NULL COMMENT 'NULL until confirmed',
  request_id              BIGINT        NULL COMMENT 'NULL when made in the back office',
  payment_id              BIGINT        NOT NULL,
  target_invoice_id       BIGINT        NOT NULL,
  ar_account_id           INT           NOT NULL,
  amount                  DECIMAL(18,6) NOT NULL,
  status                  ENUM('Pending', 'Exported', 'Confirmed', 'Rejected') NOT NULL,
  requested_by_user_id    INT           NULL,
  applied_by              VARCHAR(100)  NULL,
  time_requested          DATETIME(3)   NULL,
  time_exported           DATETIME(3)   NULL,
  time_applied            DATETIME(3)   NULL,
  time_created            DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated            DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  -- The order of the list: not yet applied first, then newest first.
  is_waiting              BOOLEAN       AS (time_applied IS NULL) PERSISTENT,
  sort_time               DATETIME(3)   AS (COALESCE(time_applied, time_requested, time_created)) PERSISTENT,
  UNIQUE KEY payment_application_id (payment_application_id),
  UNIQUE KEY request_id (request_id),
  KEY sort (is_waiting, sort_time, payment_application_id, allocation_no),
  KEY ar_account (ar_account_id, is_waiting, sort_time, payment_application_id, allocation_no),
  KEY payment (payment_id, status, amount),
  KEY target (target_invoice_id),
  KEY status (status, time_requested),
  CONSTRAINT payment_application_payment FOREIGN KEY (payment_id) REFERENCES payment (payment_id),
  CONSTRAINT payment_application_target FOREIGN KEY (target_invoice_id) REFERENCES invoice (invoice_id),
  CONSTRAINT payment_application_ar_account FOREIGN KEY (ar_account_id) REFERENCES ar_account (ar_account_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- purchases

CREATE TABLE IF NOT EXISTS vendor (
  vendor_id              INT          NOT NULL PRIMARY KEY,
  vendor_name            VARCHAR(200) NOT NULL DEFAULT '',
  vendor_license_number  VARCHAR(100) NULL,
  vendor_address         VARCHAR(200) NULL,
  vendor_address2        VARCHAR(200) NULL,
  vendor_city            VARCHAR(100) NULL,
  vendor_state           VARCHAR(8) COLLATE utf8mb4_general_ci NULL,
  vendor_postal_code     VARCHAR(20)  NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- From which vendor a supplier ships to which warehouse.
CREATE TABLE IF NOT EXISTS vendor_route (
  vendor_id               INT          NOT NULL,
  supplier_id             INT          NOT NULL,
  location_id             INT          NOT NULL,
  lead_time_days          INT          NOT NULL DEFAULT 0,
  target_doi              INT          NOT NULL DEFAULT 0,
  max_doi                 INT          NOT NULL DEFAULT 0,
  pickup_dates            VARCHAR(500) NOT NULL DEFAULT '' COMMENT 'weekday names or dates, joined by ;',
  require_po_batch_codes  BOOLEAN      NOT NULL DEFAULT 0,
  active                  BOOLEAN      NOT NULL DEFAULT 1,
  time_updated            DATETIME(3)  NOT NULL DEFAULT UTC_TIMESTAMP(3),
  PRIMARY KEY (vendor_id, supplier_id, location_id),
  KEY supplier (supplier_id, vendor_id, location_id),
  CONSTRAINT vendor_route_vendor FOREIGN KEY (vendor_id) REFERENCES vendor (vendor_id),
  CONSTRAINT vendor_route_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id),
  CONSTRAINT vendor_route_location FOREIGN KEY (location_id) REFERENCES location (location_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS purchase (
  purchase_id                     BIGINT        NOT NULL PRIMARY KEY,
  supplier_id                     INT           NOT NULL,
  vendor_id                       INT           NOT NULL,
  to_location_id                  INT           NOT NULL,
  receive_date                    DATETIME(3)   NULL,
  shipment_num                    VARCHAR(100)  NULL,
  shipment_id                     BIGINT        NULL,
  post_date                       DATETIME(3)   NULL COMMENT 'NULL while not posted',
  status                          ENUM('New', 'Accepted', 'Received', 'Confirmed', 'Verified') NOT NULL,
  po_num                          VARCHAR(100)  NULL,
  freight                         DECIMAL(18,6) NOT NULL DEFAULT 0,
  tax                             DECIMAL(18,6) NOT NULL DEFAULT 0,
  other_cost                      DECIMAL(18,6) NOT NULL DEFAULT 0,
  total                           DECIMAL(18,6) NOT NULL DEFAULT 0,
  total_cases                     DECIMAL(18,6) NOT NULL DEFAULT 0,
  public_pdf_link                 VARCHAR(1000) NULL,
  memo                            TEXT          NULL,
  invoice_date                    DATETIME(3)   NULL,
  due_date                        DATETIME(3)   NULL,
  term_id                         INT           NULL,
  last_edit_time                  DATETIME(3)   NULL,
  last_calc_time                  DATETIME(3)   NULL,
  receiving_num                   VARCHAR(100)  NULL,
  purchase_global_id              CHAR(26)      NULL,
  purchase_global_id_exported_at  DATETIME(3)   NULL,
  purchase_pdf_url_api_key_id     BIGINT        NULL,
  time_created                    DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated                    DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  -- The order of the list: not yet posted first, then newest first.
  sort_date                       DATETIME(3)   AS (COALESCE(post_date, TIMESTAMP'9999-12-31 00:00:00')) PERSISTENT,
  KEY sort (sort_date DESC, purchase_id),
  KEY supplier (supplier_id, sort_date DESC, purchase_id),
  KEY status (status, sort_date DESC, purchase_id),
  KEY vendor (vendor_id, sort_date DESC, purchase_id),
  KEY location (to_location_id, sort_date DESC, purchase_id),
  CONSTRAINT purchase_supplier FOREIGN KEY (supplier_id) REFERENCES supplier (supplier_id),
  CONSTRAINT purchase_vendor FOREIGN KEY (vendor_id) REFERENCES vendor (vendor_id),
  CONSTRAINT purchase_location FOREIGN KEY (to_location_id) REFERENCES location (location_id),
  CONSTRAINT purchase_term FOREIGN KEY (term_id) REFERENCES credit_term (term_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS purchase_line (
  purchase_trans_id  BIGINT        NOT NULL PRIMARY KEY,
  purchase_id        BIGINT        NOT NULL,
  product_id         INT           NOT NULL,
  ordered            DECIMAL(14,2) NOT NULL DEFAULT 0,
  num_units          DECIMAL(14,2) NOT NULL DEFAULT 0,
  fob                DECIMAL(18,6) NOT NULL DEFAULT 0,
  deposit_cost       DECIMAL(18,6) NOT NULL DEFAULT 0,
  ext_price          DECIMAL(18,6) NOT NULL DEFAULT 0,
  expiration_date    DATETIME(3)   NULL,
  code_date          DATETIME(3)   NULL,
  batch_code         VARCHAR(100)  NULL,
  laid_in_cost       DECIMAL(18,6) NOT NULL DEFAULT 0,
  pallet_tag         VARCHAR(50)   NULL,
  cases              DECIMAL(18,6) NOT NULL DEFAULT 0,
  weight             DECIMAL(18,6) NOT NULL DEFAULT 0,
  time_created       DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  time_updated       DATETIME(3)   NOT NULL DEFAULT UTC_TIMESTAMP(3),
  KEY purchase (purchase_id, purchase_trans_id),
  CONSTRAINT purchase_line_purchase FOREIGN KEY (purchase_id) REFERENCES purchase (purchase_id) ON DELETE CASCADE,
  CONSTRAINT purchase_line_product FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- ---- API keys

CREATE TABLE IF NOT EXISTS api_key (
  key_id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  type        ENUM('employee', 'customer', 'supplier') NOT NULL,
  prefix      CHAR(8)         NOT NULL COMMENT 'public: names the key in lists and logs',
  hash        BINARY(32)      NOT NULL COMMENT 'SHA-256 of the whole key',
  user_id     INT             NULL COMMENT 'whom requests of this key are made by; no foreign key: users are replaced by the import',
  limit_hour  INT UNSIGNED    NULL COMMENT 'NULL: the server''s default',
  label       VARCHAR(100)    NOT NULL DEFAULT '',
  created_at  TIMESTAMP       NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at  DATETIME        NULL,
  revoked_at  DATETIME        NULL,
  UNIQUE KEY hash (hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- The customers or suppliers that a key stands for. No foreign key to them: a key outlives an import without them, and
-- sees nothing of theirs until they are back.
CREATE TABLE IF NOT EXISTS api_key_account (
  key_id      BIGINT UNSIGNED NOT NULL,
  account_id  INT             NOT NULL COMMENT 'customer_id or supplier_id, as the key''s type says',
  PRIMARY KEY (key_id, account_id),
  CONSTRAINT api_key_account_key FOREIGN KEY (key_id) REFERENCES api_key (key_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS key_usage (
  key_id        BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  last_used_at  DATETIME        NOT NULL,
  CONSTRAINT key_usage_key FOREIGN KEY (key_id) REFERENCES api_key (key_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Answers to POST with an Idempotency-Key, so that a retry gets the same one. Old rows are removed by
-- `kissctl kss payments expire`.
CREATE TABLE IF NOT EXISTS idempotency (
  key_id        BIGINT UNSIGNED NOT NULL,
  name          VARCHAR(255)    NOT NULL COMMENT 'the Idempotency-Key header',
  request_hash  BINARY(32)      NOT NULL COMMENT 'SHA-256 of the parameters',
  allocation_no BIGINT UNSIGNED NOT NULL,
  created_at    DATETIME        NOT NULL DEFAULT UTC_TIMESTAMP(),
  PRIMARY KEY (key_id, name),
  KEY created_at (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Numbers for new requests. It does not go back with a transaction, so two never get the same one.
CREATE SEQUENCE IF NOT EXISTS request_number NOCACHE ENGINE=InnoDB;

INSERT IGNORE INTO revision (dataset, scope) VALUES
  ('api_key', ''),
  ('api_key_account', ''),
  ('state', ''),
  ('supplier', ''),
  ('location', ''),
  ('product_category', ''),
  ('product', ''),
  ('portal_user', ''),
  ('user_state', ''),
  ('user_customer', ''),
  ('user_supplier', ''),
  ('user_location', ''),
  ('customer', ''),
  ('ar_account', ''),
  ('credit_term', ''),
  ('customer_credit_term', ''),
  ('supplier_credit_term', ''),
  ('promotion', ''),
  ('promotion_state', ''),
  ('promotion_product', ''),
  ('menu_promotion', ''),
  ('allocation', ''),
  ('inventory', ''),
  ('inventory_batch', ''),
  ('retailer_inventory', ''),
  ('invoice', ''),
  ('invoice_line', ''),
  ('invoice_coa', ''),
  ('ar_aging', ''),
  ('ar_aging_invoice', ''),
  ('payment_type', ''),
  ('payment_type_supplier', ''),
  ('payment', ''),
  ('payment_application', ''),
  ('vendor', ''),
  ('vendor_route', ''),
  ('purchase', ''),
  ('purchase_line', ''),
  ('sales_rep_group', ''),
  ('sales_rep_customer', ''),
  ('sales_rep_supplier', '');

-- Revision triggers. A session that sets @kiss_bulk to 1 (the import) bumps once, by itself, before it commits.
-- The bumped row stays locked until the writer commits, so writers of one table queue: keep transactions short.

CREATE OR REPLACE TRIGGER state_added AFTER INSERT ON state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER state_changed AFTER UPDATE ON state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER state_removed AFTER DELETE ON state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER supplier_added AFTER INSERT ON supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER supplier_changed AFTER UPDATE ON supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER supplier_removed AFTER DELETE ON supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER location_added AFTER INSERT ON location FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'location' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER location_changed AFTER UPDATE ON location FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'location' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER location_removed AFTER DELETE ON location FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'location' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER product_category_added AFTER INSERT ON product_category FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'product_category' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER product_category_changed AFTER UPDATE ON product_category FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'product_category' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER product_category_removed AFTER DELETE ON product_category FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'product_category' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER product_added AFTER INSERT ON product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'product' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER product_changed AFTER UPDATE ON product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'product' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER product_removed AFTER DELETE ON product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'product' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER portal_user_added AFTER INSERT ON portal_user FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'portal_user' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER portal_user_changed AFTER UPDATE ON portal_user FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'portal_user' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER portal_user_removed AFTER DELETE ON portal_user FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'portal_user' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_state_added AFTER INSERT ON user_state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_state_changed AFTER UPDATE ON user_state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_state_removed AFTER DELETE ON user_state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_customer_added AFTER INSERT ON user_customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_customer_changed AFTER UPDATE ON user_customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_customer_removed AFTER DELETE ON user_customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_supplier_added AFTER INSERT ON user_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_supplier_changed AFTER UPDATE ON user_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_supplier_removed AFTER DELETE ON user_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_location_added AFTER INSERT ON user_location FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_location' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_location_changed AFTER UPDATE ON user_location FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_location' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER user_location_removed AFTER DELETE ON user_location FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'user_location' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER customer_added AFTER INSERT ON customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER customer_changed AFTER UPDATE ON customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER customer_removed AFTER DELETE ON customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_account_added AFTER INSERT ON ar_account FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_account' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_account_changed AFTER UPDATE ON ar_account FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_account' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_account_removed AFTER DELETE ON ar_account FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_account' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER credit_term_added AFTER INSERT ON credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER credit_term_changed AFTER UPDATE ON credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER credit_term_removed AFTER DELETE ON credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER customer_credit_term_added AFTER INSERT ON customer_credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'customer_credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER customer_credit_term_changed AFTER UPDATE ON customer_credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'customer_credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER customer_credit_term_removed AFTER DELETE ON customer_credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'customer_credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER supplier_credit_term_added AFTER INSERT ON supplier_credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'supplier_credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER supplier_credit_term_changed AFTER UPDATE ON supplier_credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'supplier_credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER supplier_credit_term_removed AFTER DELETE ON supplier_credit_term FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'supplier_credit_term' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_added AFTER INSERT ON promotion FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_changed AFTER UPDATE ON promotion FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_removed AFTER DELETE ON promotion FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_state_added AFTER INSERT ON promotion_state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion_state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_state_changed AFTER UPDATE ON promotion_state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion_state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_state_removed AFTER DELETE ON promotion_state FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion_state' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_product_added AFTER INSERT ON promotion_product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion_product' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_product_changed AFTER UPDATE ON promotion_product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion_product' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER promotion_product_removed AFTER DELETE ON promotion_product FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'promotion_product' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER menu_promotion_added AFTER INSERT ON menu_promotion FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'menu_promotion' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER menu_promotion_changed AFTER UPDATE ON menu_promotion FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'menu_promotion' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER menu_promotion_removed AFTER DELETE ON menu_promotion FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'menu_promotion' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER allocation_added AFTER INSERT ON allocation FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'allocation' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER allocation_changed AFTER UPDATE ON allocation FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'allocation' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER allocation_removed AFTER DELETE ON allocation FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'allocation' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER inventory_added AFTER INSERT ON inventory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'inventory' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER inventory_changed AFTER UPDATE ON inventory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'inventory' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER inventory_removed AFTER DELETE ON inventory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'inventory' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER inventory_batch_added AFTER INSERT ON inventory_batch FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'inventory_batch' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER inventory_batch_changed AFTER UPDATE ON inventory_batch FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'inventory_batch' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER inventory_batch_removed AFTER DELETE ON inventory_batch FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'inventory_batch' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER retailer_inventory_added AFTER INSERT ON retailer_inventory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'retailer_inventory' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER retailer_inventory_changed AFTER UPDATE ON retailer_inventory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'retailer_inventory' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER retailer_inventory_removed AFTER DELETE ON retailer_inventory FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'retailer_inventory' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER invoice_coa_added AFTER INSERT ON invoice_coa FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'invoice_coa' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER invoice_coa_changed AFTER UPDATE ON invoice_coa FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'invoice_coa' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER invoice_coa_removed AFTER DELETE ON invoice_coa FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'invoice_coa' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_aging_added AFTER INSERT ON ar_aging FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_aging' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_aging_changed AFTER UPDATE ON ar_aging FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_aging' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_aging_removed AFTER DELETE ON ar_aging FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_aging' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_aging_invoice_added AFTER INSERT ON ar_aging_invoice FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_aging_invoice' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_aging_invoice_changed AFTER UPDATE ON ar_aging_invoice FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_aging_invoice' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER ar_aging_invoice_removed AFTER DELETE ON ar_aging_invoice FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'ar_aging_invoice' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_type_added AFTER INSERT ON payment_type FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_type' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_type_changed AFTER UPDATE ON payment_type FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_type' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_type_removed AFTER DELETE ON payment_type FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_type' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_type_supplier_added AFTER INSERT ON payment_type_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_type_supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_type_supplier_changed AFTER UPDATE ON payment_type_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_type_supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_type_supplier_removed AFTER DELETE ON payment_type_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_type_supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_added AFTER INSERT ON payment FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_changed AFTER UPDATE ON payment FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_removed AFTER DELETE ON payment FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_application_added AFTER INSERT ON payment_application FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_application' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_application_changed AFTER UPDATE ON payment_application FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_application' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER payment_application_removed AFTER DELETE ON payment_application FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'payment_application' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER vendor_added AFTER INSERT ON vendor FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'vendor' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER vendor_changed AFTER UPDATE ON vendor FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'vendor' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER vendor_removed AFTER DELETE ON vendor FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'vendor' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER vendor_route_added AFTER INSERT ON vendor_route FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'vendor_route' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER vendor_route_changed AFTER UPDATE ON vendor_route FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'vendor_route' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER vendor_route_removed AFTER DELETE ON vendor_route FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'vendor_route' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER purchase_added AFTER INSERT ON purchase FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'purchase' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER purchase_changed AFTER UPDATE ON purchase FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'purchase' AND scope = '';
END IF;

-- The lines go with their purchase or invoice (ON DELETE CASCADE), and then no trigger of theirs fires.
CREATE OR REPLACE TRIGGER purchase_removed AFTER DELETE ON purchase FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset IN ('purchase', 'purchase_line') AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER purchase_line_added AFTER INSERT ON purchase_line FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'purchase_line' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER purchase_line_changed AFTER UPDATE ON purchase_line FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'purchase_line' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER purchase_line_removed AFTER DELETE ON purchase_line FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'purchase_line' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_group_added AFTER INSERT ON sales_rep_group FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_group' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_group_changed AFTER UPDATE ON sales_rep_group FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_group' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_group_removed AFTER DELETE ON sales_rep_group FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_group' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_customer_added AFTER INSERT ON sales_rep_customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_customer_changed AFTER UPDATE ON sales_rep_customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_customer_removed AFTER DELETE ON sales_rep_customer FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_customer' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_supplier_added AFTER INSERT ON sales_rep_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_supplier_changed AFTER UPDATE ON sales_rep_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_supplier' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER sales_rep_supplier_removed AFTER DELETE ON sales_rep_supplier FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'sales_rep_supplier' AND scope = '';
END IF;

-- No answer shows these, but what the module remembers of a key must not outlive them.
CREATE OR REPLACE TRIGGER api_key_added AFTER INSERT ON api_key FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'api_key' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER api_key_changed AFTER UPDATE ON api_key FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'api_key' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER api_key_removed AFTER DELETE ON api_key FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'api_key' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER api_key_account_added AFTER INSERT ON api_key_account FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'api_key_account' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER api_key_account_changed AFTER UPDATE ON api_key_account FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'api_key_account' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER api_key_account_removed AFTER DELETE ON api_key_account FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'api_key_account' AND scope = '';
END IF;

-- The sums of an invoice and of each supplier's part of it follow every change of a line.
CREATE OR REPLACE TRIGGER invoice_line_added AFTER INSERT ON invoice_line FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE invoice SET total_num_units = total_num_units + NEW.num_units, total_cases = total_cases + NEW.cases,
    total_full_price = total_full_price + NEW.full_price * NEW.num_units, total_ext_price = total_ext_price + NEW.ext_price
    WHERE invoice_id = NEW.invoice_id;
  IF NEW.supplier_id IS NOT NULL THEN
    INSERT INTO invoice_supplier (supplier_id, invoice_id, customer_id, date, status, is_open, total_num_units, total_cases, total_full_price, total_ext_price)
      SELECT NEW.supplier_id, invoice_id, customer_id, date, status, is_open, NEW.num_units, NEW.cases, NEW.full_price * NEW.num_units, NEW.ext_price
      FROM invoice WHERE invoice_id = NEW.invoice_id
      ON DUPLICATE KEY UPDATE total_num_units = invoice_supplier.total_num_units + VALUES(total_num_units),
        total_cases = invoice_supplier.total_cases + VALUES(total_cases),
        total_full_price = invoice_supplier.total_full_price + VALUES(total_full_price),
        total_ext_price = invoice_supplier.total_ext_price + VALUES(total_ext_price);
  END IF;
  UPDATE revision SET n = n + 1 WHERE dataset = 'invoice_line' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER invoice_line_removed AFTER DELETE ON invoice_line FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE invoice SET total_num_units = total_num_units - OLD.num_units, total_cases = total_cases - OLD.cases,
    total_full_price = total_full_price - OLD.full_price * OLD.num_units, total_ext_price = total_ext_price - OLD.ext_price
    WHERE invoice_id = OLD.invoice_id;
  UPDATE invoice_supplier SET total_num_units = total_num_units - OLD.num_units, total_cases = total_cases - OLD.cases,
    total_full_price = total_full_price - OLD.full_price * OLD.num_units, total_ext_price = total_ext_price - OLD.ext_price
    WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id;
  IF NOT EXISTS (SELECT 1 FROM invoice_line WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id) THEN
    DELETE FROM invoice_supplier WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id;
  END IF;
  UPDATE revision SET n = n + 1 WHERE dataset = 'invoice_line' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER invoice_line_changed AFTER UPDATE ON invoice_line FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE invoice SET total_num_units = total_num_units - OLD.num_units, total_cases = total_cases - OLD.cases,
    total_full_price = total_full_price - OLD.full_price * OLD.num_units, total_ext_price = total_ext_price - OLD.ext_price
    WHERE invoice_id = OLD.invoice_id;
  UPDATE invoice SET total_num_units = total_num_units + NEW.num_units, total_cases = total_cases + NEW.cases,
    total_full_price = total_full_price + NEW.full_price * NEW.num_units, total_ext_price = total_ext_price + NEW.ext_price
    WHERE invoice_id = NEW.invoice_id;
  UPDATE invoice_supplier SET total_num_units = total_num_units - OLD.num_units, total_cases = total_cases - OLD.cases,
    total_full_price = total_full_price - OLD.full_price * OLD.num_units, total_ext_price = total_ext_price - OLD.ext_price
    WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id;
  IF NEW.supplier_id IS NOT NULL THEN
    INSERT INTO invoice_supplier (supplier_id, invoice_id, customer_id, date, status, is_open, total_num_units, total_cases, total_full_price, total_ext_price)
      SELECT NEW.supplier_id, invoice_id, customer_id, date, status, is_open, NEW.num_units, NEW.cases, NEW.full_price * NEW.num_units, NEW.ext_price
      FROM invoice WHERE invoice_id = NEW.invoice_id
      ON DUPLICATE KEY UPDATE total_num_units = invoice_supplier.total_num_units + VALUES(total_num_units),
        total_cases = invoice_supplier.total_cases + VALUES(total_cases),
        total_full_price = invoice_supplier.total_full_price + VALUES(total_full_price),
        total_ext_price = invoice_supplier.total_ext_price + VALUES(total_ext_price);
  END IF;
  IF NOT EXISTS (SELECT 1 FROM invoice_line WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id) THEN
    DELETE FROM invoice_supplier WHERE invoice_id = OLD.invoice_id AND supplier_id = OLD.supplier_id;
  END IF;
  UPDATE revision SET n = n + 1 WHERE dataset = 'invoice_line' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER invoice_added AFTER INSERT ON invoice FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset = 'invoice' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER invoice_changed AFTER UPDATE ON invoice FOR EACH ROW IF @kiss_bulk IS NULL THEN
  IF NOT (NEW.invoice_id = OLD.invoice_id AND NEW.date = OLD.date AND NEW.status = OLD.status AND NEW.is_open = OLD.is_open
    AND NEW.customer_id = OLD.customer_id) THEN
    UPDATE invoice_supplier SET customer_id = NEW.customer_id, date = NEW.date, status = NEW.status, is_open = NEW.is_open
      WHERE invoice_id = NEW.invoice_id;
  END IF;
  UPDATE revision SET n = n + 1 WHERE dataset = 'invoice' AND scope = '';
END IF;

CREATE OR REPLACE TRIGGER invoice_removed AFTER DELETE ON invoice FOR EACH ROW IF @kiss_bulk IS NULL THEN
  UPDATE revision SET n = n + 1 WHERE dataset IN ('invoice', 'invoice_line', 'invoice_coa') AND scope = '';
END IF;

INSERT IGNORE INTO schema_migration (version, title) VALUES (1, 'base');
