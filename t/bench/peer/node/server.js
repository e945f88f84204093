// SPDX-License-Identifier: Apache-2.0
'use strict';

// The Node peer of t/bench/peers: Fastify and the mariadb connector, a worker for each core, kept connections. Everything
// it needs to know comes from the environment (t/bench/lib/KissBench/Peers.pm).

const cluster = require('node:cluster');
const crypto = require('node:crypto');
const os = require('node:os');
const env = process.env;

if (cluster.isPrimary) {
  for (let i = 0; i < os.availableParallelism(); i++) cluster.fork();
  cluster.on('exit', () => process.exit(1));
  return;
}

const mariadb = require('mariadb');
const app = require('fastify')({ logger: false });
app.register(require('@fastify/formbody'));

const pool = (database) => mariadb.createPool({
  socketPath: env.BENCH_SOCKET, user: env.BENCH_DB_USER, password: env.BENCH_DB_PASSWORD, database,
  connectionLimit: 16, minimumIdle: 16, dateStrings: true, decimalAsNumber: true, bigIntAsNumber: true, rowsAsArray: true,
});
const customers = pool(env.BENCH_CUSTOMER_DB);
const kss = pool(env.BENCH_KSS_DB);

// --- tokens

const secret = Buffer.from(env.BENCH_SECRET, 'base64url');
const mac = (text) => crypto.createHmac('sha256', secret).update(text).digest();
const seconds = () => Math.floor(Date.now() / 1000);
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (text) => JSON.parse(Buffer.from(text, 'base64url').toString());
const same = (a, b) => a.length === b.length && crypto.timingSafeEqual(a, b);

function sign(code) {
  const now = seconds();
  const text = encode({ alg: 'HS256', typ: 'JWT', kid: env.BENCH_KEY_ID }) + '.' + encode({
    iss: env.BENCH_ISSUER, aud: env.BENCH_ISSUER, sub: code, client_id: code,
    jti: crypto.randomBytes(16).toString('base64url'), iat: now, nbf: now, exp: now + 3600,
  });
  return text + '.' + mac(text).toString('base64url');
}

// The customer code of a valid token, or null.
function verify(authorization = '') {
  const part = authorization.replace(/^Bearer /, '').split('.');
  if (part.length !== 3) return null;
  try {
    const header = decode(part[0]);
    if (header.alg !== 'HS256' || header.kid !== env.BENCH_KEY_ID) return null;
    if (!same(Buffer.from(part[2], 'base64url'), mac(part[0] + '.' + part[1]))) return null;
    const c = decode(part[1]);
    const now = seconds();
    const valid = now < c.exp && now + 30 >= c.nbf && c.iss === env.BENCH_ISSUER && c.aud === env.BENCH_ISSUER
      && c.sub === c.client_id;
    return valid ? c.sub : null;
  } catch {
    return null;
  }
}

app.post('/auth/token', async (request, reply) => {
  const { grant_type: grant, client_id: code, client_secret: given } = request.body || {};
  if (grant !== 'client_credentials') return reply.code(400).send({ error: 'unsupported_grant_type' });
  const hash = crypto.createHash('sha256').update(String(given)).digest();
  const keys = await customers.execute(`SELECT k.key_id, k.hash,
    u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE
    FROM customer c JOIN api_key k ON k.customer_code = c.customer_code LEFT JOIN key_usage u ON u.key_id = k.key_id
    WHERE c.customer_code = ? AND c.enabled AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP())`, [code]);
  const key = keys.find((k) => same(k[1], hash));
  if (!key) return reply.code(401).send({ error: 'invalid_client' });
  if (key[2]) {
    await customers.execute(`INSERT INTO key_usage (key_id, last_used_at) VALUES (?, UTC_TIMESTAMP())
      ON DUPLICATE KEY UPDATE last_used_at = VALUES(last_used_at)`, [key[0]]);
  }
  return reply.header('Cache-Control', 'no-store')
    .send({ access_token: sign(code), token_type: 'Bearer', expires_in: 3600 });
});

const versionAnswer = { 200: { type: 'object', properties: { apiVersion: { type: 'string' } } } };
app.get('/api/version', { schema: { response: versionAnswer } }, async (request, reply) => {
  const { authorization } = request.headers;
  if (authorization && !verify(authorization)) return reply.code(401).send();
  return { apiVersion: '2026-04' };
});

