#!/bin/sh
# Installs what the tests need on Debian, if it is missing, and starts nothing.
set -eu

missing=""
need() { # a package and a file that shows that it is there
	[ -n "$(ls $2 2>/dev/null)" ] || missing="$missing $1"
}
need gcc /usr/bin/gcc
need libc6-dev /usr/include/stdio.h
need nginx /usr/sbin/nginx
need nftables /usr/sbin/nft
need redis-server /usr/bin/redis-server
need redis-tools /usr/bin/redis-cli
need postgresql "/usr/lib/postgresql/*/bin/initdb"
need pgbouncer /usr/sbin/pgbouncer
need prometheus /usr/bin/promtool
need sqlite3 /usr/bin/sqlite3
need chromium /usr/bin/chromium
need tmux /usr/bin/tmux
need systemd /usr/bin/systemd-analyze
need procps /usr/bin/ps
need python3 "/usr/bin/python3*"
need perl /usr/bin/perl
need groff-base /usr/bin/groff
need mmdebstrap /usr/bin/mmdebstrap
need ansible-core /usr/bin/ansible-playbook
need openssh-client /usr/bin/ssh
need openssl /usr/bin/openssl
[ -n "$missing" ] || exit 0

root=""
[ "$(id -u)" = 0 ] || root=sudo
command -v apt-get >/dev/null || { echo "this is not Debian; install by hand:$missing" >&2; exit 1; }
echo "installing:$missing"

# Debian starts a daemon as it is installed, unless this file forbids it
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
	$root chmod +x $policy
	trap '$root rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$root apt-get install -y -qq --no-install-recommends $missing >/dev/null
