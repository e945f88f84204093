# Varnish 7 or newer in front of several httpd, each with conf/front/host.conf. It ends no TLS: something else does, by the PROXY protocol
# (varnishd -a :8081,PROXY), so that client.ip is the client's. The answer to a HEAD loses
# Content-Encoding, which is all that comes through it otherwise than it was sent.
vcl 4.1;

import directors;

probe alive {
    .url = "/kiss-alive";
    .interval = 500ms;
    .timeout = 500ms;
    .window = 3;
    .threshold = 2;
    .initial = 2;
}

backend one {
    .host = "192.0.2.11";
    .port = "8080";
    .probe = alive;
    .connect_timeout = 1s;
    .first_byte_timeout = 120s;
    .between_bytes_timeout = 120s;
}

backend two {
    .host = "192.0.2.12";
    .port = "8080";
    .probe = alive;
    .connect_timeout = 1s;
    .first_byte_timeout = 120s;
    .between_bytes_timeout = 120s;
}

sub vcl_init {
    new kiss = directors.round_robin();
    kiss.add_backend(one);
    kiss.add_backend(two);
}

sub vcl_recv {
    set req.backend_hint = kiss.backend();
    # Varnish has appended the address to what the client wrote.
    set req.http.X-Forwarded-For = client.ip;
    # A range is asked for by GET. Varnish would answer a HEAD that has one with 416 or 206.
    if (req.method == "HEAD") {
        unset req.http.Range;
    }
    # What it would do anyway with Authorization, but not with x-api-key.
    return (pass);
}

# A GET that one host does not answer, or answers with 503, is asked again at another one.
sub vcl_backend_response {
    if (beresp.status == 503 && bereq.method == "GET" && bereq.retries < 2) {
        return (retry);
    }
}

sub vcl_backend_error {
    if (bereq.method == "GET" && bereq.retries < 2) {
        return (retry);
    }
    set beresp.http.Content-Type = "application/json";
    set beresp.http.Retry-After = "2";
    set beresp.body = """{"error":"The service is not available at the moment."}""";
    return (deliver);
}

sub vcl_backend_fetch {
    set bereq.backend = kiss.backend();
}
