/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_text - blanks, hidden characters, traces of spreadsheets, barcodes.
 */
#include "lib/import/import_text.h"

#include <string.h>

#include <apr_lib.h>

/** A range of code points and what it is. */
typedef struct {
    unsigned int first, last;
    const char *name;
} range;

/** Looks like a space, or is invisible. In ascending order. */
static const range hidden[] = {
    {0x00a0, 0x00a0, "NO-BREAK SPACE"}, {0x00ad, 0x00ad, "SOFT HYPHEN"},
    {0x034f, 0x034f, "COMBINING GRAPHEME JOINER"}, {0x061c, 0x061c, "ARABIC LETTER MARK"},
    {0x115f, 0x1160, "HANGUL FILLER"}, {0x1680, 0x1680, "OGHAM SPACE MARK"},
    {0x17b4, 0x17b5, "KHMER INHERENT VOWEL"}, {0x180b, 0x180d, "MONGOLIAN VARIATION SELECTOR"},
    {0x180e, 0x180e, "MONGOLIAN VOWEL SEPARATOR"}, {0x180f, 0x180f, "MONGOLIAN VARIATION SELECTOR"},
    {0x2000, 0x2000, "EN QUAD"}, {0x2001, 0x2001, "EM QUAD"}, {0x2002, 0x2002, "EN SPACE"}, {0x2003, 0x2003, "EM SPACE"},
    {0x2004, 0x2004, "THREE-PER-EM SPACE"}, {0x2005, 0x2005, "FOUR-PER-EM SPACE"}, {0x2006, 0x2006, "SIX-PER-EM SPACE"},
    {0x2007, 0x2007, "FIGURE SPACE"}, {0x2008, 0x2008, "PUNCTUATION SPACE"}, {0x2009, 0x2009, "THIN SPACE"},
    {0x200a, 0x200a, "HAIR SPACE"}, {0x200b, 0x200b, "ZERO WIDTH SPACE"}, {0x200c, 0x200c, "ZERO WIDTH NON-JOINER"},
    {0x200d, 0x200d, "ZERO WIDTH JOINER"}, {0x200e, 0x200e, "LEFT-TO-RIGHT MARK"},
    {0x200f, 0x200f, "RIGHT-TO-LEFT MARK"}, {0x2028, 0x2028, "LINE SEPARATOR"}, {0x2029, 0x2029, "PARAGRAPH SEPARATOR"},
    {0x202a, 0x202e, "BIDIRECTIONAL CONTROL"}, {0x202f, 0x202f, "NARROW NO-BREAK SPACE"},
    {0x205f, 0x205f, "MEDIUM MATHEMATICAL SPACE"}, {0x2060, 0x2060, "WORD JOINER"},
    {0x2061, 0x2064, "INVISIBLE OPERATOR"}, {0x2065, 0x206f, "BIDIRECTIONAL CONTROL"},
    {0x3000, 0x3000, "IDEOGRAPHIC SPACE"}, {0x3164, 0x3164, "HANGUL FILLER"}, {0xfe00, 0xfe0f, "VARIATION SELECTOR"},
    {0xfeff, 0xfeff, "ZERO WIDTH NO-BREAK SPACE"}, {0xffa0, 0xffa0, "HALFWIDTH HANGUL FILLER"},
    {0xfff9, 0xfffb, "INTERLINEAR ANNOTATION CONTROL"}, {0xe0000, 0xe0fff, "TAG OR VARIATION SELECTOR"},
};

