-- mod_kiss, KSS API, version 2.
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

INSERT IGNORE INTO schema_migration (version, title) VALUES (2, 'clock revisions');
