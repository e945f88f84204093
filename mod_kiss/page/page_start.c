/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page_start - an LRU of the first keys of pages by database and ETag.
 */
#include "page/page_start.h"

#include <string.h>

#include "lib/base/lru.h"

#define STARTS 1024

/* An ETag has 22 characters. */
#define MAX_TAG 32

/* Digits of a BIGINT, or the code of a state. */
#define MAX_KEY 40

typedef struct {
    const kiss_db *db;
    char tag[MAX_TAG];
} start_key;

typedef struct {
    char key[KISS_PAGE_KEYS][MAX_KEY];      /* "" after the last one */
} first_row;

/* Of first_row; NULL when there is no memory for it. */
static kiss_lru *starts;

/* Called when the child ends. */
static apr_status_t detach(void *unused)
{
    (void)unused;
    starts = NULL;
    return APR_SUCCESS;
}

apr_status_t kiss_page_start_attach(apr_pool_t *pchild)
{
    static const kiss_lru_type type = { .key_size = sizeof(start_key), .value_size = sizeof(first_row), .entries = STARTS };

    starts = NULL;
    apr_pool_pre_cleanup_register(pchild, NULL, detach);
    return kiss_lru_create(&starts, &type, pchild);
}

/** @return 0 when the tag is too long, or there is no table */
static int make_key(start_key *key, const kiss_db *db, const char *tag)
{
    memset(key, 0, sizeof(*key));
    key->db = db;
    apr_cpystrn(key->tag, tag, MAX_TAG);
    return starts && strlen(tag) < MAX_TAG;
}

int kiss_page_start_find(kiss_page_sql_start *start, const kiss_db *db, const char *tag, apr_pool_t *p)
{
    start_key key;
    first_row row;
    int i;

    memset(start, 0, sizeof(*start));
    if (!make_key(&key, db, tag) || !kiss_lru_get(starts, &key, NULL, 0, &row)) {
        return 0;
    }
    for (i = 0; i < KISS_PAGE_KEYS && *row.key[i]; i++) {
        start->key[i] = apr_pstrdup(p, row.key[i]);
    }
    return 1;
}

void kiss_page_start_keep(const kiss_page_sql_start *start, const kiss_db *db, const char *tag)
{
    start_key key;
    first_row row;
    int i;

    memset(&row, 0, sizeof(row));
    for (i = 0; i < KISS_PAGE_KEYS && start->key[i]; i++) {
        if (!*start->key[i] || strlen(start->key[i]) >= MAX_KEY) {
            return;
        }
        apr_cpystrn(row.key[i], start->key[i], MAX_KEY);
    }
    if (i > 0 && make_key(&key, db, tag)) {
        kiss_lru_put(starts, &key, NULL, 0, 0, &row);
    }
}
