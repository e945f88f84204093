// SPDX-License-Identifier: Apache-2.0
// Walks the pages of the KSS API with the types that openapi-typescript has generated, and openapi-fetch.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "../generated/kss.js";

const env = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`);
const client = createClient<paths>({
    baseUrl: env("DOCUMENT_SERVER"),
    headers: { "x-api-key": env("KSS_EMPLOYEE_KEY") },
    // Lists are one parameter with commas, as `explode: false` says.
    querySerializer: { array: { style: "form", explode: false } },
});

type Invoice = components["schemas"]["Invoice"];
const invoices: Invoice[] = [];
let tag = "";
for (let page = 1, more = true; more; page++) {
    const { data, response } = await client.GET("/invoices", { params: { query: { Statuses: [1, 2, 3, 4, 5, 7], PageSize: 500, Page: page } } });
    assert.ok(data, `page ${page}: ${response.status}`);
    invoices.push(...data.Data);
    more = data.HasNextPage;
    tag = response.headers.get("ETag") ?? assert.fail("no ETag");
    if (!more) {
        const again = await client.GET("/invoices", {
            params: { query: { Statuses: [1, 2, 3, 4, 5, 7], PageSize: 500, Page: page }, header: { "If-None-Match": tag } },
        });
        assert.equal(again.response.status, 304);
    }
}
assert.ok(invoices.length > 0);
assert.match(invoices[0]!.InvoiceTotal, /^-?\d+\.\d{6}$/);
const order: string | null = invoices[0]!.PONum;
assert.ok(order === null || order.length >= 0);

const one = await client.GET("/invoices/{invoiceID}", { params: { path: { invoiceID: invoices[0]!.InvoiceID } } });
assert.equal(one.data?.Data[0]?.InvoiceNum, invoices[0]!.InvoiceNum);
const lines = await client.GET("/invoiceTransactions", { params: { query: { InvoiceIDs: invoices.slice(0, 3).map((i) => i.InvoiceID) } } });
assert.ok(lines.data);
const bad = await client.GET("/customers", { params: { query: { Page: 0 } } });
assert.equal(bad.response.status, 400);
assert.match(bad.error?.Error ?? "", /^Page parameter is invalid/);
console.log(`KSS API: ${invoices.length} invoices, ${lines.data.Data.length} lines, unchanged since ${tag}`);
