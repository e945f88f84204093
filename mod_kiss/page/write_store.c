/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_store - reads and writes objects by the statements of their plan.
 */
#include "page/write_store.h"

#include <string.h>

#include "lib/base/quote.h"
#include "lib/import/import_table.h"

/* --- reading --- */

static const char **copy_row(const kiss_value *row, int n, apr_pool_t *p)
{
    const char **values = apr_palloc(p, (apr_size_t)n * sizeof(*values));
    int i;

    for (i = 0; i < n; i++) {
        values[i] = row[i].data ? apr_pstrmemdup(p, row[i].data, row[i].len) : NULL;
    }
    return values;
}

kiss_db_status kiss_write_store_rows(apr_array_header_t **rows, kiss_db_conn *conn, const kiss_statement *s,
                                     const char *const *args, apr_pool_t *p)
{
    const kiss_value *row;
    kiss_db_cursor *cursor;
    kiss_db_status status = kiss_db_select(&cursor, conn, s, args, p);

    *rows = apr_array_make(p, 4, sizeof(const char **));
    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        APR_ARRAY_PUSH(*rows, const char **) = copy_row(row, s->columns, p);
    }
    return status;
}

/** Reads whose the object is. */
static kiss_db_status read_owner(kiss_write_stored *stored, kiss_db_conn *conn, const kiss_write_plan *plan,
                                 const char *const *key, apr_pool_t *p)
{
    kiss_statement s = kiss_write_plan_statement(apr_pstrcat(p, "SELECT 1 FROM ", plan->set->owner, " WHERE ",
                                                             plan->self.column[0]->db, " = ?", NULL), 1);
    const kiss_value *row;
    kiss_db_status status = kiss_db_row(&row, conn, &s, key, p);

    stored->owned = status == KISS_DB_OK && row;
    return status;
}

kiss_db_status kiss_write_store_read(kiss_write_stored *stored, kiss_db_conn *conn, const kiss_write_plan *plan,
                                     const char *const *key, unsigned locks, apr_pool_t *p)
{
    kiss_write_object *object = &stored->object;
    const int lock = (locks & KISS_WRITE_STORE_SELF) != 0;
    apr_array_header_t *rows;
    kiss_db_status status = kiss_write_store_rows(&rows, conn, lock ? &plan->self.lock : &plan->self.read, key, p);
    int i;

    memset(stored, 0, sizeof(*stored));
    if (status != KISS_DB_OK) {
        return status;
    }
    object->self = rows->nelts ? APR_ARRAY_IDX(rows, 0, const char **) : NULL;
    for (i = 0; i < plan->nnested && status == KISS_DB_OK; i++) {
        const kiss_write_table *t = &plan->nested[i];
        const int locked = (locks >> i & 1) != 0;

        /* Some rows stay when their object is removed: they are there before it comes back. */
        if (object->self || (locked && !(kiss_write_store_removed(plan) >> i & 1))) {
            status = kiss_write_store_rows(&object->nested[i], conn, locked ? &t->lock : &t->read, key, p);
        }
    }
    return status == KISS_DB_OK && object->self && plan->set->owner ? read_owner(stored, conn, plan, key, p) : status;
}

/* A page has this many bytes of objects, and this many of the rows of their arrays: it is in memory some ten times. */
#define PAGE_BYTES (4 * 1024 * 1024)

/* Of this many objects at once the arrays are read: what is left of them when a page ends is sent by the server in vain. */
#define PART 50

/** What a row takes: a value that is short takes more than its bytes. */
static apr_size_t size_of(const kiss_value *row, int n)
{
    apr_size_t bytes = 0;
    int i;

    for (i = 0; i < n; i++) {
        bytes += row[i].len + 2 * sizeof(void *);
    }
    return bytes;
}

/** As strcmp(), for a value that no NUL need follow. */
static int compare(const char *text, const kiss_value *value)
{
    apr_size_t n = strlen(text);
    int order = memcmp(text, value->data, n < value->len ? n : value->len);

    return order ? order : (n > value->len) - (n < value->len);
}

/**
 * Reads the rows of an array of some objects of a page, and ends the page before the object whose rows are too many.
 *
 * @param j     the first of these objects
 * @param range the keys between which they are; the last one is moved when the page ends
 * @param bytes what was read of arrays
 */
