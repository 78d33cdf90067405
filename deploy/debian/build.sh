#!/bin/sh
# Builds what is installed on a machine: the static programs for linux on one
# architecture, their manual pages and completions, and packages of them.
#
#   deploy/debian/build.sh ARCHITECTURE VERSION FOLDER [PROGRAM...]
#
# VERSION is that of git describe; what the packages are made of stays in
# FOLDER/linux-ARCHITECTURE. The browser client and bin/nfpm must be there.
set -eu
arch=$1 version=$2 out=$3
shift 3
[ $# -gt 0 ] || set -- tuitalk-gateway tuitalk tuitalk-bench
cd "$(dirname "$0")/../.."
host=$(go env GOHOSTARCH)

# Debian's version begins with a digit and grows with each commit.
case $version in
v[0-9]*) debian=$(echo "${version#v}" | sed -E 's/-([0-9]+)-g/+\1.g/; s/-dirty$/+dirty/') ;;
*) debian=0~$(git rev-list --count HEAD 2>/dev/null || echo 0).$(echo "$version" | tr -c 'A-Za-z0-9.\n' '+') ;;
esac

for one in "$host" "$arch"; do # the host's tell their manuals
	mkdir -p "$out/linux-$one"
	for program; do
		CGO_ENABLED=0 GOOS=linux GOARCH=$one go build -trimpath -ldflags "-s -w -X tuitalk/cmd/setting.version=$version" \
			-o "$out/linux-$one/$program" "./cmd/$program"
	done
done

export BUILT="$out/linux-$arch" DEB_ARCH="$arch" DEB_VERSION="$debian"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH # of all files in the packages
for program; do
	section=1
	[ "$program" != tuitalk-gateway ] || section=8
	"$out/linux-$host/$program" -man | gzip -9n >"$BUILT/$program.$section.gz"
	"$out/linux-$host/$program" -bash-completion >"$BUILT/$program.bash"
	bin/nfpm package -f "deploy/debian/$program.yaml" -p deb -t "$out/${program}_${debian}_$arch.deb"
done
