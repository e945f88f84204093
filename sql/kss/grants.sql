-- What each of the two database accounts may do with a KSS database. Create the accounts first (README, "Install from source"),
-- then, as a database administrator:   mariadb DATABASE < grants.sql
--
-- `kiss` is the module's: it reads, notes when a key was last used, and takes requests to allocate a payment. It cannot
-- change a price, a payment, an invoice or a key.
GRANT SELECT ON * TO 'kiss'@'localhost';
GRANT INSERT, UPDATE ON key_usage TO 'kiss'@'localhost';
GRANT INSERT ON payment_application TO 'kiss'@'localhost';
GRANT INSERT ON request_number TO 'kiss'@'localhost';
GRANT INSERT ON idempotency TO 'kiss'@'localhost';

-- `kiss_admin` is kissctl's: schema, import, keys, payment runs.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER, CREATE TEMPORARY TABLES, LOCK TABLES
  ON * TO 'kiss_admin'@'localhost';