// --- lists. Bulk reads go by the text protocol, which is the faster one for them here.

// list(path, read): answers with what `read` makes for the customer, from one moment of the database.
function list(path, read) {
  app.get(path, async (request, reply) => {
    const code = verify(request.headers.authorization);
    if (!code) return reply.code(401).header('WWW-Authenticate', 'Bearer error="invalid_token"').send();
    const db = await customers.getConnection();
    try {
      const [terms] = await db.execute(`SELECT c.price_list_code, l.price_list_name, l.currency_code, c.stock_location,
        c.discount_percent
        FROM customer c LEFT JOIN price_list l ON l.price_list_code = c.price_list_code
        WHERE c.customer_code = ? AND c.enabled`, [code]);
      if (!terms) return reply.code(404).send({ error: 'Customer not found.' });
      const [code_, name, currency, warehouse, discount] = terms;
      await db.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
      const answer = await read(db, { list: code_, name, currency, warehouse, discount });
      await db.query('COMMIT');
      return reply.type('application/json').send(JSON.stringify(answer));
    } finally {
      await db.release();
    }
  });
}

async function prices(db, terms) {
  const rows = await db.query(`SELECT p.sku,
    ROUND(p.unit_price * IF(p.discount_eligible, 100 - CAST(? AS DECIMAL(7,4)), 100) / 100, 4), p.moq, p.order_multiple
    FROM price p JOIN product t ON t.sku = p.sku
    WHERE p.price_list_code = ? AND t.is_obsolete = 0 ORDER BY p.sku, p.moq`, [terms.discount, terms.list]);
  return rows.map((r) => ({
    PriceListCode: terms.list, PriceListName: terms.name, CurrencyCode: terms.currency, SKU: r[0], PriceExclVAT: r[1],
    MOQ: r[2], OrderMultiple: r[3],
  }));
}

async function stock(db, terms) {
  const rows = await db.query(`SELECT s.sku, s.available_qty, s.next_available_eta
    FROM stock s JOIN product t ON t.sku = s.sku
    WHERE t.is_obsolete = 0 AND s.stock_location = ?
    AND EXISTS (SELECT 1 FROM price p WHERE p.price_list_code = ? AND p.sku = s.sku) ORDER BY s.sku`,
  [terms.warehouse, terms.list]);
  return rows.map((r) => ({ SKU: r[0], StockLocation: terms.warehouse, AvailableQTY: r[1], NextAvailableETA: r[2] }));
}

// by(rows, sku, make): a map from SKU to what `make` makes of its rows.
function by(rows, sku, make) {
  const map = new Map();
  for (const row of rows) {
    const of = map.get(sku(row));
    if (of) of.push(make(row));
    else map.set(sku(row), [make(row)]);
  }
  return map;
}

const nested = async (db, sql, make) => by(await db.query(sql), (r) => r[0], make);

