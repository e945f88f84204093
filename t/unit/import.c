/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import - unit test of what the import knows of texts, names, numbers and rules (support/import_text.c, import_number.c,
 * import_table.c, import_value.c). Prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "import_text.h"
#include "import_value.h"

static int tests;

static void ok(int good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void ok(int good, const char *fmt, ...)
{
    va_list args;

    printf("%sok %d - ", good ? "" : "not ", ++tests);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

static void test_trim(void)
{
    static const struct {
        const char *text, *trimmed;
    } cases[] = {
        {"x", "x"}, {"", ""}, {"   ", ""}, {" \tx y\r\n", "x y"}, {"\xc2\xa0x\xc2\xa0", "x"}, {"\xe3\x80\x80x", "x"},
        {"x\xe2\x80\x8b", "x"}, {"\xef\xbb\xbfx", "x"}, {"x\xe2\x81\xa0\xe2\x80\xaf", "x"}, {"x\xc2\x85", "x"},
        {"\xe1\x9a\x80x\xe1\xa0\x8e", "x"}, {"x\xc2\xad", "x\xc2\xad"}, {"\xc3\xa4", "\xc3\xa4"},
        {"x\xe2\x80\x9d", "x\xe2\x80\x9d"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *text = cases[i].text;
        apr_size_t len = strlen(text);

        import_trim(&text, &len);
        ok(len == strlen(cases[i].trimmed) && memcmp(text, cases[i].trimmed, len) == 0, "trimmed: case %d", (int)i);
    }
}

static void test_names(void)
{
    static const struct {
        const char *a, *b;
        int same;
    } cases[] = {
        {"SKU", "sku", 1}, {"SKU", " sKU ", 1}, {"StockLocation", "Stock Location", 1},
        {"StockLocation", "stock_location", 1},
        {"SKU", "\xef\xbb\xbfSKU", 1}, {"AvailableQTY", "availableQTY", 1}, {"SKU", "SKUs", 0}, {"SKU", "SK", 0},
        {"", " _", 1},
        {"PackagedLength_in_cm", "packaged length in cm", 1}, {"Gr\xc3\xb6\xc3\x9f" "e", "gr\xc3\xb6\xc3\x9f" "E", 1},
        {"Gr\xc3\xb6\xc3\x9f" "e", "gr\xc3\x96\xc3\x9f" "e", 0}, {"Stock-Location", "StockLocation", 0},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ok(import_same_name(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b)) == cases[i].same,
           "'%s' and '%s'", cases[i].a, cases[i].b);
    }
}

/** No two columns of a file can be meant by one name. */
static void test_ambiguity(const import_set *set)
{
    const import_column *column;
    int i, good = 1;

    for (i = 0; i < set->n; i++) {
        for (column = set->files[i].columns; column->csv; column++) {
            const char *name = column->csv, *alias = column->alias;

            good = good && ((column->flags & IMPORT_HIDDEN) 
                         || import_column_named(&set->files[i], name, strlen(name)) == column)
                && (!alias || import_column_named(&set->files[i], alias, strlen(alias)) == column);
        }
    }
    ok(good, "%s: each name means one column", set->name);
}

static void test_hidden(void)
{
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"A-1", NULL}, {"A 1", NULL}, {"M\xc3\x9cLLER", NULL}, {"\xf0\x9f\x8e\x83", NULL},
        {"A\xc2\xa0" "1", "NO-BREAK SPACE"},
        {"A\xc2\xad" "1", "SOFT HYPHEN"}, {"A\xe2\x80\x8b" "1", "ZERO WIDTH SPACE"},
        {"A\xef\xbb\xbf" "1", "ZERO WIDTH NO-BREAK SPACE"},
        {"\xe2\x80\x8e" "A", "LEFT-TO-RIGHT MARK"}, {"A\xe2\x80\x89" "1", "THIN SPACE"},
        {"A\xef\xb8\x8f", "VARIATION SELECTOR"},
        {"A\xe2\x80\x93" "1", NULL}, {"A\xf3\xa0\x80\xa0", "TAG OR VARIATION SELECTOR"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *name = import_hidden_in(cases[i].text, strlen(cases[i].text));

        ok((!name && !cases[i].name) || (name && cases[i].name && strcmp(name, cases[i].name) == 0), "hidden: case %d, %s",
           (int)i, name ? name : "none");
    }
}

static void test_damage(void)
{
    static const char *const damaged[] = {"5.01235E+12", "4,00634E+12", "1.06141412345679E+017", "1e+21", "5E+12", "1.2E-05",
                                          "#N/A", "#NV", "#REF!", "#NAME?", "#WERT!", "#####", "#DIV/0!", "Err:502",
                                          "Fehler:502",
                                          "[object Object]", "undefined", "NaN", "null", "M\xef\xbf\xbdLLER",
                                          "\xef\xbf\xbd", NULL};
    static const char *const codes[] = {"5E12", "10E-12", "12E+05X", "1.5E+1", "#1", "#12!", "NULL", "Err", "Err:",
                                        "E+12", "1E", "N/A",
                                        "10E+12", "A1.2E+12", "[X]", "#A-1", "5012345678900", NULL};
    int i;

    for (i = 0; damaged[i]; i++) {
        ok(import_damage(damaged[i], strlen(damaged[i])) != NULL, "'%s' is damaged", damaged[i]);
    }
    for (i = 0; codes[i]; i++) {
        ok(import_damage(codes[i], strlen(codes[i])) == NULL, "'%s' is a code", codes[i]);
    }
}

static void test_gtin(void)
{
    static const struct {
        const char *text;
        import_gtin gtin;
    } cases[] = {
        {"4006381333931", IMPORT_GTIN_GOOD}, {"4006381333932", IMPORT_GTIN_CHECK_DIGIT}, {"036000291452", IMPORT_GTIN_GOOD},
        {"36000291452", IMPORT_GTIN_SHORT}, {"73513537", IMPORT_GTIN_GOOD}, {"73513536", IMPORT_GTIN_CHECK_DIGIT},
        {"14006381333938", IMPORT_GTIN_GOOD}, {"123456", IMPORT_GTIN_GOOD}, {"123456789012345678901234", IMPORT_GTIN_GOOD},
        {"X4006381333931", IMPORT_GTIN_GOOD}, {"", IMPORT_GTIN_GOOD}, {"0", IMPORT_GTIN_GOOD},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ok(import_gtin_of(cases[i].text, strlen(cases[i].text)) == cases[i].gtin, "barcode '%s'", cases[i].text);
    }
}

/** A cell of a column, checked: "value", "!" for a fault, remarks as bits behind a blank. */
static const char *checked(const import_column *column, const import_reading *how, const char *text, apr_pool_t *p)
{
    import_value value;
    const char *error = import_value_check(&value, column, how, text, strlen(text), p);

    return apr_psprintf(p, "%s%.*s%s", error ? "!" : "", error ? 0 : (int)value.len, value.text,
                        value.remarks ? apr_psprintf(p, " %x", value.remarks) : "");
}

#define BIT(remark) (1U << (remark))

static void test_numbers(apr_pool_t *p)
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
            ? apr_psprintf(p, "%s %x", cases[i].value, cases[i].remarks) : cases[i].value;
        const char *got = checked(cases[i].column, &how, cases[i].text, p);

        ok(strcmp(got, expected) == 0, "%s '%s' is %s (%s)", cases[i].column->csv, cases[i].text, expected, got);
    }
}

