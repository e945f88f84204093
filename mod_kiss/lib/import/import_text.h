/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_text - what is known of texts: blanks, characters that nobody sees, traces of spreadsheets, barcodes. Pure.
 *
 * All texts are UTF-8 that was checked before (kiss_utf8_check()); none needs a NUL at its end.
 */
#ifndef IMPORT_TEXT_H
#define IMPORT_TEXT_H

#include <apr.h>

/**
 * Bytes of the blank at the beginning of `text`; 0: none.
 *
 * A blank is any character of Unicode's White_Space, and the four without width that were or are called spaces: U+180E,
 * U+200B, U+2060, U+FEFF. The generated column product.is_obsolete (sql/customer) lists the same; a test compares them.
 */
apr_size_t import_blank_at(const char *text, apr_size_t len);

/** Takes the blanks off both ends. */
void import_trim(const char **text, apr_size_t *len);

/** Whether two names of columns or files are the same: ASCII case, blanks and '_' do not count. */
int import_same_name(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len);

/** The Unicode name of the first character that looks like a space or is invisible, but U+0020; NULL: none. */
const char *import_hidden_in(const char *text, apr_size_t len);

/** What a spreadsheet or a program made of a code: "a number in scientific notation", ...; NULL: nothing of the kind. */
const char *import_damage(const char *text, apr_size_t len);

/** Whether it is the value that a spreadsheet shows for an error: "#N/A", "#REF!", "Err:502". */
int import_is_error_value(const char *text, apr_size_t len);

/** What a barcode is. */
typedef enum {
    IMPORT_GTIN_GOOD,           /**< 8, 12, 13 or 14 digits with the right check digit, or no GTIN at all */
    IMPORT_GTIN_CHECK_DIGIT,    /**< of such a length, but the check digit is wrong */
    IMPORT_GTIN_SHORT           /**< 11 digits, or 7 or 10 with the right check digit: leading zeros are lost */
} import_gtin;

/** Checks a barcode (GS1 General Specifications 7.9: check digit modulo 10, weights 3 and 1 from the right). */
import_gtin import_gtin_of(const char *text, apr_size_t len);

#endif
