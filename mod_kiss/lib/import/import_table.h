/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_table - what an import set is: files, their tables, columns, keys, references, revisions.
 *
 * The engine (import.c and the stages that it calls) knows nothing about any one set: another database brings another
 * import_set. Names of tables and columns come only from these rows and are therefore written into SQL as they are.
 */
#ifndef IMPORT_TABLE_H
#define IMPORT_TABLE_H

#include <apr_pools.h>

/** What a cell may hold. */
typedef enum {
    IMPORT_TEXT,            /**< any text, up to `size` characters, or `size` bytes with IMPORT_BYTES */
    IMPORT_CODE,            /**< not empty (but with IMPORT_NULL or IMPORT_EMPTY), no blanks at the ends, no control
                                 characters, no hidden ones, nothing that a spreadsheet made of a code */
    IMPORT_DECIMAL,         /**< not negative but with IMPORT_SIGNED, DECIMAL(size, scale); empty is 0 */
    IMPORT_FLAG,            /**< 0/1, true/false, yes/no and the like in any case; empty is 0 */
    IMPORT_DATE,            /**< a day of the calendar as lib/base/date.h takes it, or a midnight, which is the day as
                                 written */
    IMPORT_CURRENCY,        /**< three capital letters, ISO 4217 */
    IMPORT_INT,             /**< a whole number, maybe negative, that fits `size` bytes; leading zeros do not count */
    IMPORT_TIME,            /**< a date or a time as lib/base/date.h takes it; kept as UTC milliseconds */
    IMPORT_WORD,            /**< one of `words`, in any case */
    IMPORT_DAYS             /**< weekdays: ascending digits 1 to 7, joined by ';' */
} import_type;

#define IMPORT_KEY 1        /**< part of the key */
#define IMPORT_NULL 2       /**< an empty cell is NULL */
#define IMPORT_NOT 4        /**< a flag that the database keeps the other way round */
#define IMPORT_BYTES 8      /**< the size of a TEXT column is in bytes */
#define IMPORT_SIGNED 16    /**< a decimal may be negative */
#define IMPORT_OPTIONAL 32  /**< the header may lack it; then, and for an empty cell, it has the table's default */
#define IMPORT_UPPER 64     /**< ASCII letters are stored as capitals */
#define IMPORT_UNIQUE 128   /**< no two rows have the same */
#define IMPORT_CREATED 256  /**< a time: not given, it stays as it is, and is now for a new row */
#define IMPORT_STAYS 2097152    /**< may be NULL; not given, it stays as it is: it may be known to the API only */
#define IMPORT_UPDATED 512  /**< a time: not given, it is now for a row that changes */
#define IMPORT_STAGED 1024  /**< in the file, not in the table: other columns are filled by it */
#define IMPORT_HIDDEN 2048  /**< in the table, not in the file: filled */

#define IMPORT_ABSENT 4096  /**< the header may lack it; then it is as if its cells were empty */
#define IMPORT_TRIM 8192    /**< a code or word: blanks at its ends are taken off (other types: always) */
#define IMPORT_EMPTY 16384  /**< a code may be empty, and then is an empty text */
#define IMPORT_PHRASE 32768 /**< a code made of words: characters that nobody sees are its own affair */
#define IMPORT_WHOLE 65536  /**< a text of which a part is of no use, like a URL: --cut leaves it alone */
#define IMPORT_GTIN 131072  /**< a barcode: check digits, lengths and shared ones are looked at */
#define IMPORT_AMOUNT 262144    /**< a decimal that must not be empty: 0 would be money given away */
#define IMPORT_PRICE 524288 /**< zeros are counted in a note */
#define IMPORT_ROUND 1048576    /**< a decimal that is measured: what is finer is rounded, half away from zero */

/** A word of an enumeration, and what the table keeps for it. */
typedef struct {
    const char *word, *stored;
} import_word;

/**
 * Where a column that is empty gets its value: `take` of the row of `file` whose `theirs` equals `ours` here (all of
 * them columns of tables). The file's own name means the rows that the table has before the import.
 */
typedef struct {
    const char *file, *theirs, *ours, *take;
    int made;                   /**< rows that `file` lacks are made, `take` counted up */
} import_fill;

#define IMPORT_MAX_FILLS 2

/** A column. */
typedef struct {
    const char *csv;            /**< its name in the header */
    const char *db;             /**< its name in the table */
    import_type type;
    int size, scale;
    unsigned int flags;
    int most;                   /**< largest value of a decimal; 0: what fits */
    const char *parent;         /**< file whose key a value must be found in; NULL: none. A key of several columns is
                                     compared with the columns of the same names */
    const char *wanted;         /**< the same, but a value not found there is only counted in a note */
    const char *alias;          /**< another name in the header; NULL: none */
    const import_word *words;   /**< of IMPORT_WORD; ends with a row without word */
    import_fill fills[IMPORT_MAX_FILLS];    /**< tried in this order; without file: none */
} import_column;

