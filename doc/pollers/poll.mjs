#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Keeps a copy of a list up to date. Node 18 or newer, nothing else.
//
//     poll.mjs LIST FILE [SECONDS]     LIST: products, stock or prices of the Customer API; every SECONDS, or once
//     poll.mjs kss PATH FILE           all pages of a list of the KSS API: '/products?Statuses=1,2'
//
// FILE becomes {"etag": ..., "rows": [...]}, numbers as text, exactly as they were sent. Environment: KISS_URL,
// KISS_CLIENT_ID, KISS_CLIENT_SECRET; KSS_URL, KSS_KEY; KISS_CA, a file with the CA if it is one of your own.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

const SILENCE = 120;                // seconds without a byte
const LONGEST_WAIT = 3600;          // what a limit can ask for
const env = process.env;

class Failed extends Error {}

// JSON, numbers as the text that was sent: a JavaScript number would make 19.95 of 19.9500, and others of long ones.
// Strings are matched first, so digits inside them stay what they are.
function load(data) {
    const text = data.toString('utf8').replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (m) => (m[0] === '"' ? m : `"${m}"`));
    try {
        return JSON.parse(text);
    } catch (e) {
        throw new Failed(`this is not JSON: ${e.message}`);
    }
}

// Not fetch: it refuses a gzip body that arrived whole when the server closes the connection before it was read.
function once(agent, url, method, headers, body) {
    return new Promise((resolve, reject) => {
        const { request } = url.startsWith('https:') ? https : http;
        const req = request(url, { agent, method, headers: { 'Accept-Encoding': 'gzip', ...headers }, timeout: SILENCE * 1000 });
        req.on('timeout', () => req.destroy(new Error(`no byte for ${SILENCE} s`)));
        req.on('error', reject);
        req.on('response', (res) => {
            const parts = [];
            res.on('data', (part) => parts.push(part));
            res.on('error', reject);
            res.on('end', () => {
                // complete: all of Content-Length, or the last chunk. gunzip throws when its own end is missing.
                if (!res.complete) return reject(new Error('the body was broken off'));
                try {
                    let data = Buffer.concat(parts);
                    if (data.length && res.headers['content-encoding'] === 'gzip') data = gunzipSync(data);
                    resolve({ status: res.statusCode, headers: res.headers, data });
                } catch (e) {
                    reject(e);
                }
            });
        });
        req.end(body);
    });
}

class Api {
    constructor(base) {
        this.base = base.replace(/\/$/, '');
        const ca = env.KISS_CA ? fs.readFileSync(env.KISS_CA) : undefined;
        this.agent = new (base.startsWith('https:') ? https : http).Agent({ keepAlive: true, maxSockets: 1, ca });
    }

    // A lost connection is tried again once, 429 and 503 as long as they ask to wait.
    async ask(method, path, headers, body) {
        for (let lost = 0, waits = 0; ; ) {
            let res;
            try {
                res = await once(this.agent, this.base + path, method, headers, body);
            } catch (e) {
                // Also what a kept connection gives that the server has closed meanwhile.
                if (++lost > 1) throw new Failed(`${path}: ${e.message}`);
                continue;
            }
            if ((res.status !== 429 && res.status !== 503) || waits === 5) return res;
            const wait = res.headers['retry-after'] ?? '';
            const seconds = /^\d+$/.test(wait) ? Number(wait) : 30;
            if (seconds > LONGEST_WAIT) return res;
            waits++;
            console.log(`${path}: ${res.status}, waiting ${seconds} s`);
            await sleep(seconds * 1000);
        }
    }
}

// What an error says: error, message (429), error_description (token), Error (KSS); 401 has no body.
function sentence({ status, data }) {
    try {
        const body = load(data);
        return `${status} ${body.error_description ?? body.error ?? body.message ?? body.Error}`;
    } catch {
        return String(status);
    }
}

