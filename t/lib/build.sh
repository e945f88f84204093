# shellcheck shell=bash disable=SC2015,SC2034
# Sourced by quickstart and runtests (bash): which Debian packages are needed, and how the tree is built.
# SPDX-License-Identifier: Apache-2.0

# The -core packages and apache2-bin bring programs without a system service: nothing is started or configured by apt.
packages_build=(gcc libc6-dev make autoconf automake libtool pkgconf apache2-dev libmariadb-dev libjson-c-dev
    libssl-dev zlib1g-dev libcurl4-openssl-dev libhiredis-dev)
packages_run=(apache2-bin mariadb-server-core mariadb-client-core openssl curl ca-certificates)
# Go, for one of the clients in doc/pollers, is tested where it is installed: half a gigabyte is too much to ask for.
# redis-tools has the server's program, under another name, and no service.
packages_test=(perl libio-socket-ssl-perl mariadb-client nodejs php-cli python3 wget libcsv-dev redis-tools)
# Debian 13 has Valkey, too.
case $(. /etc/os-release 2>/dev/null && printf '%s %s' "${ID-}" "${VERSION_ID-}") in
'debian 13' | 'debian 14') packages_test+=(valkey-tools) ;;
esac

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# outside_dir: prints a directory of this clone's own that every user of the machine can enter and whose path is short.
outside_dir() {
    local dir
    dir=/var/tmp/mod_kiss-$(id -u)-$(printf '%s' "$1" | sha256sum | cut -c 1-12)
    # /var/tmp is everybody's: take nothing that somebody else has put there.
    mkdir -m 0755 "$dir" 2>/dev/null || true
    [ -d "$dir" ] && [ ! -L "$dir" ] && [ -O "$dir" ] || die "$dir is in the way: it does not belong to $(id -un)"
    printf '%s' "$dir"
}

# find_top SCRIPT: sets `top`, the source tree. Neither autoconf nor the database driver can work below a path with
# blanks or other special characters: there, `top` is a symbolic link to it.
find_top() {
    local here dir
    here=$(cd "$(dirname "$1")" && pwd -P)
    top=$here
    case $here in
    *[!A-Za-z0-9/._+-]*)
        dir=$(outside_dir "$here")
        ln -sfn "$here" "$dir/src"
        top=$dir/src ;;
    esac
    mkdir -p "$top/var"
}

# Prints those of its arguments that are not installed. Real packages only: dpkg does not know virtual ones.
missing_packages() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s ' "$name"
    done
}

# Prints the installed packages that its arguments depend on directly.
dependencies() {
    local name
    for name in $(dpkg-query -W -f '${Depends}, ' "$@" 2>/dev/null | tr ',|' '\n\n' | sed 's/[(:].*//' | sort -u); do
        [ -n "$(missing_packages "$name")" ] || printf '%s ' "$name"
    done
}

