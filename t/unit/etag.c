/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: entity tags in headers: which stand for a content, whatever its coding, and which are none. */
#include "lib/base/etag.h"
#include "unit.h"

/** Takes the first tag of a header. */
static kiss_etag first_tag(const char *header)
{
    kiss_etag tag = { "", 0, 0 };

    kiss_etag_next(&tag, &header);
    return tag;
}

void unit_etag(void)
{
    static const char bare[] = "AAAAAAAAAAAAAAAAAAAA-_";
    static const char *const of_the_content[] = { "\"AAAAAAAAAAAAAAAAAAAA-_\"", "W/\"AAAAAAAAAAAAAAAAAAAA-_-gzip\"",
                                                  "\"AAAAAAAAAAAAAAAAAAAA-_--br\"", " , \"AAAAAAAAAAAAAAAAAAAA-_-x1\"",
                                                  "\"AAAAAAAAAAAAAAAAAAAA-_-gzip1ebf6702\"",
                                                  "\"AAAAAAAAAAAAAAAAAAAA-_-gzip1ebf6702-gunzip\"",
                                                  "\"AAAAAAAAAAAAAAAAAAAA-_-gzip1ebf6702--br\"" };
    static const char *const others[] = { "\"AAAAAAAAAAAAAAAAAAAA-\"", "\"AAAAAAAAAAAAAAAAAAAA-_-\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_--\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_-gzip1ebf670-x\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_-gzip1ebf6702-\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_-gzip1ebf6702-br-br\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_gzip\"", "\"AAAAAAAAAAAAAAAAAAAA-_-gzip-gzip\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_---br\"", "\"AAAAAAAAAAAAAAAAAAAA-_-a234567890123456x\"",
                                          "\"../AAAAAAAAAAAAAAAAA-_\"", "\"\"", "AAAAAAAAAAAAAAAAAAAA-_",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_" };
    const char *list = "\"a\",W/\"b\" , nonsense \"c";
    kiss_etag tag;
    apr_size_t i;

    for (i = 0; i < sizeof(of_the_content) / sizeof(of_the_content[0]); i++) {
        tag = first_tag(of_the_content[i]);
        ok(kiss_etag_stands_for(&tag, bare) && kiss_etag_bare(&tag, 22) == 22, of_the_content[i]);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        tag = first_tag(others[i]);
        ok(!kiss_etag_stands_for(&tag, bare) && kiss_etag_bare(&tag, 22) == 0, others[i]);
    }
    ok(kiss_etag_next(&tag, &list) && !tag.weak && kiss_etag_is(&tag, "a"), "first of a list");
    ok(kiss_etag_next(&tag, &list) && tag.weak && !kiss_etag_is(&tag, "b"), "a weak tag is no strong match");
    ok(!kiss_etag_next(&tag, &list) && !list && !kiss_etag_next(&tag, &list), "what has no end is none");
    ok(kiss_etag_is_any("*") && kiss_etag_is_any(" * ") && !kiss_etag_is_any("*x") && !kiss_etag_is_any("\"*\""), "any");
}
