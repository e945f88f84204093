/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_map - a file with somebody else's names of files and columns: option --map.
 *
 * One rule a line; blank lines and lines that begin with # are passed over:
 *
 *   artikel.txt = products.csv              the file artikel.txt of the folder is our products.csv (it may be several)
 *   artikel.txt: Artikelnummer = SKU        its column Artikelnummer is our column SKU
 *   products.csv: Bezeichnung = Name        the same, by our name of the file
 *   Lagerort = StockLocation                in every file that has such a column
 *   artikel.txt: Notiz =                    that column is skipped without a note
 */
#ifndef IMPORT_MAP_H
#define IMPORT_MAP_H

#include <apr_tables.h>

#include "lib/import/import_table.h"

typedef struct import_map import_map;

/** A rule about a column. */
typedef struct {
    const char *file;           /**< theirs or ours; NULL: any */
    const char *theirs;
    const char *ours;           /**< NULL: skip it */
    int line;
} import_map_rule;

/**
 * Reads and checks the rules. Pure, as all of the unit.
 *
 * @param text   UTF-8, ends with NUL
 * @param faults receives const char *, "LINE: what is wrong"; with any of them the map is of no use
 * @return the map, in `p`
 */
import_map *import_map_parse(const import_set *set, const char *text, apr_array_header_t *faults, apr_pool_t *p);

/** The name under which the folder has the file. `map` may be NULL, here and below. */
const char *import_map_file(const import_map *map, const import_file *def);

/** The rule for a column of that file, the most specific one, or NULL. */
import_map_rule *import_map_find(const import_map *map, const import_file *def, const char *name, apr_size_t len);

/** The rules that name that file, counted from 0; NULL after the last one. */
import_map_rule *import_map_rule_at(const import_map *map, const import_file *def, int n);

#endif
