<?php
// SPDX-License-Identifier: Apache-2.0

// The PHP peer of t/bench/peers: mod_php under prefork, opcache and JIT, persistent PDO connections. Everything it needs
// to know comes from the environment (t/bench/lib/KissBench/Peers.pm).

declare(strict_types=1);

function db(string $database): PDO
{
    static $open = [];

    return $open[$database] ??= new PDO(
        'mysql:unix_socket=' . getenv('BENCH_SOCKET') . ';charset=utf8mb4;dbname=' . getenv($database),
        getenv('BENCH_DB_USER'),
        getenv('BENCH_DB_PASSWORD'),
        [PDO::ATTR_PERSISTENT => true, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM]
    );
}

/**
 * The rows of a statement. Large ones are prepared by the server: numbers come in binary. For small ones the second
 * trip costs more than it saves, so that the client puts the values in.
 */
function rows(string $database, string $sql, array $values, bool $large = false): PDOStatement
{
    $db = db($database);
    $db->setAttribute(PDO::ATTR_EMULATE_PREPARES, !$large);
    $statement = $db->prepare($sql);
    foreach ($values as $i => $value) {
        $statement->bindValue($i + 1, $value, is_int($value) ? PDO::PARAM_INT : PDO::PARAM_STR);
    }
    $statement->execute();

    return $statement;
}