static kiss_db_status read_nested(apr_array_header_t *page, int j, int *more, apr_size_t *bytes, kiss_db_conn *conn,
                                  const kiss_write_plan *plan, int nested, const char **range, apr_pool_t *p)
{
    const kiss_write_table *t = &plan->nested[nested];
    const kiss_value *row;
    kiss_db_cursor *cursor;
    kiss_db_status status = kiss_db_select(&cursor, conn, &t->page, range, p);

    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        const kiss_write_object *object = &APR_ARRAY_IDX(page, j, kiss_write_stored).object;
        int order;

        /* There may be rows of what is no object. */
        while ((order = compare(object->self[0], &row[0])) < 0 && j + 1 < page->nelts) {
            object = &APR_ARRAY_IDX(page, ++j, kiss_write_stored).object;
        }
        if (order == 0 && j > 0 && *bytes >= PAGE_BYTES) {
            page->nelts = j;
            *more = 1;
            range[1] = APR_ARRAY_IDX(page, j - 1, kiss_write_stored).object.self[0];
            return kiss_db_close(cursor);
        }
        if (order == 0) {
            *bytes += size_of(row, t->n);
            APR_ARRAY_PUSH(object->nested[nested], const char **) = copy_row(row, t->n, p);
        }
    }
    return status;
}

/** Reads which objects of a page were written over HTTPS. */
static kiss_db_status read_owners(const apr_array_header_t *page, kiss_db_conn *conn, const kiss_write_plan *plan,
                                  const char *const *range, apr_pool_t *p)
{
    const char *key = plan->self.column[0]->db;
    kiss_statement s = kiss_write_plan_statement(apr_pstrcat(p, "SELECT ", key, " FROM ", plan->set->owner, " WHERE ", key,
                                                             " > ? AND ", key, " <= ? ORDER BY ", key, NULL), 1);
    apr_array_header_t *rows;
    kiss_db_status status = kiss_write_store_rows(&rows, conn, &s, range, p);
    int i, j = 0;

    for (i = 0; status == KISS_DB_OK && i < page->nelts; i++) {
        kiss_write_stored *stored = &APR_ARRAY_IDX(page, i, kiss_write_stored);

        stored->owned = j < rows->nelts && strcmp(APR_ARRAY_IDX(rows, j, const char **)[0], stored->object.self[0]) == 0;
        j += stored->owned;
    }
    return status;
}

/** Reads the objects of a page, without their arrays. */
static kiss_db_status read_selves(apr_array_header_t **rows, int *more, kiss_db_conn *conn, const kiss_write_plan *plan,
                                  const char *after, int most, apr_pool_t *p)
{
    const char *args[] = { after, apr_itoa(p, most + 1) };
    const kiss_value *row;
    kiss_db_cursor *cursor;
    kiss_db_status status = kiss_db_select(&cursor, conn, &plan->self.page, args, p);
    apr_size_t bytes = 0;

    *rows = apr_array_make(p, 4, sizeof(const char **));
    *more = 0;
    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        if ((*rows)->nelts == most || bytes >= PAGE_BYTES) {
            *more = 1;
            return kiss_db_close(cursor);
        }
        bytes += size_of(row, plan->self.n);
        APR_ARRAY_PUSH(*rows, const char **) = copy_row(row, plan->self.n, p);
    }
    return status;
}

kiss_db_status kiss_write_store_page(apr_array_header_t **page, int *more, kiss_db_conn *conn, const kiss_write_plan *plan,
                                     const char *after, int most, apr_pool_t *p)
{
    const char *range[] = { after, NULL };
    apr_array_header_t *rows;
    apr_size_t bytes = 0;
    kiss_db_status status = read_selves(&rows, more, conn, plan, after, most, p);
    int i, from;

    *page = apr_array_make(p, rows->nelts + 1, sizeof(kiss_write_stored));
    for (i = 0; i < rows->nelts; i++) {
        kiss_write_stored *stored = memset(apr_array_push(*page), 0, sizeof(*stored));

        stored->object.self = APR_ARRAY_IDX(rows, i, const char **);
        for (from = 0; from < plan->nnested; from++) {
            stored->object.nested[from] = apr_array_make(p, 2, sizeof(const char **));
        }
    }
    for (from = 0; from < (*page)->nelts && status == KISS_DB_OK; from += PART) {
        range[0] = from ? APR_ARRAY_IDX(rows, from - 1, const char **)[0] : after;
        range[1] = APR_ARRAY_IDX(rows, from + PART < rows->nelts ? from + PART - 1 : rows->nelts - 1, const char **)[0];
        for (i = 0; i < plan->nnested && status == KISS_DB_OK; i++) {
            status = read_nested(*page, from, more, &bytes, conn, plan, i, range, p);
        }
    }
    range[0] = after;
    return status == KISS_DB_OK && plan->set->owner && rows->nelts ? read_owners(*page, conn, plan, range, p) : status;
}