# install_packages LOG NAME...: installs what is missing; root does it itself, others through sudo.
install_packages() {
    local log=$1 need as_root=
    shift
    command -v dpkg-query >/dev/null || die "this is not a Debian system; install the equivalents of: $*"
    need=$(missing_packages "$@")
    [ -n "$need" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "packages are missing and there is no sudo; as root: apt-get install $need"
        as_root=sudo
    fi
    echo "Installing: $need"
    # Lists on a fresh machine may be absent or old: ask for new ones first, go on with the old ones if that fails.
    local apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120"
    $apt update >"$log" 2>&1 </dev/null || true
    # shellcheck disable=SC2086
    if ! $apt install --no-install-recommends $need >>"$log" 2>&1 </dev/null; then
        tail -n 15 "$log" >&2
        die "apt-get could not install: $need(see $log)"
    fi
    # What was built against a newer library than the one that is here says so whenever it starts (mod_ssl: AH01882).
    # shellcheck disable=SC2046
    $apt install --only-upgrade --no-install-recommends $(dependencies "$@") >>"$log" 2>&1 </dev/null ||
        echo "The libraries of these packages could not be brought up to date (see $log)" >&2
}

# unpack_package LOG NAME: downloads a Debian package and unpacks it in var/unpacked/NAME. It is not installed: what is a service in it
# is not started, and nothing of the machine changes. Exit status 1 when it cannot be had.
unpack_package() {
    local log=$1 name=$2 dir=$top/var/unpacked deb
    [ ! -e "$dir/$name" ] || return 0
    rm -rf "$dir/$name.new"
    mkdir -p "$dir/$name.new"
    # apt's own user cannot write there, and says so; root downloads it then.
    (cd "$dir/$name.new" && apt-get -q download "$name") >"$log" 2>&1 || return 1
    for deb in "$dir/$name.new"/*.deb; do
        dpkg-deb -x "$deb" "$dir/$name.new" >>"$log" 2>&1 || return 1
        rm -f "$deb"
    done
    mv "$dir/$name.new" "$dir/$name"
}

# build_tree DIR TARGETS [configure options]: makes TARGETS out of tree in DIR and sets `build`. Where the source tree itself
# has been configured, automake cannot build elsewhere: then it is built in place.
build_tree() {
    local log targets
    build=$1
    read -ra targets <<<"$2"
    shift 2
    mkdir -p "$build"
    log=$build/build.log
    exec 9>"$top/var/build.lock"
    flock -w 600 9 || die "another build holds $top/var/build.lock"
    : >"$log"
    if [ ! -e "$top/Makefile.in" ] || [ "$top/configure.ac" -nt "$top/configure" ] ||
        [ "$top/Makefile.am" -nt "$top/Makefile.in" ]; then
        (cd "$top" && autoreconf -fi) >>"$log" 2>&1 || build_failed "$log"
    fi
    # What was built before files moved: make would look for headers that are gone, or take old objects for new ones.
    if [ -e "$build/config.status" ] && ! cmp -s "$top/Makefile.am" "$build/Makefile.am.built"; then
        rm -rf "$build/config.status" "$build/mod_kiss" "$build/support" "$build/t"
    fi
    if [ -e "$top/config.status" ]; then
        build=$top
    elif [ ! -e "$build/config.status" ] || [ "$top/configure" -nt "$build/config.status" ]; then
        (cd "$build" && "$top/configure" "$@") >>"$log" 2>&1 || build_failed "$log"
    fi
    make -C "$build" -s -j"$(nproc)" "${targets[@]}" >>"$log" 2>&1 || build_failed "$log"
    [ "$build" = "$top" ] || cp "$top/Makefile.am" "$build/Makefile.am.built"
    exec 9>&-
}

# build_copy DIR CFLAG...: a fresh copy of the sources in DIR/src, configured and built there with these flags; sets `build`.
# A copy, because a tree that is configured in place cannot be built elsewhere. `copy_targets`: what make is to build.
copy_targets=(all check-programs)
build_copy() {
    local log
    build=$1/src
    log=$1/build.log
    shift
    rm -rf "$build"
    mkdir -p "$build"
    tar -cf - -C "$top" --exclude=./var --exclude=./.git --exclude=.deps --exclude=.libs --exclude='*.o' --exclude='*.lo' \
        --exclude='*.la' --exclude=.dirstamp --exclude=./Makefile --exclude=./config.status . | tar -xf - -C "$build"
    echo "Building in $build (log: $log)"
    (cd "$build" && autoreconf -fi && ./configure CFLAGS="-g $*" && make -s clean &&
        make -s -j"$(nproc)" "${copy_targets[@]}") >"$log" 2>&1 || build_failed "$log"
}

# run_tests TEST...: runs them over what is in `build`, a copy of the sources.
run_tests() {
    (cd "$build" && KISS_BUILD=$build LC_ALL=C.UTF-8 env -u KISSCTL_DEFAULTS -u KISS_TOKEN_KEYS t/lib/with-database \
        prove --timer --exec "timeout --foreground --kill-after=60 ${KISS_TEST_TIMEOUT:-900} perl" "$@")
}

build_failed() {
    tail -n 40 "$1" >&2
    die "the build failed (see $1)"
}