static void test_cut(apr_pool_t *p)
{
    static const import_column name = {.csv = "N", .type = IMPORT_TEXT, .size = 3};
    static const import_column bytes = {.csv = "B", .type = IMPORT_TEXT, .size = 3, .flags = IMPORT_BYTES};
    static const import_column url = {.csv = "U", .type = IMPORT_TEXT, .size = 3, .flags = IMPORT_WHOLE};
    static const import_column code = {.csv = "C", .type = IMPORT_CODE, .size = 3};
    static const import_reading as_given = {0, 0}, cut = {0, 1};
    const char *remark = apr_psprintf(p, " %x", BIT(IMPORT_CUT));

    ok(strcmp(checked(&name, &as_given, "\xc3\xa4\xc3\xa4\xc3\xa4", p), "\xc3\xa4\xc3\xa4\xc3\xa4") == 0,
       "characters count");
    ok(*checked(&name, &as_given, "abcd", p) == '!', "one too many is refused");
    ok(strcmp(checked(&name, &cut, "ab\xc3\xa4\xf0\x9f\x8e\x83", p), apr_pstrcat(p, "ab\xc3\xa4", remark, NULL)) == 0,
       "or cut, behind a whole character");
    ok(strcmp(checked(&bytes, &cut, "ab\xc3\xa4", p), apr_pstrcat(p, "ab", remark, NULL)) == 0, "where bytes count, too");
    ok(strcmp(checked(&bytes, &cut, "abcd", p), apr_pstrcat(p, "abc", remark, NULL)) == 0, "all that fits");
    ok(*checked(&url, &cut, "abcd", p) == '!' && *checked(&code, &cut, "abcd", p) == '!', "URLs and codes are never cut");
}

