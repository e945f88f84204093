#!/usr/bin/env php
<?php
// SPDX-License-Identifier: Apache-2.0
// Keeps a copy of a list up to date. PHP 8.0 or newer, nothing else (not even the curl extension).
//
//     poll.php LIST FILE [SECONDS]     LIST: products, stock or prices of the Customer API; every SECONDS, or once
//     poll.php kss PATH FILE           all pages of a list of the KSS API: '/products?Statuses=1,2'
//
// FILE becomes {"etag": ..., "rows": [...]}, numbers as text, exactly as they were sent. Environment: KISS_URL,
// KISS_CLIENT_ID, KISS_CLIENT_SECRET; KSS_URL, KSS_KEY; KISS_CA, a file with the CA if it is one of your own.
declare(strict_types=1);
ini_set('memory_limit', '-1');

const SILENCE = 120;                // seconds without a byte
const LONGEST_WAIT = 3600;          // what a limit can ask for

class Failed extends RuntimeException {}
class Lost extends RuntimeException {}

/** JSON, numbers as the text that was sent: a float would make 19.95 of 19.9500. Strings are matched first, so digits
 *  inside them stay what they are. */
function load(string $text): mixed
{
    $quoted = preg_replace('/"(?:[^"\\\\]++|\\\\.)*+"(*SKIP)(*FAIL)|-?\d[\d.eE+-]*/', '"$0"', $text);
    try {
        return json_decode($quoted ?? '', true, 64, JSON_THROW_ON_ERROR);
    } catch (JsonException $e) {
        throw new Failed('this is not JSON: ' . $e->getMessage());
    }
}

/** A chunked body in plain; Lost unless the last chunk is there. PHP's own filter does not look for it. */
function dechunk(string $raw): string
{
    for ($body = '', $at = 0; preg_match('/\G([0-9a-fA-F]+)[^\r\n]*\r\n/', $raw, $m, 0, $at); $at += $size + 2) {
        $at += strlen($m[0]);
        $size = (int)hexdec($m[1]);
        if ($size === 0) {
            return $body;
        }
        $body .= substr($raw, $at, $size);
    }
    throw new Lost('the body was broken off');
}

/** [status, headers with small names, whole body] */
function once(string $method, string $url, array $headers, string $body): array
{
    $lines = ['Accept-Encoding: gzip', 'Connection: close'];
    foreach ($headers as $name => $value) {
        $lines[] = "$name: $value";
    }
    $context = stream_context_create([
        // auto_decode: chunks come as they are, for a body that ends too early must be told from a whole one.
        'http' => ['method' => $method, 'header' => $lines, 'content' => $body, 'timeout' => SILENCE, 'ignore_errors' => true,
            'follow_location' => 0, 'protocol_version' => 1.1, 'auto_decode' => false],
        'ssl' => getenv('KISS_CA') ? ['cafile' => getenv('KISS_CA')] : [],
    ]);
    $stream = @fopen($url, 'r', false, $context);
    if ($stream === false) {
        throw new Lost(error_get_last()['message'] ?? 'no connection');
    }
    $data = stream_get_contents($stream);
    $meta = stream_get_meta_data($stream);
    fclose($stream);
    $got = [];
    foreach ($meta['wrapper_data'] as $line) {
        [$name, $value] = array_pad(explode(':', $line, 2), 2, '');
        $got[strtolower($name)] = trim($value);
    }
    $status = (int)explode(' ', $meta['wrapper_data'][0])[1];
    if ($meta['timed_out'] || $data === false) {
        throw new Lost('no byte for ' . SILENCE . ' s');
    }
    if (strtolower($got['transfer-encoding'] ?? '') === 'chunked') {
        $data = dechunk($data);
    } elseif (isset($got['content-length']) && strlen($data) !== (int)$got['content-length'] && $status !== 304) {
        throw new Lost('the body was broken off');
    }
    if (($got['content-encoding'] ?? '') === 'gzip' && $data !== '') {
        $data = @gzdecode($data);
        if ($data === false) {
            throw new Lost('the body was broken off');
        }
    }
    return [$status, $got, $data];
}

/** The same; a lost connection is tried again once, 429 and 503 as long as they ask to wait. */
function ask(string $method, string $url, array $headers, string $body = ''): array
{
    for ($lost = $waits = 0;;) {
        try {
            $res = once($method, $url, $headers, $body);
        } catch (Lost $e) {
            if (++$lost > 1) {
                throw new Failed(parse_url($url, PHP_URL_PATH) . ': ' . $e->getMessage());
            }
            continue;
        }
        if (($res[0] !== 429 && $res[0] !== 503) || $waits === 5) {
            return $res;
        }
        $wait = $res[1]['retry-after'] ?? '';
        $seconds = ctype_digit($wait) ? (int)$wait : 30;
        if ($seconds > LONGEST_WAIT) {
            return $res;
        }
        $waits++;
        echo parse_url($url, PHP_URL_PATH), ": $res[0], waiting $seconds s\n";
        sleep($seconds);
    }
}

