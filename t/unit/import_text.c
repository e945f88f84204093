/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: blanks and letters that nobody sees, names that are the same, codes that a spreadsheet has damaged, barcodes.
   */
#include "lib/import/import_text.h"

#include <string.h>

#include "unit.h"

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
        okf(len == strlen(cases[i].trimmed) && memcmp(text, cases[i].trimmed, len) == 0, "trimmed: case %d", (int)i);
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
        okf(import_same_name(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b)) == cases[i].same,
           "'%s' and '%s'", cases[i].a, cases[i].b);
    }
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

        okf((!name && !cases[i].name) || (name && cases[i].name && strcmp(name, cases[i].name) == 0), "hidden: case %d, %s",
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
        okf(import_damage(damaged[i], strlen(damaged[i])) != NULL, "'%s' is damaged", damaged[i]);
    }
    for (i = 0; codes[i]; i++) {
        okf(import_damage(codes[i], strlen(codes[i])) == NULL, "'%s' is a code", codes[i]);
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
        okf(import_gtin_of(cases[i].text, strlen(cases[i].text)) == cases[i].gtin, "barcode '%s'", cases[i].text);
    }
}

void unit_import_text(void)
{
    test_trim();
    test_names();
    test_hidden();
    test_damage();
    test_gtin();
}