async function products(db, terms) {
  const images = await nested(db, `SELECT sku, image_id, file_name, NOT is_secondary
    FROM product_image ORDER BY sku, is_secondary, image_id`,
  (r) => ({ ImageID: r[1], FileName: r[2], IsPrimaryImage: r[3] === 1 }));
  const accessories = await nested(db, 'SELECT sku, accessory_sku FROM product_accessory ORDER BY sku, accessory_sku',
    (r) => ({ AccessorySKU: r[1] }));
  const substitutions = await nested(db,
    'SELECT sku, substitute_sku FROM product_substitution ORDER BY sku, substitute_sku', (r) => ({ SubstituteSKU: r[1] }));
  const materials = await nested(db, `SELECT sku, material_code, material_description, composition_percentage
    FROM product_composition ORDER BY sku, material_code`,
  (r) => ({ MaterialCode: r[1], MaterialDescription: r[2], CompositionPercentage: r[3] }));
  const priced = by(await prices(db, terms), (p) => p.SKU, (p) => p);
  const rows = await db.query(`SELECT t.sku, t.name, t.description, t.website_description, t.product_category_code,
    t.washing_instructions, t.gender, t.audience, t.main_colour, t.barcode, t.photo, t.theme, t.packaged_length_in_cm,
    t.packaged_width_in_cm, t.packaged_height_in_cm, t.packaged_weight_in_g, t.carton_length_in_cm, t.carton_width_in_cm,
    t.carton_height_in_cm, t.carton_weight_in_g, t.carton_qty, t.amazon_asin, t.country_of_origin, t.status, t.style_code,
    t.carton_barcode, t.hs_code, t.whats_included, t.product_composition_text
    FROM price p JOIN product t ON t.sku = p.sku
    WHERE p.price_list_code = ? AND t.is_obsolete = 0 ORDER BY p.sku`, [terms.list]);
  return rows.filter((r, i) => i === 0 || rows[i - 1][0] !== r[0]).map((r) => ({
    SKU: r[0], Name: r[1], Description: r[2], WebsiteDescription: r[3], ProductCategoryCode: r[4],
    WashingInstructions: r[5], Gender: r[6], Audience: r[7], MainColour: r[8], Barcode: r[9], Photo: r[10], Theme: r[11],
    PackagedLength_in_cm: r[12], PackagedWidth_in_cm: r[13], PackagedHeight_in_cm: r[14], PackagedWeight_in_g: r[15],
    CartonLength_in_cm: r[16], CartonWidth_in_cm: r[17], CartonHeight_in_cm: r[18], CartonWeight_in_g: r[19],
    CartonQty: r[20], AmazonASIN: r[21], CountryOfOrigin: r[22], Status: r[23], StyleCode: r[24], CartonBarcode: r[25],
    HSCode: r[26], WhatsIncluded: r[27], ProductCompositionText: r[28],
    ProductImages: images.get(r[0]) || [], ProductAccessories: accessories.get(r[0]) || [],
    ProductSubstitutions: substitutions.get(r[0]) || [], ProductComposition: materials.get(r[0]) || [],
    ProductPrices: priced.get(r[0]) || [],
  }));
}

list('/prices', prices);
list('/stock', stock);
list('/products', products);

// --- KSS: one record, and a page by the statement that the module uses

const item = (r) => ({
  ProductID: r[0], Supplier: r[1] ?? '', SupplierID: r[2] ?? 0, ProductName: r[3], BrandFamily: r[4], ProductTypeName: r[5],
  UnitNetWeight: r[6], WholesaleUnitsPerCase: r[7], Description: r[8], Ingredients: r[9], ThumbnailImageURL: r[10],
  FullSizeImageURL: r[11], Potency: r[12], PotencyTHC: r[13], Blend: r[14], KSSMenuCategory: r[15] ?? '',
  KSSLiveCategoryID: r[16] ?? 0, StatusID: r[17], TimeUpdated: r[18] && r[18].replace(' ', 'T') + 'Z', State: r[19],
  IsSample: r[20] === 1, ProductGroupID: r[21], BrandStyle: r[22], PackageID: r[23], PackageName: r[24],
  ProductTypeID: r[25], StrainName: r[26], StrainID: r[27], Flavor: r[28], BrandID: r[29], BrandName: r[30],
  SupplierProductNumber: r[31],
});

async function withKey(request, reply, read) {
  const hash = crypto.createHash('sha256').update(String(request.headers['x-api-key'])).digest();
  const [key] = await kss.execute(`SELECT type FROM api_key
    WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())`, [hash]);
  if (!key || key[0] !== 'employee') return reply.code(401).send({ Error: 'The API key is not valid.' });
  return read();
}

app.get('/api/v1/products', (request, reply) => withKey(request, reply, async () => {
  const page = Number(request.query.Page) || 1;
  const size = Number(request.query.PageSize) || 50;
  const rows = await kss.execute(env.BENCH_PAGE_SQL, [size + 1, (page - 1) * size]);
  return { Data: rows.slice(0, size).map(item), Page: page, PageSize: size, HasNextPage: rows.length > size };
}));

app.get('/api/v1/products/:id', (request, reply) => withKey(request, reply, async () => {
  const rows = await kss.execute(env.BENCH_RECORD_SQL, [Number(request.params.id)]);
  return { Data: rows.map(item), Page: 1, PageSize: 50, HasNextPage: false };
}));

app.listen({ host: '127.0.0.1', port: Number(env.BENCH_PORT) }).catch((e) => { console.error(e); process.exit(1); });
