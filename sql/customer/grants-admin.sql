-- What the third account may do, by which the module writes product data (KissAdmin). Only where that is wanted: create the account,
-- then, as a database administrator:   mariadb DATABASE < grants-admin.sql
--
-- It sees no customer, no key, no discount; it cannot change what it has noted of a write, nor read it.
GRANT SELECT ON revision TO 'kiss_write'@'localhost';
GRANT SELECT ON schema_migration TO 'kiss_write'@'localhost';
GRANT SELECT ON truncate_guard TO 'kiss_write'@'localhost';
GRANT SELECT ON price_list TO 'kiss_write'@'localhost';
GRANT SELECT ON warehouse TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON product TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON product_image TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON product_accessory TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON product_substitution TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON product_composition TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON price TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON stock TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, UPDATE ON product_owner TO 'kiss_write'@'localhost';
GRANT INSERT ON admin_audit TO 'kiss_write'@'localhost';
GRANT SELECT, INSERT, DELETE ON admin_request TO 'kiss_write'@'localhost';