class Customer extends Api {
    async bearer() {
        if (!this.token || performance.now() >= this.renewAt) {
            const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: env.KISS_CLIENT_ID,
                client_secret: env.KISS_CLIENT_SECRET }).toString();
            const res = await this.ask('POST', '/auth/token', { 'Content-Type': 'application/x-www-form-urlencoded',
                'Content-Length': Buffer.byteLength(form) }, form);
            if (res.status !== 200) throw new Failed(`/auth/token: ${sentence(res)}`);
            const answer = load(res.data);
            this.token = answer.access_token;
            const lifetime = Number(answer.expires_in);
            this.renewAt = performance.now() + 1000 * Math.max(lifetime - 300, lifetime / 2);
        }
        return this.token;
    }

    async get(path, headers) {
        for (let first = true; ; first = false) {
            const res = await this.ask('GET', path, { Authorization: `Bearer ${await this.bearer()}`, ...headers });
            if (res.status !== 401 || !first) return res;
            this.token = undefined;     // its key was retired, or the clock was set: another one, once
        }
    }

    async poll(name, file) {
        const old = read(file);
        // The tag goes back as it came, -gzip and all.
        const res = await this.get(`/${name}`, old ? { 'If-None-Match': old.etag, 'A-IM': 'sku-delta' } : {});
        if (res.status === 304) return '304, nothing has changed';
        if (res.status !== 200 && res.status !== 226) throw new Failed(`/${name}: ${sentence(res)}`);
        const rows = res.status === 200 ? load(res.data) : apply(old.rows, load(res.data));
        write(file, { etag: res.headers.etag, rows });
        return `${res.status}, ${rows.length} rows`;
    }
}

// All rows of a SKU that has changed are replaced. A delta may be empty: then only the tag is new.
function apply(rows, delta) {
    const gone = new Set([...delta.removed, ...delta.changed.map((row) => row.SKU)]);
    // By code point, as UTF-8 sorts; < compares UTF-16. The sort is stable: rows of one SKU stay in their order.
    return rows.filter((row) => !gone.has(row.SKU)).concat(delta.changed, delta.added)
        .sort((a, b) => Buffer.compare(Buffer.from(a.SKU), Buffer.from(b.SKU)));
}

function read(file) {
    return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined;
}

// Rows and their tag together, or not at all.
function write(file, content) {
    const fd = fs.openSync(`${file}.new`, 'w');
    fs.writeFileSync(fd, JSON.stringify(content));
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    fs.renameSync(`${file}.new`, file);
}

async function kss(path, file) {
    const api = new Api(env.KSS_URL);
    let rows = [];
    for (let page = 1, answer; !answer || answer.HasNextPage; page++) {
        const url = `${path}${path.includes('?') ? '&' : '?'}PageSize=500&Page=${page}`;
        const res = await api.ask('GET', url, { 'x-api-key': env.KSS_KEY });
        if (res.status !== 200) throw new Failed(`${path}: ${sentence(res)}`);
        answer = load(res.data);
        rows = rows.concat(answer.Data);
    }
    write(file, { rows });
    return `${rows.length} rows`;
}

async function main(args) {
    if (args.length === 3 && args[0] === 'kss') return console.log(await kss(args[1], args[2]));
    if (args.length !== 2 && args.length !== 3) throw new Failed('usage: poll.mjs LIST FILE [SECONDS] | poll.mjs kss PATH FILE');
    const api = new Customer(env.KISS_URL);
    for (const seconds = Number(args[2] ?? 0); ; await sleep(seconds * 1000)) {
        try {
            console.log(`${args[0]}: ${await api.poll(args[0], args[1])}`);
        } catch (e) {
            if (!(e instanceof Failed) || !seconds) throw e;
            console.error(e.message);
        }
        if (!seconds) return;
    }
}

main(process.argv.slice(2)).then(() => process.exit(0), (e) => {
    console.error(`poll.mjs: ${e instanceof Failed ? e.message : e.stack}`);
    process.exit(1);
});