/** Looks up the references of the rows of a table. */
static kiss_db_status look_up(const char **fault, kiss_db_conn *conn, const kiss_write_table *t,
                              const apr_array_header_t *rows, apr_pool_t *p)
{
    kiss_db_status status = KISS_DB_OK;
    int i, j;

    for (j = 0; j < t->n; j++) {
        const import_file *parent = t->column[j]->parent ? import_file_of(&import_customer_set, t->column[j]->parent) : NULL;

        if (!parent || !t->member[j]) {
            continue;
        }
        for (i = 0; i < rows->nelts && status == KISS_DB_OK && !*fault; i++) {
            const char *value = APR_ARRAY_IDX(rows, i, const char **)[j];
            kiss_statement s = kiss_write_plan_statement(apr_pstrcat(p, "SELECT 1 FROM ", parent->table, " WHERE ",
                                                                     import_key_of(parent)->db, " = ?", NULL), 1);
            const kiss_value *row = NULL;

            status = value && value != kiss_write_absent ? kiss_db_row(&row, conn, &s, &value, p) : KISS_DB_OK;
            if (status == KISS_DB_OK && value && value != kiss_write_absent && !row) {
                const char *place = t->name ? apr_psprintf(p, "%s[%d].", t->name, i) : "";

                *fault = apr_psprintf(p, "%s%s: %s is not known (%s of the import).", place, t->member[j],
                                      kiss_quote(p, value, strlen(value)), parent->file);
            }
        }
    }
    return status;
}

kiss_db_status kiss_write_store_references(const char **fault, kiss_db_conn *conn, const kiss_write_plan *plan,
                                           const kiss_write_object *object, apr_pool_t *p)
{
    apr_array_header_t *self = apr_array_make(p, 1, sizeof(const char **));
    kiss_db_status status;
    int i;

    *fault = NULL;
    APR_ARRAY_PUSH(self, const char **) = object->self;
    status = look_up(fault, conn, &plan->self, self, p);
    for (i = 0; i < plan->nnested && status == KISS_DB_OK && !*fault; i++) {
        if (object->nested[i]) {
            status = look_up(fault, conn, &plan->nested[i], object->nested[i], p);
        }
    }
    return status;
}

/* --- writing --- */

static int equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

int kiss_write_store_same(const kiss_write_table *t, const char *const *a, const char *const *b, int key)
{
    int i;

    for (i = 0; i < t->n; i++) {
        if (kiss_write_plan_is_key(t->column[i]) == key && !equal(a[i], b[i])) {
            return 0;
        }
    }
    return 1;
}

/** The row with the same key, or NULL. */
static const char *const *find(const kiss_write_table *t, const apr_array_header_t *rows, const char *const *row)
{
    int i;

    for (i = 0; rows && i < rows->nelts; i++) {
        if (kiss_write_store_same(t, APR_ARRAY_IDX(rows, i, const char **), row, 1)) {
            return APR_ARRAY_IDX(rows, i, const char **);
        }
    }
    return NULL;
}

/** Appends the values of the key to those of a statement. @return their number */
static int add_key(const char **args, int n, const kiss_write_table *t, const char *const *row)
{
    int i;

    for (i = 0; i < t->n; i++) {
        if (kiss_write_plan_is_key(t->column[i])) {
            args[n++] = row[i];
        }
    }
    return n;
}

static kiss_db_status remove_row(kiss_db_conn *conn, const kiss_write_table *t, const char *const *row)
{
    const char *args[KISS_MAX_WRITE_COLUMNS];

    add_key(args, 0, t, row);
    return kiss_db_execute(conn, &t->remove, args);
}

/** Inserts a row, or changes the one that is there, unless it is the same. @param wrote is set to 1 when it was not */
static kiss_db_status put_row(kiss_db_conn *conn, const kiss_write_table *t, const char *const *old, const char *const *row,
                              int *wrote)
{
    const char *args[2 * KISS_MAX_WRITE_COLUMNS];

    if (old && kiss_write_store_same(t, old, row, 0)) {
        return KISS_DB_OK;
    }
    *wrote = 1;
    memcpy(args, row, (apr_size_t)t->n * sizeof(*args));
    if (!old) {
        return kiss_db_execute(conn, &t->insert, args);
    }
    add_key(args, t->n, t, row);
    return kiss_db_execute(conn, &t->update, args);
}