/** What an error says: error, message (429), error_description (token), Error (KSS); 401 has no body. */
function sentence(int $status, string $data): string
{
    try {
        $body = load($data);
    } catch (Failed) {
        return "$status";
    }
    return "$status " . ($body['error_description'] ?? $body['error'] ?? $body['message'] ?? $body['Error'] ?? '');
}

function base(string $variable): string
{
    return rtrim((string)getenv($variable), '/');
}

class Customer
{
    private string $token = '';
    private float $renewAt = 0;

    private function bearer(): string
    {
        if ($this->token === '' || hrtime(true) >= $this->renewAt) {
            $form = http_build_query(['grant_type' => 'client_credentials', 'client_id' => getenv('KISS_CLIENT_ID'),
                'client_secret' => getenv('KISS_CLIENT_SECRET')]);
            [$status, , $data] = ask('POST', base('KISS_URL') . '/auth/token',
                ['Content-Type' => 'application/x-www-form-urlencoded'], $form);
            if ($status !== 200) {
                throw new Failed('/auth/token: ' . sentence($status, $data));
            }
            $answer = load($data);
            $this->token = $answer['access_token'];
            $lifetime = (int)$answer['expires_in'];
            $this->renewAt = hrtime(true) + 1e9 * max($lifetime - 300, $lifetime / 2);
        }
        return $this->token;
    }

    private function get(string $path, array $headers): array
    {
        for ($first = true;; $first = false) {
            $res = ask('GET', base('KISS_URL') . $path, ['Authorization' => 'Bearer ' . $this->bearer()] + $headers);
            if ($res[0] !== 401 || !$first) {
                return $res;
            }
            $this->token = '';      // its key was retired, or the clock was set: another one, once
        }
    }

    public function poll(string $name, string $file): string
    {
        $old = is_file($file) ? json_decode(file_get_contents($file), true) : null;
        // The tag goes back as it came, -gzip and all.
        $known = $old ? ['If-None-Match' => $old['etag'], 'A-IM' => 'sku-delta'] : [];
        [$status, $got, $data] = $this->get("/$name", $known);
        if ($status === 304) {
            return '304, nothing has changed';
        }
        if ($status !== 200 && $status !== 226) {
            throw new Failed("/$name: " . sentence($status, $data));
        }
        $rows = $status === 200 ? load($data) : apply($old['rows'], load($data));
        write($file, ['etag' => $got['etag'], 'rows' => $rows]);
        return "$status, " . count($rows) . ' rows';
    }
}

/** All rows of a SKU that has changed are replaced. A delta may be empty: then only the tag is new. */
function apply(array $rows, array $delta): array
{
    $gone = array_flip(array_merge($delta['removed'], array_column($delta['changed'], 'SKU')));
    $rows = array_merge(array_filter($rows, fn ($row) => !isset($gone[$row['SKU']])), $delta['changed'], $delta['added']);
    // Stable (PHP 8): rows of one SKU stay in their order. Not <=>, which takes "1e1" and "10" for equal numbers.
    usort($rows, fn ($a, $b) => strcmp($a['SKU'], $b['SKU']));
    return $rows;
}

/** Rows and their tag together, or not at all. */
function write(string $file, array $content): void
{
    $text = json_encode($content, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR);
    $new = fopen("$file.new", 'w');
    if (!$new || fwrite($new, $text) !== strlen($text) || (function_exists('fsync') && !fsync($new)) || !fclose($new)
        || !rename("$file.new", $file)) {
        throw new Failed("$file cannot be written");
    }
}

function kss(string $path, string $file): string
{
    $rows = [];
    $page = 1;
    do {
        $url = base('KSS_URL') . $path . (str_contains($path, '?') ? '&' : '?') . 'PageSize=500&Page=' . $page++;
        [$status, , $data] = ask('GET', $url, ['x-api-key' => getenv('KSS_KEY')]);
        if ($status !== 200) {
            throw new Failed("$path: " . sentence($status, $data));
        }
        $answer = load($data);
        array_push($rows, ...$answer['Data']);
    } while ($answer['HasNextPage']);
    write($file, ['rows' => $rows]);
    return count($rows) . ' rows';
}

function main(array $args): void
{
    if (count($args) === 3 && $args[0] === 'kss') {
        echo kss($args[1], $args[2]), "\n";
        return;
    }
    if (count($args) !== 2 && count($args) !== 3) {
        throw new Failed('usage: poll.php LIST FILE [SECONDS] | poll.php kss PATH FILE');
    }
    $api = new Customer();
    $seconds = (float)($args[2] ?? 0);
    while (true) {
        try {
            echo "$args[0]: ", $api->poll($args[0], $args[1]), "\n";
        } catch (Failed $e) {
            if (!$seconds) {
                throw $e;
            }
            fwrite(STDERR, $e->getMessage() . "\n");
        }
        if (!$seconds) {
            return;
        }
        usleep((int)($seconds * 1e6));
    }
}

try {
    main(array_slice($argv, 1));
} catch (Failed $e) {
    fwrite(STDERR, 'poll.php: ' . $e->getMessage() . "\n");
    exit(1);
}