/** The code point at `text`, and its bytes. */
static unsigned int code_point(const char *text, apr_size_t len, apr_size_t *bytes)
{
    const unsigned char *s = (const unsigned char *)text;

    if (s[0] >= 0xf0 && len >= 4) {
        *bytes = 4;
        return (s[0] & 0x07U) << 18 | (s[1] & 0x3fU) << 12 | (s[2] & 0x3fU) << 6 | (s[3] & 0x3fU);
    }
    if (s[0] >= 0xe0 && len >= 3) {
        *bytes = 3;
        return (s[0] & 0x0fU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
    }
    if (s[0] >= 0xc0 && len >= 2) {
        *bytes = 2;
        return (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU);
    }
    *bytes = 1;
    return s[0];
}

static int is_blank(unsigned int c)
{
    return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 || c == 0x180e
        || (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x2060
        || c == 0x3000 || c == 0xfeff;
}

apr_size_t import_blank_at(const char *text, apr_size_t len)
{
    apr_size_t bytes;

    return len > 0 && is_blank(code_point(text, len, &bytes)) ? bytes : 0;
}

/** Bytes of the blank at the end; 0: none. */
static apr_size_t blank_before(const char *text, apr_size_t len)
{
    apr_size_t n = 1;

    while (n < len && n < 4 && ((unsigned char)text[len - n] & 0xc0) == 0x80) {
        n++;
    }
    return len > 0 && import_blank_at(text + len - n, n) == n ? n : 0;
}

void import_trim(const char **text, apr_size_t *len)
{
    apr_size_t n;

    while ((n = import_blank_at(*text, *len)) > 0) {
        *text += n;
        *len -= n;
    }
    while ((n = blank_before(*text, *len)) > 0) {
        *len -= n;
    }
}

/** Passes over what does not count in a name. */
static void skip_ignored(const char **text, apr_size_t *len)
{
    apr_size_t n;

    while (*len > 0 && (n = **text == '_' ? 1 : import_blank_at(*text, *len)) > 0) {
        *text += n;
        *len -= n;
    }
}

int import_same_name(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len)
{
    for (;; a++, a_len--, b++, b_len--) {
        skip_ignored(&a, &a_len);
        skip_ignored(&b, &b_len);
        if (a_len == 0 || b_len == 0) {
            return a_len == b_len;
        }
        if (*a != *b && ((unsigned char)*a >= 0x80 || apr_tolower(*a) != apr_tolower(*b))) {
            return 0;
        }
    }
}

const char *import_hidden_in(const char *text, apr_size_t len)
{
    apr_size_t at, bytes, i;

    for (at = 0; at < len; at += bytes) {
        unsigned int c = (unsigned char)text[at];

        bytes = 1;
        if (c < 0x80) {
            continue;
        }
        c = code_point(text + at, len - at, &bytes);
        for (i = 0; i < sizeof(hidden) / sizeof(*hidden) && c >= hidden[i].first; i++) {
            if (c <= hidden[i].last) {
                return hidden[i].name;
            }
        }
    }
    return NULL;
}

static int is_word(const char *text, apr_size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/**
 * 5.01235E+12, 4,00634E+12, 1.06141412345679E+017, 1e+21: one digit before the point and a signed exponent of two digits or
 * more, as programs write it. Codes like 5E12 or 10E-12 are codes.
 */
static int is_scientific(const char *text, apr_size_t len)
{
    apr_size_t at = 1, decimals = 0, exponent = 0;

    if (len < 5 || text[0] < '1' || text[0] > '9') {
        return 0;
    }
    if (text[1] == '.' || text[1] == ',') {
        for (at = 2; at < len && apr_isdigit(text[at]); at++) {
            decimals++;
        }
    }
    if (at + 1 >= len || (text[at] != 'E' && text[at] != 'e')
        || (text[at + 1] != '+' && (text[at + 1] != '-' || decimals == 0))) {
        return 0;
    }
    for (at += 2; at < len && apr_isdigit(text[at]); at++) {
        exponent++;
    }
    return at == len && exponent >= 2 && exponent <= 3;
}

int import_is_error_value(const char *text, apr_size_t len)
{
    static const char *const words[] = {"#N/A", "#NV", "#N/D", "#N/B", "#N/V", "#DIV/0!", NULL};
    apr_size_t i;

    if (len >= 6 && len <= 10 && (memcmp(text, "Err:", 4) == 0 || (len > 7 && memcmp(text, "Fehler:", 7) == 0))) {
        for (i = text[0] == 'E' ? 4 : 7; i < len && apr_isdigit(text[i]); i++) {
        }
        return i == len;
    }
    if (len < 3 || *text != '#') {
        return 0;
    }
    for (i = 0; words[i]; i++) {
        if (is_word(text, len, words[i])) {
            return 1;
        }
    }
    /* #REF!, #VALUE!, #NAME?, #WERT! in all languages; ##### of a column that is too narrow. */
    for (i = 1; i < len - 1 && (apr_isupper(text[i]) || ((unsigned char)text[i] & 0x80)); i++) {
    }
    if (i > 1 && i == len - 1 && (text[i] == '!' || text[i] == '?')) {
        return 1;
    }
    for (i = 0; i < len && text[i] == '#'; i++) {
    }
    return i == len;
}

/** U+FFFD, which stands for a character that could not be read. */
static int has_replacement(const char *text, apr_size_t len)
{
    for (; len >= 3 && memcmp(text, "\xef\xbf\xbd", 3) != 0; text++, len--) {
    }
    return len >= 3;
}

const char *import_damage(const char *text, apr_size_t len)
{
    static const char *const leavings[] = {"undefined", "NaN", "null", "(null)", NULL};
    int i;

    if (len < 3) {
        return NULL;
    }
    if (is_scientific(text, len)) {
        return "a number in scientific notation: its digits are lost, export the column as text";
    }
    if (import_is_error_value(text, len)) {
        return "an error of a spreadsheet";
    }
    if (len >= 15 && memcmp(text, "[object ", 8) == 0 && text[len - 1] == ']') {
        return "what a program writes for a value that it cannot write";
    }
    if (has_replacement(text, len)) {
        return "damaged: U+FFFD stands there for a letter that some program could not read, export the file anew as UTF-8";
    }
    for (i = 0; leavings[i]; i++) {
        if (is_word(text, len, leavings[i])) {
            return "what a program writes for a value that it does not have";
        }
    }
    return NULL;
}

/** Whether the last digit is the check digit of the others. */
static int check_digit_good(const char *text, apr_size_t len)
{
    int sum = 0, weight = 1;
    apr_size_t i;

    for (i = len; i > 0; i--, weight = 4 - weight) {
        sum += (text[i - 1] - '0') * weight;
    }
    return sum % 10 == 0;
}

import_gtin import_gtin_of(const char *text, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len && apr_isdigit(text[i]); i++) {
    }
    if (i < len || len == 0) {
        return IMPORT_GTIN_GOOD;
    }
    if (len == 8 || (len >= 12 && len <= 14)) {
        return check_digit_good(text, len) ? IMPORT_GTIN_GOOD : IMPORT_GTIN_CHECK_DIGIT;
    }
    /* Zeros in front change nothing in the sum. */
    return len == 11 || ((len == 7 || len == 10) && check_digit_good(text, len)) ? IMPORT_GTIN_SHORT : IMPORT_GTIN_GOOD;
}