/** Makes the rows of a table those of `rows`; NULL: none. */
static kiss_db_status replace(kiss_db_conn *conn, const kiss_write_table *t, const apr_array_header_t *old,
                              const apr_array_header_t *rows, int *wrote)
{
    kiss_db_status status = KISS_DB_OK;
    int i;

    for (i = 0; old && i < old->nelts && status == KISS_DB_OK; i++) {
        const char *const *row = APR_ARRAY_IDX(old, i, const char **);

        if (!find(t, rows, row)) {
            *wrote = 1;
            status = remove_row(conn, t, row);
        }
    }
    for (i = 0; rows && i < rows->nelts && status == KISS_DB_OK; i++) {
        const char *const *row = APR_ARRAY_IDX(rows, i, const char **);

        status = put_row(conn, t, find(t, old, row), row, wrote);
    }
    return status;
}

const char **kiss_write_store_merge(const char **changed, const kiss_write_table *t, const char *const *old,
                                    const char *const *values, apr_pool_t *p)
{
    const char **merged = apr_pmemdup(p, values, (apr_size_t)t->n * sizeof(*merged));
    int i;

    for (i = 0; i < t->n; i++) {
        merged[i] = values[i] == kiss_write_absent && old ? old[i] : values[i];
        if (!old || !equal(merged[i], old[i])) {
            *changed = apr_pstrcat(p, *changed, **changed ? "," : "", t->member[i], NULL);
        }
    }
    return merged;
}

kiss_db_status kiss_write_store_change(const char **changed, kiss_db_conn *conn, const kiss_write_plan *plan,
                                       const kiss_write_object *old, const kiss_write_object *object, apr_pool_t *p)
{
    const char **self;
    kiss_db_status status;
    int i, j, wrote = 0;

    *changed = "";
    self = kiss_write_store_merge(changed, &plan->self, old->self, object->self, p);
    *changed = plan->set->rows_only ? "" : *changed;
    status = plan->set->rows_only ? KISS_DB_OK : put_row(conn, &plan->self, old->self, self, &wrote);
    for (i = 0; i < plan->nnested && status == KISS_DB_OK; i++) {
        apr_array_header_t *rows = object->nested[i];

        for (j = 0; rows && j < rows->nelts; j++) {
            memcpy(APR_ARRAY_IDX(rows, j, const char **), self, (apr_size_t)plan->self.keys * sizeof(*self));
        }
        wrote = 0;
        status = rows ? replace(conn, &plan->nested[i], old->nested[i], rows, &wrote) : KISS_DB_OK;
        if (wrote) {
            *changed = apr_pstrcat(p, *changed, **changed ? "," : "", plan->nested[i].name, NULL);
        }
    }
    return status;
}

unsigned kiss_write_store_removed(const kiss_write_plan *plan)
{
    unsigned removed = 0;
    int i;

    for (i = 0; i < plan->nnested; i++) {
        /* Where the import demands the object, the table has a foreign key. */
        removed |= plan->set->rows_only || plan->nested[i].column[0]->parent ? 1u << i : 0;
    }
    return removed;
}

kiss_db_status kiss_write_store_remove(kiss_db_conn *conn, const kiss_write_plan *plan, const kiss_write_object *object)
{
    kiss_db_status status = KISS_DB_OK;
    int i, wrote;

    for (i = 0; i < plan->nnested && status == KISS_DB_OK; i++) {
        if (kiss_write_store_removed(plan) >> i & 1) {
            status = replace(conn, &plan->nested[i], object->nested[i], NULL, &wrote);
        }
    }
    return status == KISS_DB_OK && !plan->set->rows_only ? remove_row(conn, &plan->self, object->self) : status;
}

kiss_db_status kiss_write_store_own(kiss_db_conn *conn, const kiss_write_plan *plan, const char *key, const char *admin,
                                    apr_pool_t *p)
{
    const char *args[] = { key, admin };
    const char *sql = apr_pstrcat(p, "INSERT INTO ", plan->set->owner, " (", plan->self.column[0]->db, ", admin_code)"
                                  " VALUES (?, ?) ON DUPLICATE KEY UPDATE admin_code = VALUES(admin_code)", NULL);
    kiss_statement s = kiss_write_plan_statement(sql, 0);

    return kiss_db_execute(conn, &s, args);
}

kiss_db_status kiss_write_store_audit(kiss_db_conn *conn, const kiss_write_plan *plan, const char *const *key,
                                      const char *changed)
{
    const kiss_req *k = kiss_db_request(conn);
    const int last = plan->self.keys - 1;
    const char *args[] = { k->principal, k->r->method, plan->set->item, last ? key[0] : "", key[last], changed,
                           k->request_id };
    kiss_statement s = kiss_write_plan_statement("INSERT INTO admin_audit (written_at, admin_code, method, dataset, scope, sku,"
                                                 " members, request_id) VALUES (UTC_TIMESTAMP(6), ?, ?, ?, ?, ?, ?, ?)", 0);

    return kiss_db_execute(conn, &s, args);
}
