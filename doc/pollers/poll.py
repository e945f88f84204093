#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps a copy of a list up to date. Python 3.9 or newer, nothing else.

    poll.py LIST FILE [SECONDS]     LIST: products, stock or prices of the Customer API; every SECONDS, or once
    poll.py kss PATH FILE           all pages of a list of the KSS API: '/products?Statuses=1,2'

FILE becomes {"etag": ..., "rows": [...]}, numbers as text, exactly as they were sent. Environment: KISS_URL,
KISS_CLIENT_ID, KISS_CLIENT_SECRET; KSS_URL, KSS_KEY; KISS_CA, a file with the CA if it is one of your own.
"""
import gzip, http.client, json, os, ssl, sys, time
from urllib.parse import urlencode, urlsplit

SILENCE = 120                   # seconds without a byte
LONGEST_WAIT = 3600             # what a limit can ask for


class Failed(Exception):
    pass


def load(text):
    """JSON, numbers as the text that was sent: 19.9500 stays 19.9500."""
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except ValueError as e:
        raise Failed(f'this is not JSON: {e}')


class Api:
    def __init__(self, url):
        self.base = urlsplit(url)
        self.connection = None

    def connect(self):
        if self.base.scheme == 'https':
            context = ssl.create_default_context(cafile=os.environ.get('KISS_CA') or None)
            return http.client.HTTPSConnection(self.base.netloc, timeout=SILENCE, context=context)
        return http.client.HTTPConnection(self.base.netloc, timeout=SILENCE)

    def once(self, method, path, headers, body):
        """(status, headers, whole body). A body that is broken off raises IncompleteRead, or EOFError from gzip."""
        self.connection = self.connection or self.connect()
        self.connection.request(method, self.base.path.rstrip('/') + path, body, {'Accept-Encoding': 'gzip', **headers})
        response = self.connection.getresponse()
        data = response.read()
        if response.headers.get('Content-Encoding') == 'gzip':
            data = gzip.decompress(data)
        return response.status, response.headers, data

    def ask(self, method, path, headers, body=None):
        """The same; a lost connection is tried again once, 429 and 503 as long as they ask to wait."""
        lost = waits = 0
        while True:
            try:
                status, got, data = self.once(method, path, headers, body)
            except (http.client.HTTPException, EOFError, OSError) as e:
                # Also what a kept connection gives that the server has closed meanwhile.
                self.connection = None
                lost += 1
                if lost > 1:
                    raise Failed(f'{path}: {e!r}')
                continue
            if status not in (429, 503) or waits == 5:
                return status, got, data
            wait = got.get('Retry-After', '')
            seconds = int(wait) if wait.isdigit() else 30
            if seconds > LONGEST_WAIT:
                return status, got, data
            waits += 1
            print(f'{path}: {status}, waiting {seconds} s', flush=True)
            time.sleep(seconds)


def sentence(status, data):
    """What an error says: error, message (429), error_description (token), Error (KSS); 401 has no body."""
    try:
        body = load(data)
        return f"{status} {body.get('error_description') or body.get('error') or body.get('message') or body.get('Error')}"
    except (Failed, AttributeError):
        return str(status)


class Customer(Api):
    token, renew_at = None, 0

    def bearer(self):
        if not self.token or time.monotonic() >= self.renew_at:
            form = urlencode({'grant_type': 'client_credentials', 'client_id': os.environ['KISS_CLIENT_ID'],
                              'client_secret': os.environ['KISS_CLIENT_SECRET']})
            status, _, data = self.ask('POST', '/auth/token', {'Content-Type': 'application/x-www-form-urlencoded'}, form)
            if status != 200:
                raise Failed('/auth/token: ' + sentence(status, data))
            answer = load(data)
            self.token = answer['access_token']
            lifetime = int(answer['expires_in'])
            self.renew_at = time.monotonic() + max(lifetime - 300, lifetime / 2)
        return self.token

    def get(self, path, headers):
        for first in (True, False):
            status, got, data = self.ask('GET', path, {'Authorization': 'Bearer ' + self.bearer(), **headers})
            if status != 401 or not first:
                return status, got, data
            self.token = None       # its key was retired, or the clock was set: another one, once

    def poll(self, name, file):
        old = read(file)
        # The tag goes back as it came, -gzip and all.
        known = {'If-None-Match': old['etag'], 'A-IM': 'sku-delta'} if old else {}
        status, got, data = self.get('/' + name, known)
        if status == 304:
            return '304, nothing has changed'
        if status == 200:
            rows = load(data)
        elif status == 226:
            rows = apply(old['rows'], load(data))
        else:
            raise Failed(f'/{name}: {sentence(status, data)}')
        write(file, {'etag': got['ETag'], 'rows': rows})
        return f'{status}, {len(rows)} rows'


def apply(rows, delta):
    """All rows of a SKU that has changed are replaced. A delta may be empty: then only the tag is new."""
    gone = set(delta['removed']) | {row['SKU'] for row in delta['changed']}
    rows = [row for row in rows if row['SKU'] not in gone] + delta['changed'] + delta['added']
    return sorted(rows, key=lambda row: row['SKU'])      # stable: rows of one SKU stay in their order


def read(file):
    try:
        with open(file, encoding='utf-8') as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def write(file, content):
    """Rows and their tag together, or not at all."""
    with open(file + '.new', 'w', encoding='utf-8') as f:
        json.dump(content, f, ensure_ascii=False)
        f.flush()
        os.fsync(f.fileno())
    os.replace(file + '.new', file)


def kss(path, file):
    api, rows, page = Api(os.environ['KSS_URL']), [], 1
    while True:
        url = f"{path}{'&' if '?' in path else '?'}PageSize=500&Page={page}"
        status, _, data = api.ask('GET', url, {'x-api-key': os.environ['KSS_KEY']})
        if status != 200:
            raise Failed(f'{path}: {sentence(status, data)}')
        answer = load(data)
        rows += answer['Data']
        page += 1
        if not answer['HasNextPage']:
            write(file, {'rows': rows})
            return f'{len(rows)} rows'


def main(args):
    if len(args) == 3 and args[0] == 'kss':
        print(kss(args[1], args[2]))
        return
    if len(args) not in (2, 3):
        sys.exit(__doc__)
    api, seconds = Customer(os.environ['KISS_URL']), float(args[2]) if len(args) == 3 else 0
    while True:
        try:
            print(f'{args[0]}: {api.poll(args[0], args[1])}', flush=True)
        except Failed as e:
            if not seconds:
                raise
            print(e, file=sys.stderr, flush=True)
        if not seconds:
            return
        time.sleep(seconds)


try:
    main(sys.argv[1:])
except Failed as e:
    sys.exit(f'poll.py: {e}')
