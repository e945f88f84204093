#!/bin/bash
# An OpenAPI document whose list has one answer, and the same with a second one beside it: JSON lines as another media type
# of the 200, or a 226 (RFC 3229) with a delta. Nothing is said against it, but clients that are generated from it change
# for the first answer, too, without a warning: orval's fetch client no longer returns the parsed list but a stream;
# @hey-api/openapi-ts no longer makes the functions that turn dates into Date objects, so that what was a Date is a
# string at run time; openapi-zod-client leaves the 226 out.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

npm_root orval@8.38.0 @hey-api/openapi-ts@0.99.0 openapi-zod-client@1.18.3 typescript@5.9.3
cd "$work/npm"
cat >documents.mjs <<'JS'
import fs from 'node:fs';

const json = schema => ({ 'application/json': { schema } });
const product = { $ref: '#/components/schemas/Product' };
const document = (media, more) => JSON.stringify({
    openapi: '3.1.0', info: { title: 'list', version: '1' }, servers: [{ url: 'https://api.example.net' }],
    paths: { '/products': { get: { operationId: 'list', responses: {
        200: { description: 'the list', content: { ...json({ type: 'array', items: product }), ...media } }, ...more } } } },
    components: { schemas: { Product: { type: 'object', required: ['sku', 'changed'],
        properties: { sku: { type: 'string' }, changed: { type: 'string', format: 'date-time' } } } } }
});
fs.writeFileSync('alone.json', document());
fs.writeFileSync('lines.json', document({ 'application/x-ndjson': { schema: { type: 'string' } } }));
fs.writeFileSync('delta.json', document({}, { 226: { description: 'a delta',
    content: json({ type: 'object', properties: { changed: { type: 'array', items: product } } }) } }));
JS
node documents.mjs
# generate NAME: what the three make of NAME.json, as yes or no.
generate() {
    npx --no-install orval --input "$1.json" --output "$1/orval.ts" --client fetch >"$1.log" 2>&1 || die "orval failed: $(cat "$1.log")"
    npx --no-install openapi-ts -i "$1.json" -o "$1/hey" -p @hey-api/typescript -p @hey-api/sdk -p @hey-api/transformers >"$1.log" 2>&1 ||
        die "openapi-ts failed: $(cat "$1.log")"
    npx --no-install openapi-zod-client "$1.json" -o "$1/zod.ts" >"$1.log" 2>&1 || die "openapi-zod-client failed: $(cat "$1.log")"
    echo "$1: orval parses the list: $(has 'JSON.parse(body)' "$1/orval.ts"), openapi-ts makes dates: $(has 'new Date' "$1"/hey/transformers.gen.ts)," \
        "openapi-zod-client knows the delta: $(has 226 "$1/zod.ts")"
}
has() { if grep -qsF -- "$1" "$2"; then echo yes; else echo no; fi; }
seen "orval 8.38.0, @hey-api/openapi-ts 0.99.0, openapi-zod-client 1.18.3: one list, alone, beside JSON lines, beside a 226" \
    'alone: orval parses the list: yes, openapi-ts makes dates: yes, openapi-zod-client knows the delta: no
lines: orval parses the list: no, openapi-ts makes dates: yes, openapi-zod-client knows the delta: no
delta: orval parses the list: yes, openapi-ts makes dates: no, openapi-zod-client knows the delta: no' \
    "$(for name in alone lines delta; do generate $name; done)"
verdict
