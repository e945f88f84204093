# shellcheck shell=bash
# Sourced by the findings: packages of one Debian release in a folder of their own, and the verdict.
# Environment: FINDINGS_CACHE=DIR keeps downloaded packages there.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
export LC_ALL=C.UTF-8

work=$(mktemp -d /tmp/finding-XXXXXX)
chmod 755 "$work"
started=()
finish() {
    local pid
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
die() { echo "${0##*/}: $*" >&2; exit 2; }

# debian_root RELEASE NAME=VERSION...: sets `root`, a folder with these packages of Debian 12 (bookworm) or 13 (trixie) and
# all that they depend on, unpacked and not configured. Nothing of the machine's own packages is used or changed.
debian_root() {
    local release=$1 apt list="" uri dir
    shift
    root=$work/$release
    mkdir -p "$work/apt-$release/lists/partial" "$root/tmp" "$root/proc" "$root/dev"
    chmod 1777 "$root/tmp"
    : >"$work/apt-$release/status"
    # The mirrors that this machine uses, for the release that is wanted.
    # shellcheck disable=SC2016
    while read -r uri; do
        case $uri in
        *security*) list+="deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release-security main"$'\n' ;;
        *) list+="deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release main"$'\n' ;;
        esac
    done < <(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' | sed -n 's/^Debian //p' | sort -u)
    [ -n "$list" ] || die "no Debian mirror is known here: run apt-get update"
    printf %s "$list" >"$work/apt-$release/sources.list"
    apt=(-q -y -o "Dir::Etc::SourceList=$work/apt-$release/sources.list" -o Dir::Etc::SourceParts=-
        -o "Dir::State=$work/apt-$release" -o "Dir::State::status=$work/apt-$release/status"
        -o "Dir::Cache=${FINDINGS_CACHE:-$work/cache}/$release" -o APT::Sandbox::User=root -o APT::Install-Recommends=0)
    mkdir -p "${FINDINGS_CACHE:-$work/cache}/$release/archives/partial"
    if ! apt-get "${apt[@]}" update >"$work/apt.log" 2>&1 ||
        ! apt-get "${apt[@]}" install --download-only "$@" >>"$work/apt.log" 2>&1; then
        tail -n 5 "$work/apt.log" >&2
        die "these packages cannot be had: $*. If a version is no longer offered, try the newer one and note what it does"
    fi
    apt-get "${apt[@]}" -s install "$@" | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 \2/p' | while read -r name version; do
        dpkg-deb -x "${FINDINGS_CACHE:-$work/cache}/$release/archives/${name%:*}_${version//:/%3a}"_*.deb "$root"
    done
    # Debian 13's packages have all below /usr; the links to it come from a script of base-files.
    for dir in bin sbin lib lib64; do [ -e "$root/$dir" ] || ln -s "usr/$dir" "$root/$dir"; done
}

# inside COMMAND...: runs it with `root` as its root directory.
inside() {
    if [ "$(id -u)" -eq 0 ]; then chroot "$root" "$@"; else unshare -r chroot "$root" "$@"; fi
}

# start LOG COMMAND...: runs it so beside us. It is the process itself that is in `started`, and is ended with us.
start() {
    local log=$1 as=(unshare -r)
    shift
    [ "$(id -u)" -ne 0 ] || as=()
    "${as[@]}" chroot "$root" "$@" >"$log" 2>&1 &
    started+=($!)
}

# compile SOURCE PROGRAM LIBRARY...: a C program that uses headers and libraries of `root`, to be run by inside /PROGRAM.
compile() {
    local source=$1 program=$2
    shift 2
    gcc -o "$root/$program" "$source" -idirafter "$root/usr/include" -L"$root/usr/lib/$(gcc -print-multiarch)" \
        -Wl,--allow-shlib-undefined "$@" 2>"$work/gcc.log" || { cat "$work/gcc.log" >&2; die "gcc failed"; }
}

# npm_root NAME@VERSION...: these packages of npm in $work/npm.
npm_root() {
    command -v npm >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0] >= 20')" = true ] || die "this needs Node 20 and npm"
    npm install --prefix "$work/npm" --no-audit --no-fund --silent "$@" >"$work/npm.log" 2>&1 ||
        { cat "$work/npm.log" >&2; die "npm could not install"; }
}

# start_mariadb [OPTION...]: a server of `root` without accounts, by its socket only. sql TEXT: asks it; an error is text, too.
# stop_mariadb: ends it.
start_mariadb() {
    mkdir -p "$root/data" "$root/run"
    touch "$root/dev/null"
    local user=
    [ "$(id -u)" -ne 0 ] || user=--user=root
    start "$work/mariadb.log" /usr/sbin/mariadbd --no-defaults $user --datadir=/data --socket=/run/db.sock --pid-file=/run/db.pid \
        --skip-networking --skip-grant-tables --lc-messages-dir=/usr/share/mysql "$@"
    local i
    for ((i = 0; i < 600; i++)); do
        ! sql 'SELECT 1' >/dev/null 2>&1 || return 0
        kill -0 "${started[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$work/mariadb.log" >&2
    die "the database did not start"
}
stop_mariadb() {
    sql SHUTDOWN >/dev/null
    wait "${started[-1]}" || true
    unset 'started[-1]'
}
sql() { inside /usr/bin/mariadb --no-defaults --socket=/run/db.sock --batch --skip-column-names -e "$1" 2>&1; }

# seen WHAT EXPECTED GOT: prints what was seen, and remembers whether it is what it was when this was written.
changed=0
seen() {
    printf '%s\n    %s\n' "$1" "${3//$'\n'/$'\n'    }"
    if [ "$2" != "$3" ]; then
        printf '    CHANGED: it was\n    %s\n' "${2//$'\n'/$'\n'    }"
        changed=1
    fi
}
verdict() {
    if [ $changed -eq 0 ]; then echo "As it was."; else echo "The behaviour has changed."; fi
    exit $changed
}
