#!/bin/bash
# Keeps a copy of a list up to date. bash, curl and gzip; lists come whole (to apply changes, read JSON with
# something better).
#
#     poll.sh LIST FILE [SECONDS]     LIST: products, stock or prices of the Customer API; every SECONDS, or once
#     poll.sh kss PATH FILE           all pages of a list of the KSS API: '/products?Statuses=1,2'
#
# The first line of FILE is the tag, the rest the list as it was sent: tail -n +2 FILE. Of the KSS API FILE holds one page
# a line. Environment: KISS_URL, KISS_CLIENT_ID, KISS_CLIENT_SECRET; KSS_URL, KSS_KEY; KISS_CA, a file with the CA if it is
# one of your own.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
umask 077

silence=120                     # seconds without a byte
longest_wait=3600               # what a limit can ask for
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
token='' renew_at=0

# header NAME: of the last answer. Not --etag-save: it keeps the tag of a body that was broken off.
header() { tr -d '\r' <"$work/headers" | sed -n "s/^$1: *//Ip" | tail -n 1; }

unpack() {
    [ "$(header content-encoding)" = gzip ] && [ -s "$work/body" ] || return 0
    mv "$work/body" "$work/body.gz" && gzip -df "$work/body.gz"
}

# ask URL [option...]: status, with the answer in $work. What is secret comes on standard input: arguments can be seen
# by everybody on the machine. curl ends with another status than 0 when a body is broken off, gzip when its data stop too
# early, which curl --compressed does not notice. A lost connection is tried again once, 429 and 503 as long as they ask to
# wait.
ask() {
    local url=$1 input lost=0 waits=0 wait
    shift
    input=$(cat)
    while true; do
        rm -f "$work/body"
        if ! status=$(printf %s "$input" | curl -sS -H 'Accept-Encoding: gzip' --connect-timeout 10 --speed-limit 1 --speed-time $silence \
            ${KISS_CA:+--cacert "$KISS_CA"} -D "$work/headers" -o "$work/body" -w '%{http_code}' "$@" "$url") ||
            ! unpack; then
            [ $((lost++)) -eq 0 ] || return 1
            continue
        fi
        [ "$status" = 429 ] || [ "$status" = 503 ] || return 0
        wait=$(header retry-after)
        [[ $wait =~ ^[0-9]+$ ]] || wait=30
        [ $((waits++)) -lt 5 ] && [ "$wait" -le $longest_wait ] || return 0
        echo "$url: $status, waiting $wait s"
        sleep "$wait"
    done
}

# failed WHAT: error, message (429), error_description (token), Error (KSS); 401 has no body.
failed() {
    echo "$1: $status $(head -c 500 "$work/body" 2>/dev/null)" >&2
    return 1
}

new_token() {
    ask "$KISS_URL/auth/token" -d grant_type=client_credentials --data-urlencode "client_id=$KISS_CLIENT_ID" \
        --data-urlencode client_secret@- <<<"$KISS_CLIENT_SECRET" || return 1
    [ "$status" = 200 ] || failed /auth/token || return 1
    local lifetime
    token=$(sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p' "$work/body")
    lifetime=$(sed -n 's/.*"expires_in": *\([0-9]*\).*/\1/p' "$work/body")
    renew_at=$((SECONDS + (lifetime > 600 ? lifetime - 300 : lifetime / 2)))
}

# get PATH [TAG]
get() {
    local first
    for first in 1 ''; do
        if [ -z "$token" ] || [ $SECONDS -ge $renew_at ]; then new_token || return 1; fi
        ask "$KISS_URL$1" -H @- <<<"Authorization: Bearer $token${2:+
If-None-Match: $2}" || return 1
        [ "$status" = 401 ] && [ -n "$first" ] || return 0
        token=''                # its key was retired, or the clock was set: another one, once
    done
}

poll() {
    local tag=''
    # The tag goes back as it came, -gzip and all.
    [ ! -e "$2" ] || tag=$(head -n 1 "$2")
    get "/$1" "$tag" || return 1
    case $status in
    304) echo "$1: 304, nothing has changed"; return 0 ;;
    200) case $(header content-type) in application/json*) ;; *) failed "/$1: this is not JSON" || return 1 ;; esac ;;
    *) failed "/$1" || return 1 ;;
    esac
    # List and tag together, or not at all.
    { printf '%s\n' "$(header etag)" && cat "$work/body"; } >"$2.new" && sync "$2.new" && mv "$2.new" "$2" || return 1
    echo "$1: 200, $(stat -c %s "$work/body") bytes"
}

kss() {
    local page=0 separator='?'
    case $1 in *\?*) separator='&' ;; esac
    : >"$2.new"
    while true; do
        ask "$KSS_URL$1${separator}PageSize=500&Page=$((++page))" -H @- <<<"x-api-key: $KSS_KEY" || return 1
        [ "$status" = 200 ] || failed "$1" || return 1
        { tr -d '\r\n' <"$work/body" && echo; } >>"$2.new" || return 1
        # The end of the envelope; inside of strings there is no such quote.
        tail -c 100 "$work/body" | grep -q '"HasNextPage": *true' || break
    done
    sync "$2.new" && mv "$2.new" "$2"
    [ "$page" = 1 ] && echo "1 page" || echo "$page pages"
}

case $# in
3) if [ "$1" = kss ]; then kss "$2" "$3"; exit; fi ;;
2) ;;
*) sed -n '5,6s/^# *//p' "$0" >&2; exit 2 ;;
esac
while true; do
    poll "$1" "$2" || [ $# -eq 3 ] || exit 1
    [ $# -eq 3 ] || exit 0
    sleep "$3"
done
