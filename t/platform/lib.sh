# shellcheck shell=bash disable=SC2154
# Sourced by t/platform/run and t/platform/packages: a folder with a new Debian, and commands in it. They set `release` and `root`.
# SPDX-License-Identifier: Apache-2.0

die() {
    printf 't/platform/%s: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

need_tools() {
    [ "$(id -u)" -eq 0 ] || die "debootstrap and chroot need root"
    command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"
}

# within COMMAND...: runs it in the folder, with mounts and processes of its own, which end with it. Once the packages are there,
# the network ends at this machine: $net is --net then.
net=
within() {
    # shellcheck disable=SC2016,SC2086
    unshare --mount --pid --fork --kill-child $net bash -c '
        root=$1; shift
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount -t sysfs sysfs "$root/sys" 2>/dev/null || true
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/run"
        ip link set lo up 2>/dev/null || true
        exec chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
            TERM=dumb DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 CI="${CI-}" "$@"' within "$root" "$@"
}

# new_debian: makes the folder, or takes the one that is there; apt in it knows this machine's servers.
new_debian() {
    local mirror security
    # The servers of this machine's own apt: one for the release, one for its security updates.
    # shellcheck disable=SC2016
    site() { apt-get indextargets --format '$(SITE) $(RELEASE)' | awk -v want="$1" '$2 ~ want {print $1; exit}'; }
    mirror=$(site '^[a-z]+$')
    security=$(site -security)
    [ -n "$mirror" ] || die "apt knows no server of Debian packages"
    mkdir -p "$root"
    if [ ! -e "$root/var/lib/dpkg/status" ]; then
        echo "debootstrap $release (log: $root/../$release.debootstrap.log)"
        debootstrap --variant=minbase "$release" "$root" "$mirror" >"$root/../$release.debootstrap.log" 2>&1 ||
            die "debootstrap failed: see $root/../$release.debootstrap.log"
    fi
    {
        printf 'deb %s %s main\ndeb %s %s-updates main\n' "$mirror" "$release" "$mirror" "$release"
        [ -z "$security" ] || printf 'deb %s %s-security main\n' "$security" "$release"
    } >"$root/etc/apt/sources.list"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp /etc/hosts "$root/etc/hosts"
    # Nothing that a package installs is started by it: there is no init here.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
}
