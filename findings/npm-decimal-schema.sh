#!/bin/bash
# JSON Schema says of a price with four decimals: multipleOf 0.0001. Two validators of npm see it so. Ajv, which most
# others are built on, divides two doubles and wants a whole number: more than a quarter of all prices with four decimals
# are refused, and of prices in cents (multipleOf 0.01) every ninth, unless its option multipleOfPrecision is set, which is
# off by default. A schema whose users are unknown had better say the digits in words.
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

npm_root ajv@8.20.0 @cfworker/json-schema@4.1.6 jsonschema@1.5.0
cat >"$work/npm/prices.mjs" <<'JS'
import Ajv from 'ajv/dist/2020.js';
import { Validator as Cfworker } from '@cfworker/json-schema';
import { Validator as Jsonschema } from 'jsonschema';

const of = digits => ({ type: 'number', multipleOf: Number(`1e-${digits}`) });
const validators = {
    'ajv': schema => new Ajv.default().compile(schema),
    'ajv, multipleOfPrecision 9': schema => new Ajv.default({ multipleOfPrecision: 9 }).compile(schema),
    '@cfworker/json-schema': schema => { const v = new Cfworker(schema, '2020-12'); return x => v.validate(x).valid; },
    'jsonschema': schema => { const v = new Jsonschema(); return x => v.validate(x, schema).valid; }
};
for (const digits of [4, 2]) {
    for (const [name, make] of Object.entries(validators)) {
        const valid = make(of(digits));
        let refused = 0;
        // Each number as it stands in a JSON text.
        for (let i = 1; i <= 100000; i++) refused += !valid(JSON.parse((i / 10 ** digits).toFixed(digits)));
        console.log(`${digits} decimals, ${name}: ${refused}`);
    }
}
JS
seen "ajv 8.20.0, @cfworker/json-schema 4.1.6, jsonschema 1.5.0: refused of the first 100,000 prices" '4 decimals, ajv: 27943
4 decimals, ajv, multipleOfPrecision 9: 0
4 decimals, @cfworker/json-schema: 0
4 decimals, jsonschema: 0
2 decimals, ajv: 11426
2 decimals, ajv, multipleOfPrecision 9: 0
2 decimals, @cfworker/json-schema: 0
2 decimals, jsonschema: 0' "$(cd "$work/npm" && node prices.mjs 2>&1)"
verdict