/** A revision that grows when something in a table really changed. */
typedef struct {
    const char *dataset;
    const char *changed;        /**< SQL: which changed rows count (o before, n after); NULL: all */
    const char *set;            /**< column: it grows only where the set of its values changes, however
                                     often one occurs; NULL: with every row that comes or goes */
} import_revision;

/**
 * What rows can lose without being removed: a price list's customers its terms, a product its place among those that
 * are sold. Judged like removed rows.
 */
typedef struct {
    const char *what;           /**< rows that have it, in the plural: "products on sale" */
    const char *before, *after; /**< SQL, never NULL: whether a row of the table (o), a row of the file (n) has it */
    int whole;                  /**< only the loss of all of them is one */
} import_loss;

#define IMPORT_MAX_COLUMNS 40
#define IMPORT_MAX_REVISIONS 2
#define IMPORT_MAX_LOSSES 3

/** A file and its table. */
typedef struct {
    const char *file, *table;
    const char *rows;                                       /**< what its rows are, in the plural: "prices" */
    import_column columns[IMPORT_MAX_COLUMNS];              /**< ends with a row without name */
    const char *scope;                                      /**< column that is the scope of its revisions; NULL: '' */
    const char *sku;            /**< column of the SKU whose row in an answer changes with it; NULL: more changes */
    import_revision revisions[IMPORT_MAX_REVISIONS + 1];    /**< ends with a row without dataset */
    /** At most one row of each `single_of` may satisfy `single_if`, else the second is an error of column `single`. */
    const char *single, *single_if, *single_of, *single_error;
    /** No row's key may be in this column of this table: who has it instead, `apart_word`. NULL: there is none such. */
    const char *apart, *apart_key, *apart_word;
    /**
     * Rows that the file lacks are not removed but set aside: the column `absent` gets the time, `give_up` (SQL,
     * assignments to o) is done. A row that the file has again loses the time. `here` (SQL): rows (o) that are not set
     * aside, or have something to give up. Their rows of `owned` (word: `owned_word`) stay. NULL: rows are removed.
     */
    const char *absent, *give_up, *here;
    const char *owned, *owned_word;
    import_loss losses[IMPORT_MAX_LOSSES + 1];              /**< ends with a row without `what` */
    const char *keep;           /**< SQL: rows (o) that stay although the file lacks them; NULL: none */
    const char *kept;           /**< what those rows are, in the plural */
    const char *others;         /**< table that names, by their `sku`, rows that belong to others than the import, which
                                     leaves them as they are; NULL: all rows are the import's */
    const char *remember;       /**< SQL: the same, but only while all that they refer to stays; NULL: none */
} import_file;

/** What is worked out from the tables, in the same transaction, when one of `files` changed something. */
typedef struct {
    const char *files[3];
    const char *sql;
    const char *dataset;        /**< whose revision rises when the SQL changed rows; NULL: none */
} import_derived;

/** A dataset whose changes are logged by SKU; the table with its SKUs, and the column that is the scope (NULL: ''). */
typedef struct {
    const char *dataset, *table, *scope;
} import_logged;

/** A set: files in an order in which parents come before their children. */
typedef struct {
    const char *name;           /**< for messages and the lock */
    const import_file *files;
    int n;
    const char *silence;            /**< SQL: the triggers do nothing in this connection from then on */
    const import_derived *derived;  /**< ends with a row without SQL; NULL: none */
    const char *derived_tables;     /**< the tables that it writes, joined by commas; NULL: none */
    const import_logged *logged;    /**< ends with a row without dataset; NULL: the database has no log of changes */
} import_set;

/** The set of the Customer API (import_customer.c). */
extern const import_set import_customer_set;

/** The set of the KSS API (import_kss.c): a distributor's data. */
extern const import_set import_kss_set;

/** The column of that name in the file of that name, or NULL. */
const import_column *import_column_of(const import_set *set, const char *file, const char *csv);

/** The column that a header means by that name (import_same_name()), or NULL. */
const import_column *import_column_named(const import_file *file, const char *name, apr_size_t len);

/** The column that the table has under that name; it must have one. */
const import_column *import_column_stored(const import_file *file, const char *db);

/** The file of that name, or NULL. */
const import_file *import_file_of(const import_set *set, const char *file);

/** The key column of a file that others refer to: its first. */
const import_column *import_key_of(const import_file *file);

/** Whether its key has several columns. */
int import_is_composite(const import_file *file);

#endif
