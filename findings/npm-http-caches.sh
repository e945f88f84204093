#!/bin/bash
# RFC 9111 lets a private cache store what says Cache-Control: private, no-cache; no-cache only asks for a conditional
# request before each use. An API whose clients are meant to poll with If-None-Match sends it so. The caches that Node
# programs use do not do their part: axios-cache-interceptor never asks conditionally, undici (Node's own client)
# forgets the tag whenever it has had a 304, so every second poll is the whole list. (undici 7.16 never asked.)
# shellcheck source-path=SCRIPTDIR source=lib.sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

npm_root undici@7.30.2 axios@1.21.1 axios-cache-interceptor@1.12.3
cat >"$work/npm/polls.mjs" <<'JS'
import http from 'node:http';
import { Agent, cacheStores, interceptors, request } from 'undici';
import axios from 'axios';
import { setupCache } from 'axios-cache-interceptor';

const control = { '/private': 'private, no-cache', '/no-cache': 'no-cache', '/stale': 'max-age=0', '/fresh': 'max-age=60' };
let seen;
const server = http.createServer((req, res) => {
    const known = req.headers['if-none-match'] === '"one"';
    seen.push(known ? 304 : 200);
    res.writeHead(known ? 304 : 200, { ETag: '"one"', 'Cache-Control': control[req.url], Date: new Date().toUTCString() });
    res.end(known ? undefined : 'list');
}).listen(0, '127.0.0.1', async () => {
    const base = `http://127.0.0.1:${server.address().port}`;
    const dispatcher = new Agent().compose(interceptors.cache({ store: new cacheStores.MemoryCacheStore(), type: 'private' }));
    const client = setupCache(axios.create());
    for (const path of Object.keys(control)) {
        seen = [];
        for (let i = 0; i < 6; i++) await (await request(base + path, { dispatcher })).body.text();
        console.log(`undici, ${control[path]}: ${seen.join(' ')}`);
    }
    seen = [];
    for (let i = 0; i < 6; i++) await client.get(`${base}/private`);
    console.log(`axios-cache-interceptor, ${control['/private']}: ${seen.join(' ')}`);
    process.exit(0);
});
JS
seen "undici 7.30.2, axios-cache-interceptor 1.12.3: what the server answers to six polls" 'undici, private, no-cache: 200 304 200 304 200 304
undici, no-cache: 200 304 200 304 200 304
undici, max-age=0: 200 304 200 304 200 304
undici, max-age=60: 200
axios-cache-interceptor, private, no-cache: 200 200 200 200 200 200' "$(cd "$work/npm" && node polls.mjs 2>&1)"
verdict
