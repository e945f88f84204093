/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: cells of an import become values or are refused: numbers, texts that are cut, flags. */
#include "lib/import/import_value.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

/** A cell of a column, checked: "value", "!" for a fault, remarks as bits behind a blank. */
static const char *checked(const import_column *column, const import_reading *how, const char *text, apr_pool_t *p)
{
    import_value value;
    const char *error = import_value_check(&value, column, how, text, strlen(text), p);

    return apr_psprintf(p, "%s%.*s%s", error ? "!" : "", error ? 0 : (int)value.len, value.text,
                        value.remarks ? apr_psprintf(p, " %x", value.remarks) : "");
}

#define BIT(remark) (1U << (remark))

static void test_numbers(void)
{
    static const import_column price = {.csv = "P", .type = IMPORT_DECIMAL, .size = 12, .scale = 4,
                                        .flags = IMPORT_AMOUNT | IMPORT_PRICE};
    static const import_column size = {.csv = "S", .type = IMPORT_DECIMAL, .size = 10, .scale = 2,
                                       .flags = IMPORT_ROUND | IMPORT_SIGNED};
    static const import_column share = {.csv = "D", .type = IMPORT_DECIMAL, .size = 7, .scale = 4, .most = 100};
    static const struct {
        const import_column *column;
        int comma;
        const char *text, *value;
        unsigned int remarks;
    } cases[] = {
        {&price, 0, "19.95", "19.9500", BIT(IMPORT_POINT)}, {&price, 0, "19,95", "!", BIT(IMPORT_COMMA)},
        {&price, 1, "19,95", "19.9500", BIT(IMPORT_COMMA)}, {&price, 1, "19.95", "19.9500", BIT(IMPORT_POINT)},
        {&price, 0, "1.200", "1.2000", BIT(IMPORT_MAYBE_POINT)}, {&price, 1, "1,200", "1.2000", BIT(IMPORT_MAYBE_COMMA)},
        {&price, 0, "0.125", "0.1250", BIT(IMPORT_POINT)}, {&price, 0, "1200.500", "1200.5000", BIT(IMPORT_POINT)},
        {&price, 1, "1.234,56", "!", BIT(IMPORT_THOUSANDS)}, {&price, 0, "1.234.567", "!", BIT(IMPORT_THOUSANDS)},
        {&price, 0, "1,234.56", "!", BIT(IMPORT_THOUSANDS)}, {&price, 0, " 7 ", "7.0000", 0}, {&price, 0, "", "!", 0},
        {&price, 0, "0", "0.0000", BIT(IMPORT_ZERO)}, {&price, 0, "1.00001", "!", BIT(IMPORT_POINT)}, {&price, 0,
        "7%", "!", 0},
        {&size, 0, "453.592292", "453.59", BIT(IMPORT_ROUNDED) | BIT(IMPORT_POINT)},
        {&size, 0, "0.30000000000000004", "0.30", BIT(IMPORT_ROUNDED) | BIT(IMPORT_POINT)},
        {&size, 0, "0.005", "0.01", BIT(IMPORT_ROUNDED) | BIT(IMPORT_POINT)},
        {&size, 0, "-0.005", "-0.01", BIT(IMPORT_ROUNDED) | BIT(IMPORT_POINT)},
        {&size, 0, ".0049", "0.00", BIT(IMPORT_ROUNDED) | BIT(IMPORT_POINT)},
        {&size, 0, "99999999.995", "!", BIT(IMPORT_ROUNDED) | BIT(IMPORT_POINT)},
        {&size, 0, "99999999.994", "99999999.99", BIT(IMPORT_ROUNDED) | BIT(IMPORT_POINT)},
        {&size, 1, "1,005", "1.01", BIT(IMPORT_ROUNDED) | BIT(IMPORT_MAYBE_COMMA)}, {&size, 0, "1e3", "!", 0},
        {&share, 0, "7.5", "7.5000", BIT(IMPORT_POINT)}, {&share, 0, "0.075", "0.0750",
        BIT(IMPORT_POINT) | BIT(IMPORT_SMALL)},
        {&share, 0, "0.5%", "0.5000", BIT(IMPORT_POINT)}, {&share, 0, "7.5 %", "7.5000", BIT(IMPORT_POINT)}, {&share,
        0, "%", "!", 0},
        {&share, 0, "0", "0.0000", 0}, {&share, 0, "1", "1.0000", 0}, {&share, 0, "101%", "!", 0},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        import_reading how = {cases[i].comma, 0};
        const char *expected = cases[i].remarks
            ? apr_psprintf(pool, "%s %x", cases[i].value, cases[i].remarks) : cases[i].value;
        const char *got = checked(cases[i].column, &how, cases[i].text, pool);

        okf(strcmp(got, expected) == 0, "%s '%s' is %s (%s)", cases[i].column->csv, cases[i].text, expected, got);
    }
}

