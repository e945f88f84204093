#!/bin/bash
# json-c, JSON_TOKENER_STRICT: from 0.16 (Debian 12) to 0.18 (Debian 13) a string that holds a letter beyond ASCII is no
# longer JSON. RFC 8259 §8.1: such text is UTF-8 and needs no escape. A program that parses strictly, as one does with
# what strangers send, refuses names like Müller after the upgrade of the system, without being rebuilt. Names of
# members pass.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

cat >"$work/strict.c" <<'C'
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const char *texts[] = { "{\"name\":\"M\xc3\xbcller\"}", "{\"name\":\"M\\u00fcller\"}", "{\"M\xc3\xbcller\":1}" };
    for (int i = 0; i < 3; i++) {
        struct json_tokener *t = json_tokener_new();
        json_tokener_set_flags(t, JSON_TOKENER_STRICT);
        struct json_object *o = json_tokener_parse_ex(t, texts[i], (int)strlen(texts[i]) + 1);
        printf("%s: %s\n", texts[i], o ? "parsed" : json_tokener_error_desc(json_tokener_get_error(t)));
        json_object_put(o);
        json_tokener_free(t);
    }
    return 0;
}
C

for version in 'bookworm 0.16-2' 'trixie 0.18+ds-1'; do
    debian_root "${version% *}" "libjson-c5=${version#* }" "libjson-c-dev=${version#* }"
    compile "$work/strict.c" strict -ljson-c
    case $version in
    bookworm*) expected='{"name":"Müller"}: parsed
{"name":"M\u00fcller"}: parsed
{"Müller":1}: parsed' ;;
    *) expected='{"name":"Müller"}: invalid string sequence
{"name":"M\u00fcller"}: parsed
{"Müller":1}: parsed' ;;
    esac
    seen "json-c ${version#* }, JSON_TOKENER_STRICT" "$expected" "$(inside /strict)"
done
verdict
