// SPDX-License-Identifier: Apache-2.0
// The documentation pages of the demo in headless Chromium: what they list and show, a call with a token and with a key, no error in
// the console, no request to another host. Screenshots go to the folder that is named.
import assert from "node:assert/strict";
import { chromium, devices } from "playwright-core";

const env = (name) => process.env[name] ?? assert.fail(`${name} is not set`);
const folder = process.argv[2];
const customer = env("KISS_URL"), kss = new URL(env("KSS_URL")).origin;
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"],
});

/** A page in a window of its own, and what went wrong in it. */
const open = async (url, device = {}, shown = ".opblock") => {
    // The demo's authority is known to curl and Node, not to the browser.
    const context = await browser.newContext({ ...device, ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const wrong = [];
    page.on("console", (m) => ["error", "warning"].includes(m.type()) && wrong.push(`console: ${m.text()}`));
    page.on("pageerror", (e) => wrong.push(`page: ${e.message}`));
    page.on("request", (r) => !r.url().startsWith("data:") && new URL(r.url()).origin !== new URL(url).origin && wrong.push(`request: ${r.url()}`));
    await page.goto(url);
    await page.waitForSelector(shown);
    return { page, wrong };
};
const done = async ({ page, wrong }, name) => {
    assert.deepEqual(wrong, [], name);
    await page.context().close();
};
const token = async () => {
    const answer = await fetch(`${customer}/auth/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", client_id: env("KISS_CLIENT_ID"), client_secret: env("KISS_CLIENT_SECRET") }),
    });
    return (await answer.json()).access_token;
};
const documented = async (url, headers = {}) => {
    const document = await (await fetch(url, { headers })).json();
    return Object.values(document.paths).flatMap((p) => Object.values(p)).length;
};

// --- the Customer API

let it = await open(`${customer}/docs/`);
let { page } = it;
const response = await page.goto(`${customer}/docs`);
await page.waitForSelector(".opblock");
assert.ok(page.url().endsWith("/docs/"), "/docs leads to /docs/");
const policy = response.headers()["content-security-policy"] ?? "";
assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
assert.doesNotMatch(policy, /unsafe/);
assert.equal(await page.title(), "Kiss Customer API");
assert.equal(await page.locator(".opblock").count(), await documented(`${customer}/openapi.json`), "all operations");
await page.screenshot({ path: `${folder}/customer.png` });

await page.locator("#operations-Catalogue-getProducts .opblock-summary-control").first().click();
const products = page.locator("#operations-Catalogue-getProducts");
await products.getByRole("tab", { name: "Schema" }).or(products.getByRole("button", { name: "Schema" })).first().click();
await page.waitForFunction(() => document.querySelector("#operations-Catalogue-getProducts").textContent.includes("WebsiteDescription"));
await page.screenshot({ path: `${folder}/products.png`, fullPage: true });

const call = async (page, id, name) => {
    const operation = page.locator(`#${id}`);
    if (!(await operation.getByRole("button", { name: "Try it out" }).count())) {
        await operation.locator(".opblock-summary-control").first().click();
    }
    await operation.getByRole("button", { name: "Try it out" }).click();
    return { operation, send: async () => {
        await operation.getByRole("button", { name: "Execute", exact: true }).click();
        const status = operation.locator(".live-responses-table .response-col_status").last();
        await status.waitFor();
        return { status: (await status.textContent()).trim().slice(0, 3), body: await operation.locator(".live-responses-table .response-col_description").last().textContent() };
    }, name };
};

// A token that was pasted.
await page.locator(".auth-wrapper .authorize").click();
const form = page.locator(".auth-container").filter({ hasText: "accessToken" });
await form.locator("input").first().fill(await token());
await form.getByRole("button", { name: "Apply credentials" }).or(form.getByRole("button", { name: "Authorize" })).first().click();
await page.locator(".modal-ux .close-modal").click();
let answer = await (await call(page, "operations-Stock-getStock")).send();
assert.equal(answer.status, "200");
assert.match(answer.body, /"AvailableQTY"/);
await page.locator("#operations-Stock-getStock").scrollIntoViewIfNeeded();
await page.screenshot({ path: `${folder}/call.png` });

// A long answer is cut.
answer = await (await call(page, "operations-Catalogue-getProducts")).send();
assert.equal(answer.status, "200");
const length = (await (await fetch(`${customer}/products`, { headers: { Authorization: `Bearer ${await token()}` } })).text()).length;
assert.equal(/more characters are not shown here/.test(answer.body), length > 200000, `${length} characters`);
await done(it, "the Customer API");

// Client credentials: the page fetches the token.
it = await open(`${customer}/docs/`);
({ page } = it);
await page.locator(".auth-wrapper .authorize").click();
const oauth = page.locator(".auth-container").filter({ hasText: "clientCredentials" }).first();
await oauth.locator("input[data-name=clientId], #client_id_clientCredentials").first().fill(env("KISS_CLIENT_ID"));
await oauth.locator("input[data-name=clientSecret], #client_secret_clientCredentials").first().fill(env("KISS_CLIENT_SECRET"));
await oauth.getByRole("button", { name: "Authorize" }).or(oauth.getByRole("button", { name: "Apply given OAuth2 credentials" })).first().click();
await oauth.getByRole("button", { name: "Logout" }).or(oauth.getByRole("button", { name: "Remove authorization" })).first().waitFor();
await page.locator(".modal-ux .close-modal").click();
answer = await (await call(page, "operations-Prices-getPrices")).send();
assert.equal(answer.status, "200");
await done(it, "client credentials");

// --- the KSS API

it = await open(`${kss}/docs/`);
({ page } = it);
assert.equal(await page.title(), "KSS API");
assert.equal(await page.locator(".opblock").count(), await documented(`${kss}/api/v1/openapi.json`), "what every type of key gets");
assert.equal(await page.locator("#operations-Payments-postPaymentsApplications").count(), 0);
await page.locator("#api-key").fill(env("KSS_EMPLOYEE_KEY"));
await page.locator("#key button").click();
await page.locator("#operations-Payments-postPaymentsApplications").waitFor();
assert.equal(await page.locator(".opblock").count(), await documented(`${kss}/api/v1/openapi.json`, { "x-api-key": env("KSS_EMPLOYEE_KEY") }), "what this key gets");
await page.screenshot({ path: `${folder}/kss.png` });
const invoices = await call(page, "operations-Invoices-getInvoices");
answer = await invoices.send();
assert.equal(answer.status, "200", "a call with the key that was given");
assert.match(answer.body, /"HasNextPage"/);
await page.screenshot({ path: `${folder}/kss-call.png`, fullPage: true });
await done(it, "the KSS API");

it = await open(`${kss}/docs/`);
({ page } = it);
await page.locator("#api-key").fill("kss_wrong");
await page.locator("#key button").click();
await page.locator("#problem:not([hidden])").waitFor();
assert.match(await page.locator("#problem").textContent(), /not valid/);
it.wrong = it.wrong.filter((w) => !/401/.test(w));       // the browser itself reports the refused request
await done(it, "a wrong key");

// --- a phone

const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
for (const colorScheme of ["light", "dark"]) {
    const phone = { ...devices["Pixel 7"], viewport: { width: 390, height: 844 }, colorScheme };
    for (const [name, url] of [["customer", customer], ["kss", kss]]) {
        it = await open(`${url}/docs/`, phone);
        ({ page } = it);
        assert.ok((await wide(page)) <= 0, `${name}: no wider than the phone`);
        await page.screenshot({ path: `${folder}/phone-${name}-${colorScheme}.png` });
        const operations = page.locator(".opblock .opblock-summary-control");
        for (let i = 0; i < await operations.count(); i++) {
            await operations.nth(i).tap();
            await page.locator(".opblock-body").first().waitFor();
            assert.ok((await wide(page)) <= 0, `${name}: nor with ${await operations.nth(i).textContent()} open`);
            if (i === 1) {
                await page.screenshot({ path: `${folder}/phone-${name}-${colorScheme}-open.png` });
            }
            await operations.nth(i).tap();
            await page.waitForFunction(() => !document.querySelector(".opblock.is-open"));
        }
        await page.locator(".auth-wrapper .authorize").tap();
        await page.locator(".close-modal").waitFor();
        assert.ok((await wide(page)) <= 0, `${name}: nor with the dialogue open`);
        await done(it, `${name} on a phone`);
    }
    it = await open(`${customer}/kiss-status`, phone, ".wide");
    assert.ok((await wide(it.page)) <= 0, "status page: no wider than the phone");
    await it.page.screenshot({ path: `${folder}/phone-status-${colorScheme}.png`, fullPage: true });
    await done(it, "status page on a phone");
}
await browser.close();
console.log("documentation and status pages: listed, called, no errors, no other host, none wider than a phone");
