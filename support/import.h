/**
 * import - loads a folder of CSV files into their tables, all or nothing.
 *
 * The engine, in the order of a run: import_files (what the folder has), import_stage (parse, check cells, fill temporary tables), import_fill (values that
 * follow from other tables), import_check (duplicates, references), import_compare and import_guard (what would change,
 * and whether that is too much), import_apply (one transaction: add, change, remove, work out what follows, revisions),
 * import_report (what people see). It is driven by an import_set and independent of
 * any one set. The database needs the table `revision` (dataset, scope, n with the clock as its default), and
 * triggers that keep still while @kiss_bulk names the connection.
 *
 * Memory: one CSV record and one batch of rows, whatever the size of the files; 100 messages of each sort. One import
 * per context. Two threads: one works, the other one waits for signals and draws the progress line.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include <apr_file_info.h>
#include <apr_hash.h>
#include <apr_tables.h>

#include "ctl.h"
#include "import_map.h"
#include "import_table.h"

/** Messages of one sort that are kept, and messages that are printed; more are counted. */
#define IMPORT_MAX_ERRORS 100

/** One file of the set in this run. */
typedef struct {
    const import_file *def;
    int present;                    /**< the folder has it, or rows of it were made */
    int made;                       /**< not in the folder: the table's own rows, and those that were made */
    const char *name, *path;        /**< in the folder */
    const char *shown;              /**< what messages call it: by the map of the run, else as the set does */
    apr_uint64_t absent;            /**< columns that its header lacks: a bit for each of def->columns */
    apr_off_t size;                 /**< bytes */
    apr_time_t mtime;               /**< when it was written last, before it is read */
    apr_ino_t inode;
    apr_dev_t device;
    const char *stage;              /**< temporary table with its rows */
    const char *source;             /**< what its table will hold: the temporary table, or the table when absent */
    const char *removable;          /**< SQL: the rows (o) of its table that the file may remove, once compared */
    apr_uint64_t before;            /**< how many those are */
    apr_uint64_t rows, added, changed, removed;
    apr_uint64_t lost[IMPORT_MAX_LOSSES];   /**< changed rows that lose something: see import_loss */
    apr_uint64_t keys_lost;         /**< rows whose key could not be read: references to them cannot be judged */
    int unread;                     /**< the file could not be read as a whole: it says nothing about its table */
} import_part;

/** What a run is at. */
typedef enum {
    IMPORT_READING, IMPORT_WAITING, IMPORT_CHECKING, IMPORT_COMPARING, IMPORT_LOOKING, IMPORT_ROOM, IMPORT_ADDING,
    IMPORT_CHANGING, IMPORT_REMOVING, IMPORT_FOLLOWING, IMPORT_COMMITTING
} import_step;

/** How a run ended. */
typedef enum {
    IMPORT_LOADED, IMPORT_TRIED,    /**< all is well; tried: a dry run */
    IMPORT_REFUSED,                 /**< the files have faults */
    IMPORT_STOPPED, IMPORT_FAILED,  /**< by the user; for another reason */
    IMPORT_UNKNOWN                  /**< the database did not say whether it is in */
} import_result;

/** One message about a cell, a row or a file. */
typedef struct {
    int part, sort, order;
    long line;                      /**< 0: the file as a whole */
    const char *column, *reason;    /**< column: NULL when it is about none */
} import_error;

/** What faults are about: a column of a file, or a sentence about one. */
typedef struct {
    int part;
    const char *about, *column;     /**< column: NULL when it is a sentence, whose format `about` is */
    int whole;                      /**< about the file as a whole */
    apr_uint64_t count;
    int kept, shown, left;          /**< faults that are kept; that are printed; that are still to be printed */
} import_sort;

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
    int keep_absent;                /**< columns that a file lacks stay as they are */
    int cut;                        /**< texts that are too long are cut */
    const import_map *map;          /**< other names of files and columns; NULL: none */
    int remove_up_to;               /**< percent of a table that a file may remove */
    apr_array_header_t *losses;     /**< import_refusal */
    apr_array_header_t *errors;     /**< import_error: the first IMPORT_MAX_ERRORS of each sort */
    apr_array_header_t *sorts;      /**< import_sort */
    apr_uint64_t nerrors;           /**< all of them */
    apr_array_header_t *notes;      /**< const char *: the first IMPORT_MAX_ERRORS of each sort */
    apr_hash_t *note_sorts;         /**< format to how many notes were made of it */
    apr_uint64_t nnotes;            /**< all of them */
    apr_hash_t *revisions;          /**< "dataset scope" to import_bump */
    apr_pool_t *scratch;            /**< cleared behind each row of import_each() */
    apr_time_t started, read_started;
    struct import_progress *progress;   /**< NULL: not shown */
    import_result result;
    const char *error;              /**< the first thing that was said to have failed; NULL: nothing */
} import_run;

/** A revision that this run must raise. */
typedef struct {
    const char *dataset, *scope;
} import_bump;

/** Loads folder `dir`; --dry-run is taken from the context. @return CTL_OK or CTL_FAILED, with everything said */
int import_folder(ctl *c, const import_set *set, const char *dir);

/** 1 when the user asked to stop; says so once. */
int import_stopped(void);

/** Finds the files of the set in a folder; names those that seem meant to be of it. @return CTL_OK or CTL_FAILED */
int import_find_files(import_run *run, const char *folder);

/** Looks at each file before it is read: is it CSV, is it complete? What is wrong becomes a fault. */
void import_inspect_files(import_run *run);

/** After reading: a file that has changed meanwhile is a fault. */
void import_files_unchanged(import_run *run);

/** Fills the temporary table of one file. @return CTL_OK, also when cells are bad (run->nerrors), or CTL_FAILED */
int import_stage(import_run *run, import_part *part);

/** Makes the temporary table of a file, empty. @return CTL_OK or CTL_FAILED */
int import_make_stage(import_run *run, const import_part *part);

/** Inside the transaction: fills what the cells left open from other files and tables. As import_stage() otherwise. */
int import_fill_all(import_run *run);

/** Behind import_fill_all(): rows keep what their file does not say, where the set has it so (IMPORT_STAYS). */
int import_keep_unsaid(import_run *run);

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

/** Sets run->progress when standard error is a terminal. */
void import_progress_start(import_run *run);

/** Notes how far the run is. `part` may be NULL: the step is about no file; `bytes`: of it that are done. */
void import_progress(import_run *run, const import_part *part, import_step step, apr_uint64_t bytes);

/** Writes the line; from the thread that does not work, and only if there is run->progress. */
void import_progress_draw(import_run *run);

/** Takes the line away, until the next import_progress(). */
void import_progress_pause(import_run *run);

/** Says how the run ended: run->result. On standard output the summary, or with --json always a report. */
void import_print_report(import_run *run);

/** Calls `row` for each row of a SELECT; it must not use the connection, and may use run->scratch.
 *  @return CTL_OK or CTL_FAILED */
int import_each(import_run *run, const char *sql, void (*row)(void *ctx, char **values), void *ctx);

/** " FROM ... WHERE ...": rows of the table (o) that the file (n) does not have, without those that stay. */
const char *import_removed_from(apr_pool_t *p, const import_part *part);

/** Key columns joined: "o.a = n.a AND o.b = n.b" with lead "o.", "n."; lists "n.a, n.b" when `other` is NULL. */
const char *import_keys(apr_pool_t *p, const import_file *def, const char *lead, const char *other);

/** The ending of a regular plural: "" for 1, "s" otherwise. */
#define IMPORT_S(n) ((n) == 1 ? "" : "s")

#endif
