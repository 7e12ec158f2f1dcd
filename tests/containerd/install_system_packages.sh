#!/bin/sh
# Installs what the tests need beyond Python, as root on Debian and its kin; elsewhere says so and
# changes nothing: those tests are then skipped. May be run again; installs only what is missing.
set -eu

say() { echo "system packages: $*"; }

if [ "$(id -u)" -ne 0 ]; then
  say "not root, so nothing is installed; tests that need containerd are skipped"
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  say "not Debian, so nothing is installed; tests that need containerd are skipped"
  exit 0
fi

wanted=""
# want FILE_OR_COMMAND PACKAGE…: a path must exist, a bare name must be on the PATH.
want() {
  needed=$1
  shift
  case $needed in
    /*) if [ -e "$needed" ]; then return 0; fi ;;
    *) if command -v "$needed" >/dev/null 2>&1; then return 0; fi ;;
  esac
  wanted="$wanted $*"
}

# An installed CNI counts wherever the tests look for it.
if [ ! -e /opt/cni/bin/bridge ]; then
  want /usr/lib/cni/bridge containernetworking-plugins
fi
want containerd containerd
want runc runc
want iptables iptables
want ip iproute2
want ps procps
want /bin/busybox busybox-static
want gcc gcc libc6-dev
want /usr/include/stdio.h libc6-dev
want kubectl kubernetes-client
want docker-registry docker-registry

# Debian's kubectl (1.20 in Debian 12) speaks SPDY and JSON alone. The tests want it beside the one on
# the PATH, not in its place: it is unpacked into their cache, never installed.
fetch_old_kubectl() {
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/podkernel-tests
  if [ -x "$cache/kubectl.debian" ]; then return 0; fi
  scratch=$(mktemp -d)
  chmod 755 "$scratch"
  if (cd "$scratch" && apt-get download -q kubernetes-client >apt.log 2>&1) ||
    { apt-get update -q >/dev/null 2>&1 &&
      (cd "$scratch" && apt-get download -q kubernetes-client >apt.log 2>&1); }; then
    dpkg-deb --extract "$scratch"/kubernetes-client_*.deb "$scratch"
    mkdir -p "$cache"
    mv "$scratch/usr/bin/kubectl" "$cache/kubectl.debian"
    say "Debian's kubectl is in $cache"
  else
    say "could not fetch Debian's kubectl; its tests are skipped"
  fi
  rm -rf "$scratch"
}
fetch_old_kubectl

if [ -z "$wanted" ]; then
  say "everything is there"
  exit 0
fi

# The tests start a containerd of their own: none may be started by its package. A policy-rc.d that
# is there already stays in charge.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

say "installing$wanted"
export DEBIAN_FRONTEND=noninteractive
install() {
  # shellcheck disable=SC2086 # several package names
  apt-get install -y -q --no-install-recommends $wanted
}
if ! install && ! { apt-get update -q && install; }; then
  say "could not install$wanted; tests that need them are skipped"
  exit 0
fi
say "done"
