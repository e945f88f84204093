/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_run - one run of an import: its files, its options, what was found so far. Every stage gets it.
 *
 * Memory: one CSV record and one batch of rows, for files of any size; 100 messages of each sort.
 */
#ifndef IMPORT_RUN_H
#define IMPORT_RUN_H

#include <apr_file_info.h>
#include <apr_hash.h>
#include <apr_tables.h>

#include "ctl.h"
#include "import_map.h"
#include "lib/import/import_table.h"

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
    int same;                       /**< its table has just these rows: they are not staged, and nothing changes */
    int unread;                     /**< the file could not be read as a whole: nothing follows from it for its table */
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
    IMPORT_UNKNOWN                  /**< the database did not confirm the commit */
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
    int take_over;                  /**< rows that belong to others become the import's */
    int yields;                     /**< 1: there are such rows, and they are left as they are */
    int remove_up_to;               /**< percent of a table that a file may remove */
    int direct;                     /**< the tables are empty: rows go straight into them, no temporary table is made */
    struct import_snapshot *snapshot;   /**< what files are compared with before they are staged; NULL: nothing */
    int again;                      /**< a short cut does not hold: all is done again without any */
    apr_array_header_t *losses;     /**< import_refusal */
    apr_array_header_t *errors;     /**< import_error: the first IMPORT_MAX_ERRORS of each sort */
    apr_array_header_t *sorts;      /**< import_sort */
    apr_uint64_t nerrors;           /**< all of them */
    apr_array_header_t *notes;      /**< const char *: the first IMPORT_MAX_ERRORS of each sort */
    apr_hash_t *note_sorts;         /**< format to how many notes were made of it */
    apr_uint64_t nnotes;            /**< all of them */
    apr_hash_t *revisions;          /**< "dataset scope" to import_bump */
    apr_pool_t *scratch;            /**< cleared after each row of import_each() */
    apr_time_t started, read_started;
    struct import_progress *progress;   /**< NULL: not shown */
    import_result result;
    const char *error;              /**< the first failure that was reported; NULL: none */
} import_run;

/** A revision that this run must raise. */
typedef struct {
    const char *dataset, *scope;
    apr_uint64_t rows;              /**< rows that are the reason, each of one SKU */
    int gap;                        /**< raised without SKUs: they are not all of it, or too many */
    apr_array_header_t *skus;       /**< const char *: those SKUs, once import_log_find() has run; NULL: none */
} import_bump;

/** A new run, in the pool of the context. */
import_run *import_run_make(ctl *c, const import_set *set);

/** 1 when the user wants to stop; may be called from any thread. */
int import_stopped(void);

/** From now on import_stopped() is 1. From any thread. */
void import_stop(void);

/** The part of that file. */
import_part *import_part_of(const import_run *run, const char *file);

/** Notes that the revision of `dataset` and `scope` must be raised, for `rows` that each are of one SKU; 0: for more. */
void import_raise(import_run *run, const char *dataset, const char *scope, apr_uint64_t rows);

/** What was noted for the revision of `dataset` and `scope`, or NULL. */
import_bump *import_bump_of(const import_run *run, const char *dataset, const char *scope);

/** Calls `row` for each row of a SELECT; it must not use the connection, and may use run->scratch.
 *  @return CTL_OK or CTL_FAILED */
int import_each(import_run *run, const char *sql, void (*row)(void *ctx, char **values), void *ctx);

/** The number that a SELECT returns. @return CTL_OK or CTL_FAILED */
int import_count(import_run *run, apr_uint64_t *n, const char *sql);

#endif