static void test_flags(apr_pool_t *p)
{
    static const import_column flag = {.csv = "F", .type = IMPORT_FLAG};
    static const import_reading as_given = {0, 0};
    static const char *const yes[] = {"1", "Y", "y", "t", "TRUE", "WAHR", "Ja", "vrai", "VERDADERO", " yes ", "on", NULL};
    static const char *const no[] = {"0", "N", "n", "f", "FALSE", "FALSCH", "nein", "faux", "FALSO", "off", "", NULL};
    static const char *const bad[] = {"2", "-1", "maybe", "x", "o", "s", "01", NULL};
    int i;

    for (i = 0; yes[i]; i++) {
        ok(strcmp(checked(&flag, &as_given, yes[i], p), "1") == 0, "'%s' is yes", yes[i]);
    }
    for (i = 0; no[i]; i++) {
        ok(strcmp(checked(&flag, &as_given, no[i], p), "0") == 0, "'%s' is no", no[i]);
    }
    for (i = 0; bad[i]; i++) {
        ok(*checked(&flag, &as_given, bad[i], p) == '!', "'%s' is neither", bad[i]);
    }
}

/** "1,048,576" */
static const char *grouped(apr_pool_t *p, int n)
{
    return n < 1000 ? apr_itoa(p, n) : apr_psprintf(p, "%s,%03d", grouped(p, n / 1000), n % 1000);
}

/** The rows of the table of limits in doc/import-values.md. */
static void print_limits(const import_set *set, apr_pool_t *p)
{
    const import_column *column;
    int i;

    for (i = 0; i < set->n; i++) {
        const char *list = "";

        for (column = set->files[i].columns; column->csv; column++) {
            const char *kind = column->flags & IMPORT_BYTES ? " bytes" : column->type == IMPORT_CODE ? " (code)"
                : column->flags & IMPORT_WHOLE ? " (link)" : "";

            if (column->type == IMPORT_TEXT || column->type == IMPORT_CODE) {
                list = apr_pstrcat(p, list, *list ? ", " : "", column->csv, " ", grouped(p, column->size), kind, NULL);
            }
        }
        if (*list) {
            printf("| `%s` | %s |\n", set->files[i].file, list);
        }
    }
}

int main(int argc, char **argv)
{
    apr_pool_t *p;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    if (argc == 2 && strcmp(argv[1], "limits") == 0) {
        print_limits(&import_customer_set, p);
        print_limits(&import_kss_set, p);
        return 0;
    }
    test_trim();
    test_names();
    test_ambiguity(&import_customer_set);
    test_ambiguity(&import_kss_set);
    test_hidden();
    test_damage();
    test_gtin();
    test_numbers(p);
    test_cut(p);
    test_flags(p);
    printf("1..%d\n", tests);
    return 0;
}
