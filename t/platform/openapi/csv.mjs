// SPDX-License-Identifier: Apache-2.0
// The CSV of the demo's lists as csv-parse reads it, with the options that importers use: the rows of the JSON, cell by cell.
import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";

const env = (name) => process.env[name] ?? assert.fail(`${name} is not set`);
const get = async (path, token) => {
    const answer = await fetch(env("KISS_URL") + path, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 200, path);
    return answer;
};
const given = await fetch(`${env("KISS_URL")}/auth/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: env("KISS_CLIENT_ID"), client_secret: env("KISS_CLIENT_SECRET") }),
});
const token = (await given.json()).access_token;

/** A member of the JSON as the text of a cell; a number is compared as one. */
const same = (cell, value) => value === null ? cell === "" : typeof value === "number" ? cell !== "" && Number(cell) === value
    : cell === String(value).replace(/\r\n?/g, "\n");

for (const list of ["/products", "/stock", "/prices"]) {
    const rows = await (await get(list, token)).json();
    // Of several prices of a SKU the first one has the least quantity.
    const first = rows.filter((row, i) => i === 0 || rows[i - 1].SKU !== row.SKU);
    for (const suffix of [".csv", ".bom.csv"]) {
        // Not text(), which removes a byte order mark.
        const bytes = Buffer.from(await (await get(list + suffix, token)).arrayBuffer());
        const records = parse(bytes, { columns: true, bom: suffix === ".bom.csv" });
        assert.equal(records.length, first.length, list + suffix);
        let cells = 0;
        records.forEach((record, i) => {
            for (const [name, cell] of Object.entries(record)) {
                if (name in first[i]) {
                    assert.ok(same(cell, first[i][name]), `${list}${suffix}, record ${i}, ${name}: ${cell} is not ${first[i][name]}`);
                    cells++;
                }
            }
            assert.ok("SKU" in record, `${list}${suffix} has no column SKU`);
        });
        console.log(`${list}${suffix}: ${records.length} records, ${cells} cells are those of the JSON`);
    }
}