static void test_cut(void)
{
    static const import_column name = {.csv = "N", .type = IMPORT_TEXT, .size = 3};
    static const import_column bytes = {.csv = "B", .type = IMPORT_TEXT, .size = 3, .flags = IMPORT_BYTES};
    static const import_column url = {.csv = "U", .type = IMPORT_TEXT, .size = 3, .flags = IMPORT_WHOLE};
    static const import_column code = {.csv = "C", .type = IMPORT_CODE, .size = 3};
    static const import_reading as_given = {0, 0}, cut = {0, 1};
    const char *remark = apr_psprintf(pool, " %x", BIT(IMPORT_CUT));

    okf(strcmp(checked(&name, &as_given, "\xc3\xa4\xc3\xa4\xc3\xa4", pool), "\xc3\xa4\xc3\xa4\xc3\xa4") == 0,
       "characters count");
    okf(*checked(&name, &as_given, "abcd", pool) == '!', "one too many is refused");
    okf(strcmp(checked(&name, &cut, "ab\xc3\xa4\xf0\x9f\x8e\x83", pool), apr_pstrcat(pool, "ab\xc3\xa4", remark, NULL)) == 0,
       "or cut, behind a whole character");
    okf(strcmp(checked(&bytes, &cut, "ab\xc3\xa4", pool), apr_pstrcat(pool, "ab", remark, NULL)) == 0,
        "where bytes count, too");
    okf(strcmp(checked(&bytes, &cut, "abcd", pool), apr_pstrcat(pool, "abc", remark, NULL)) == 0, "all that fits");
    okf(*checked(&url, &cut, "abcd", pool) == '!' && *checked(&code, &cut, "abcd", pool) == '!',
        "URLs and codes are never cut");
}

static void test_flags(void)
{
    static const import_column flag = {.csv = "F", .type = IMPORT_FLAG};
    static const import_reading as_given = {0, 0};
    static const char *const yes[] = {"1", "Y", "y", "t", "TRUE", "WAHR", "Ja", "vrai", "VERDADERO", " yes ", "on", NULL};
    static const char *const no[] = {"0", "N", "n", "f", "FALSE", "FALSCH", "nein", "faux", "FALSO", "off", "", NULL};
    static const char *const bad[] = {"2", "-1", "maybe", "x", "o", "s", "01", NULL};
    int i;

    for (i = 0; yes[i]; i++) {
        okf(strcmp(checked(&flag, &as_given, yes[i], pool), "1") == 0, "'%s' is yes", yes[i]);
    }
    for (i = 0; no[i]; i++) {
        okf(strcmp(checked(&flag, &as_given, no[i], pool), "0") == 0, "'%s' is no", no[i]);
    }
    for (i = 0; bad[i]; i++) {
        okf(*checked(&flag, &as_given, bad[i], pool) == '!', "'%s' is neither", bad[i]);
    }
}

void unit_import_value(void)
{
    test_numbers();
    test_cut();
    test_flags();
}
