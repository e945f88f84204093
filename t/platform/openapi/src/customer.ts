// SPDX-License-Identifier: Apache-2.0
// Polls the Customer API with the client that @hey-api/openapi-ts has generated.
import assert from "node:assert/strict";
import { createClient, createConfig } from "../generated/customer/client/index.js";
import { getHealth, getProducts, getProductsSchema, getStock, getVersion, postToken } from "../generated/customer/sdk.gen.js";
import type { Product, Stock, StockChanges } from "../generated/customer/types.gen.js";

const env = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`);
let token = "";
// The server's URL is that of the document.
const client = createClient(createConfig({ baseUrl: env("DOCUMENT_SERVER"), auth: () => token }));

const refused = await getStock({ client });
assert.equal(refused.response?.status, 401);

const credentials = { grant_type: "client_credentials", client_id: env("KISS_CLIENT_ID"), client_secret: env("KISS_CLIENT_SECRET") } as const;
const wrong = await postToken({ client, body: { ...credentials, client_secret: "wrong" } });
assert.equal(wrong.response?.status, 401);
assert.equal((wrong.error as { error: string }).error, "invalid_client");
const given = await postToken({ client, body: credentials });
assert.ok(given.data, "a token");
token = given.data.access_token;

const version = await getVersion({ client });
assert.match(version.data?.apiVersion ?? "", /^\d{4}-\d{2}$/);
assert.equal((await getHealth({ client })).data, "Healthy");

const whole = await getStock({ client });
assert.equal(whole.response?.status, 200);
const rows = whole.data as Array<Stock>;
assert.ok(rows.length > 0 && typeof rows[0]?.SKU === "string");
const eta: string | null = rows[0]!.NextAvailableETA;
assert.ok(eta === null || /^\d{4}-\d{2}-\d{2}$/.test(eta));
const tag = whole.response?.headers.get("ETag") ?? assert.fail("no ETag");

const again = await getStock({ client, headers: { "If-None-Match": tag, "A-IM": "sku-delta" } });
assert.equal(again.response?.status, 304);
const changes: StockChanges = { added: [], changed: rows.slice(0, 1), removed: ["NO-SUCH-SKU"] };
assert.equal(changes.changed.length, 1);

const products = (await getProducts({ client })).data as Array<Product>;
assert.ok(products.some((p) => p.ProductPrices.length > 0 && p.ProductPrices[0]!.PriceExclVAT > 0));
const schema = await getProductsSchema({ client });
assert.ok(schema.data?.arrays["productImages"]?.fields.some((f) => f.name === "fileName"));
console.log(`Customer API: ${products.length} products, ${rows.length} rows of stock, unchanged since ${tag}`);