function send(mixed $value, int $status = 200): never
{
    http_response_code($status);
    header('Content-Type: application/json');
    $text = json_encode($value, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
    header('Content-Length: ' . strlen($text));
    echo $text;
    exit;
}

// --- tokens

function base64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

function unbase64url(string $text): string
{
    return (string) base64_decode(strtr($text, '-_', '+/'), true);
}

function mac(string $text): string
{
    return hash_hmac('sha256', $text, unbase64url(getenv('BENCH_SECRET')), true);
}

function sign(string $code): string
{
    $now = time();
    $issuer = getenv('BENCH_ISSUER');
    $text = base64url(json_encode(['alg' => 'HS256', 'typ' => 'JWT', 'kid' => getenv('BENCH_KEY_ID')])) . '.'
        . base64url(json_encode(['iss' => $issuer, 'aud' => $issuer, 'sub' => $code, 'client_id' => $code,
            'jti' => base64url(random_bytes(16)), 'iat' => $now, 'nbf' => $now, 'exp' => $now + 3600],
            JSON_UNESCAPED_SLASHES));

    return $text . '.' . base64url(mac($text));
}

/** The customer code of a valid token, or null. */
function verify(): ?string
{
    $part = explode('.', preg_replace('/^Bearer /', '', $_SERVER['HTTP_AUTHORIZATION'] ?? ''));
    if (count($part) !== 3) {
        return null;
    }
    $header = json_decode(unbase64url($part[0]), true);
    if (($header['alg'] ?? '') !== 'HS256' || ($header['kid'] ?? '') !== getenv('BENCH_KEY_ID')
        || !hash_equals(mac("$part[0].$part[1]"), unbase64url($part[2]))) {
        return null;
    }
    $c = json_decode(unbase64url($part[1]), true);
    $now = time();
    $valid = $now < $c['exp'] && $now + 30 >= $c['nbf'] && $c['iss'] === getenv('BENCH_ISSUER')
        && $c['aud'] === $c['iss'] && $c['sub'] === $c['client_id'];

    return $valid ? $c['sub'] : null;
}

function token(): never
{
    if (($_POST['grant_type'] ?? '') !== 'client_credentials') {
        send(['error' => 'unsupported_grant_type'], 400);
    }
    $hash = hash('sha256', $_POST['client_secret'] ?? '', true);
    $keys = rows('BENCH_CUSTOMER_DB', 'SELECT k.key_id, k.hash,
        u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE
        FROM customer c JOIN api_key k ON k.customer_code = c.customer_code LEFT JOIN key_usage u ON u.key_id = k.key_id
        WHERE c.customer_code = ? AND c.enabled AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP())', [$_POST['client_id'] ?? '']);
    foreach ($keys as [$id, $known, $due]) {
        if (hash_equals($known, $hash)) {
            if ($due) {
                rows('BENCH_CUSTOMER_DB', 'INSERT INTO key_usage (key_id, last_used_at) VALUES (?, UTC_TIMESTAMP())
                    ON DUPLICATE KEY UPDATE last_used_at = VALUES(last_used_at)', [$id]);
            }
            header('Cache-Control: no-store');
            send(['access_token' => sign($_POST['client_id']), 'token_type' => 'Bearer', 'expires_in' => 3600]);
        }
    }
    send(['error' => 'invalid_client'], 401);
}

function version(): never
{
    if (isset($_SERVER['HTTP_AUTHORIZATION']) && verify() === null) {
        http_response_code(401);
        exit;
    }
    send(['apiVersion' => '2026-04']);
}

// --- lists

/** Answers with what `read` makes for the customer, from one moment of the database. */
function answer_list(callable $read): never
{
    $code = verify();
    if ($code === null) {
        http_response_code(401);
        header('WWW-Authenticate: Bearer error="invalid_token"');
        exit;
    }
    $terms = rows('BENCH_CUSTOMER_DB', 'SELECT c.price_list_code, l.price_list_name, l.currency_code, c.stock_location,
        c.discount_percent
        FROM customer c LEFT JOIN price_list l ON l.price_list_code = c.price_list_code
        WHERE c.customer_code = ? AND c.enabled', [$code])->fetch();
    if (!$terms) {
        send(['error' => 'Customer not found.'], 404);
    }
    $db = db('BENCH_CUSTOMER_DB');
    $db->exec('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    $answer = $read($terms);
    $db->exec('COMMIT');
    send($answer);
}

function prices(array $terms): array
{
    [$list, $name, $currency, , $discount] = $terms;
    $all = [];
    foreach (rows('BENCH_CUSTOMER_DB', 'SELECT p.sku,
        ROUND(p.unit_price * IF(p.discount_eligible, 100 - CAST(? AS DECIMAL(7,4)), 100) / 100, 4), p.moq,
        p.order_multiple
        FROM price p JOIN product t ON t.sku = p.sku
        WHERE p.price_list_code = ? AND t.is_obsolete = 0 ORDER BY p.sku, p.moq', [$discount, $list], true) as $r) {
        $all[] = ['PriceListCode' => $list, 'PriceListName' => $name, 'CurrencyCode' => $currency, 'SKU' => $r[0],
            'PriceExclVAT' => (float) $r[1], 'MOQ' => (float) $r[2], 'OrderMultiple' => (float) $r[3]];
    }

    return $all;
}

function stock(array $terms): array
{
    [$list, , , $warehouse] = $terms;
    $all = [];
    foreach (rows('BENCH_CUSTOMER_DB', 'SELECT s.sku, s.available_qty, s.next_available_eta
        FROM stock s JOIN product t ON t.sku = s.sku
        WHERE t.is_obsolete = 0 AND s.stock_location = ?
        AND EXISTS (SELECT 1 FROM price p WHERE p.price_list_code = ? AND p.sku = s.sku) ORDER BY s.sku',
        [$warehouse, $list], true) as $r) {
        $all[] = ['SKU' => $r[0], 'StockLocation' => $warehouse, 'AvailableQTY' => (float) $r[1],
            'NextAvailableETA' => $r[2]];
    }

    return $all;
}

/** What `make` makes of the rows of a table, by SKU. */
function nested(string $sql, callable $make): array
{
    $by = [];
    foreach (rows('BENCH_CUSTOMER_DB', $sql, [], true) as $r) {
        $by[$r[0]][] = $make($r);
    }

    return $by;
}

function products(array $terms): array
{
    $images = nested('SELECT sku, image_id, file_name, NOT is_secondary
        FROM product_image ORDER BY sku, is_secondary, image_id',
        fn ($r) => ['ImageID' => $r[1], 'FileName' => $r[2], 'IsPrimaryImage' => (bool) $r[3]]);
    $accessories = nested('SELECT sku, accessory_sku FROM product_accessory ORDER BY sku, accessory_sku',
        fn ($r) => ['AccessorySKU' => $r[1]]);
    $substitutions = nested('SELECT sku, substitute_sku FROM product_substitution ORDER BY sku, substitute_sku',
        fn ($r) => ['SubstituteSKU' => $r[1]]);
    $materials = nested('SELECT sku, material_code, material_description, composition_percentage
        FROM product_composition ORDER BY sku, material_code',
        fn ($r) => ['MaterialCode' => $r[1], 'MaterialDescription' => $r[2], 'CompositionPercentage' => (float) $r[3]]);
    $priced = [];
    foreach (prices($terms) as $p) {
        $priced[$p['SKU']][] = $p;
    }
    $all = [];
    $last = null;
    foreach (rows('BENCH_CUSTOMER_DB', 'SELECT t.sku, t.name, t.description, t.website_description,
        t.product_category_code, t.washing_instructions, t.gender, t.audience, t.main_colour, t.barcode, t.photo, t.theme,
        t.packaged_length_in_cm, t.packaged_width_in_cm, t.packaged_height_in_cm, t.packaged_weight_in_g,
        t.carton_length_in_cm, t.carton_width_in_cm, t.carton_height_in_cm, t.carton_weight_in_g, t.carton_qty,
        t.amazon_asin, t.country_of_origin, t.status, t.style_code, t.carton_barcode, t.hs_code, t.whats_included,
        t.product_composition_text
        FROM price p JOIN product t ON t.sku = p.sku
        WHERE p.price_list_code = ? AND t.is_obsolete = 0 ORDER BY p.sku', [$terms[0]], true) as $r) {
        if ($r[0] === $last) {
            continue;
        }
        $last = $r[0];
        $all[] = ['SKU' => $r[0], 'Name' => $r[1], 'Description' => $r[2], 'WebsiteDescription' => $r[3],
            'ProductCategoryCode' => $r[4], 'WashingInstructions' => $r[5], 'Gender' => $r[6], 'Audience' => $r[7],
            'MainColour' => $r[8], 'Barcode' => $r[9], 'Photo' => $r[10], 'Theme' => $r[11],
            'PackagedLength_in_cm' => (float) $r[12], 'PackagedWidth_in_cm' => (float) $r[13],
            'PackagedHeight_in_cm' => (float) $r[14], 'PackagedWeight_in_g' => (float) $r[15],
            'CartonLength_in_cm' => (float) $r[16], 'CartonWidth_in_cm' => (float) $r[17],
            'CartonHeight_in_cm' => (float) $r[18], 'CartonWeight_in_g' => (float) $r[19], 'CartonQty' => (float) $r[20],
            'AmazonASIN' => $r[21], 'CountryOfOrigin' => $r[22], 'Status' => $r[23], 'StyleCode' => $r[24],
            'CartonBarcode' => $r[25], 'HSCode' => $r[26], 'WhatsIncluded' => $r[27], 'ProductCompositionText' => $r[28],
            'ProductImages' => $images[$last] ?? [], 'ProductAccessories' => $accessories[$last] ?? [],
            'ProductSubstitutions' => $substitutions[$last] ?? [], 'ProductComposition' => $materials[$last] ?? [],
            'ProductPrices' => $priced[$last] ?? []];
    }

    return $all;
}

// --- KSS: one record, and a page by the statement that the module uses

function number(mixed $value): ?int
{
    return $value === null ? null : (int) $value;
}

function item(array $r): array
{
    return ['ProductID' => (int) $r[0], 'Supplier' => $r[1] ?? '', 'SupplierID' => (int) $r[2], 'ProductName' => $r[3],
        'BrandFamily' => $r[4], 'ProductTypeName' => $r[5], 'UnitNetWeight' => $r[6],
        'WholesaleUnitsPerCase' => (float) $r[7], 'Description' => $r[8], 'Ingredients' => $r[9],
        'ThumbnailImageURL' => $r[10], 'FullSizeImageURL' => $r[11], 'Potency' => $r[12], 'PotencyTHC' => $r[13],
        'Blend' => $r[14], 'KSSMenuCategory' => $r[15] ?? '', 'KSSLiveCategoryID' => (int) $r[16],
        'StatusID' => (int) $r[17], 'TimeUpdated' => $r[18] === null ? null : strtr($r[18], ' ', 'T') . 'Z',
        'State' => $r[19], 'IsSample' => (bool) $r[20], 'ProductGroupID' => (int) $r[21], 'BrandStyle' => $r[22],
        'PackageID' => (int) $r[23], 'PackageName' => $r[24], 'ProductTypeID' => (int) $r[25], 'StrainName' => $r[26],
        'StrainID' => number($r[27]), 'Flavor' => $r[28], 'BrandID' => (int) $r[29], 'BrandName' => $r[30],
        'SupplierProductNumber' => $r[31]];
}

function check_key(): void
{
    $type = rows('BENCH_KSS_DB', 'SELECT type FROM api_key WHERE hash = UNHEX(?) AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())', [hash('sha256', $_SERVER['HTTP_X_API_KEY'] ?? '')])
        ->fetchColumn();
    if ($type !== 'employee') {
        send(['Error' => 'The API key is not valid.'], 401);
    }
}

function kss_page(): never
{
    check_key();
    $page = max(1, (int) ($_GET['Page'] ?? 1));
    $size = max(1, (int) ($_GET['PageSize'] ?? 50));
    $rows = rows('BENCH_KSS_DB', getenv('BENCH_PAGE_SQL'), [$size + 1, ($page - 1) * $size])->fetchAll();
    send(['Data' => array_map('item', array_slice($rows, 0, $size)), 'Page' => $page, 'PageSize' => $size,
        'HasNextPage' => count($rows) > $size]);
}

function kss_record(int $id): never
{
    check_key();
    $rows = rows('BENCH_KSS_DB', getenv('BENCH_RECORD_SQL'), [$id])->fetchAll();
    send(['Data' => array_map('item', $rows), 'Page' => 1, 'PageSize' => 50, 'HasNextPage' => false]);
}

$path = strtok($_SERVER['REQUEST_URI'], '?');
match (true) {
    $path === '/auth/token' => token(),
    $path === '/api/version' => version(),
    $path === '/products' => answer_list('products'),
    $path === '/stock' => answer_list('stock'),
    $path === '/prices' => answer_list('prices'),
    $path === '/api/v1/products' => kss_page(),
    (bool) preg_match('~^/api/v1/products/(\d+)$~D', $path, $match) => kss_record((int) $match[1]),
    default => send(['error' => 'Not found.'], 404),
};
