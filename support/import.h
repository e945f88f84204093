/**
 * import - loads a folder of CSV files into their tables, all or nothing.
 *
 * The engine, in the order of a run: import_stage (parse, check cells, fill temporary tables), import_fill (values that
 * follow from other tables), import_check (duplicates, references), import_compare and import_guard (what would change,
 * and whether that is too much), import_apply (one transaction: add, change, remove, work out what follows, revisions),
 * import_report (what people see). It is driven by an import_set and independent of
 * any one set. The database needs the table `revision` (dataset, scope, n), and triggers that keep still while
 * @kiss_bulk is set.
 *
 * Memory: one CSV record and one batch of rows, whatever the size of the files; 100 messages. One import per context.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include <apr_hash.h>
#include <apr_tables.h>

#include "ctl.h"
#include "import_table.h"

/** Messages that are kept and printed; more are counted. */
#define IMPORT_MAX_ERRORS 100

/** One file of the set in this run. */
typedef struct {
    const import_file *def;
    int present;                    /**< the folder has it, or rows of it were made */
    int made;                       /**< not in the folder: the table's own rows, and those that were made */
    const char *path;
    apr_off_t size;                 /**< bytes */
    const char *stage;              /**< temporary table with its rows */
    const char *source;             /**< what its table will hold: the temporary table, or the table when absent */
    apr_uint64_t before;            /**< rows of its table that the file may remove */
    apr_uint64_t rows, added, changed, removed;
    apr_uint64_t lost[IMPORT_MAX_LOSSES];   /**< changed rows that lose something: see import_loss */
    apr_uint64_t keys_lost;         /**< rows whose key could not be read: references to them cannot be judged */
    int unread;                     /**< the file could not be read as a whole: it says nothing about its table */
} import_part;

/** One message about a cell, a row or a file. */
typedef struct {
    int part, line, order;          /**< for sorting; line 0: the file as a whole */
    const char *text;
} import_error;

/** A loss that was refused. */
typedef struct {
    const import_part *part;
    const char *what;               /**< rows that are lost, in the plural */
    apr_uint64_t before, after, lost;
    int needed;                     /**< the --remove-up-to that allows it */
} import_refusal;

/** One run. */
typedef struct {
    ctl *c;
    const import_set *set;
    import_part *parts;             /**< set->n */
    int dry_run;
    int remove_up_to;               /**< percent of a table that a file may remove */
    apr_array_header_t *losses;     /**< import_refusal */
    apr_array_header_t *errors;     /**< import_error */
    apr_uint64_t nerrors;
    apr_array_header_t *notes;      /**< const char * */
    apr_hash_t *revisions;          /**< "dataset scope" to import_bump */
    apr_time_t started;
    apr_time_t file_started, shown; /**< for the progress line */
    int terminal;                   /**< standard error is one: show progress */
} import_run;

/** A revision that this run must raise. */
typedef struct {
    const char *dataset, *scope;
} import_bump;

/** Loads folder `dir`; --dry-run is taken from the context. @return CTL_OK or CTL_FAILED, with everything said */
int import_folder(ctl *c, const import_set *set, const char *dir);

/** 1 when the user asked to stop; says so once. */
int import_stopped(void);

/** Fills the temporary table of one file. @return CTL_OK, also when cells are bad (run->nerrors), or CTL_FAILED */
int import_stage(import_run *run, import_part *part);

/** Makes the temporary table of a file, empty. @return CTL_OK or CTL_FAILED */
int import_make_stage(import_run *run, const import_part *part);

/** Inside the transaction: fills what the cells left open from other files and tables. As import_stage() otherwise. */
int import_fill_all(import_run *run);

/** The part of that file. */
import_part *import_part_of(const import_run *run, const char *file);

/** Looks for duplicates and missing references among all files and tables. As import_stage() otherwise. */
int import_check(import_run *run);

/** Inside the transaction: counts what the files would add, change and remove. @return CTL_OK or CTL_FAILED */
int import_compare(import_run *run);

/** Behind import_compare(): names losses that are larger than the run allows as faults. As import_stage() otherwise. */
int import_guard(import_run *run);

/** Behind import_compare(): writes what differs, raises the revisions. @return CTL_OK or CTL_FAILED */
int import_apply(import_run *run);

/** Names a fault. `line` 0: the file as a whole; `column` may be NULL. */
void import_fault(import_run *run, const import_part *part, long line, const char *column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/** Keeps a remark for the end. */
void import_note(import_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Shows how far `part` is, on a terminal, a few times a second. */
void import_progress(import_run *run, const import_part *part, const char *doing, apr_uint64_t bytes);

/** Clears the progress line. */
void import_progress_end(import_run *run);

/** Prints the faults, sorted. @return CTL_FAILED */
int import_print_faults(import_run *run);

/** Prints the summary. */
void import_print_summary(import_run *run);

/** Calls `row` for each row of a SELECT, which must not use the connection. @return CTL_OK or CTL_FAILED */
int import_each(import_run *run, const char *sql, void (*row)(void *ctx, char **values), void *ctx);

/** " FROM ... WHERE ...": rows of the table (o) that the file (n) does not have, without those that stay. */
const char *import_removed_from(apr_pool_t *p, const import_part *part);

/** SQL: the rows (o) of the table that a file may remove. */
const char *import_removable(apr_pool_t *p, const import_part *part);

/** Key columns joined: "o.a = n.a AND o.b = n.b" with lead "o.", "n."; lists "n.a, n.b" when `other` is NULL. */
const char *import_keys(apr_pool_t *p, const import_file *def, const char *lead, const char *other);

/** "1 price" is not worth a rule for every noun: "" for 1, "s" otherwise. */
#define IMPORT_S(n) ((n) == 1 ? "" : "s")

#endif
