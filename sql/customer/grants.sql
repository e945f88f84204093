-- What each of the two database accounts may do. Create the accounts first (README, "Install from source"), then, as a database
-- administrator:   mariadb DATABASE < grants.sql
--
-- `kiss` is the module's: it reads, and notes when a key was last used. It cannot change a price, a key or a customer.
GRANT SELECT ON * TO 'kiss'@'localhost';
GRANT INSERT, UPDATE ON key_usage TO 'kiss'@'localhost';

-- `kiss_admin` is kissctl's: schema, import, customers, keys.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER, CREATE TEMPORARY TABLES, LOCK TABLES
  ON * TO 'kiss_admin'@'localhost';
