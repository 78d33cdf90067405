#!/bin/sh
# Builds what is published of a version: packages and archives of the static programs
# for each architecture, SHA256SUMS, and notes.md, which is the version's part of the
# changelog.
#
#   deploy/debian/release.sh VERSION FOLDER
set -eu
version=$1 out=$2
cd "$(dirname "$0")/../.."
rm -rf "$out"
mkdir -p "$out"
for arch in amd64 arm64; do
	deploy/debian/build.sh $arch "$version" "$out"
done
for arch in amd64 arm64; do
	name=tuitalk-$version-linux-$arch
	mv "$out/linux-$arch" "$out/$name"
	cp LICENSE CHANGELOG.md "$out/$name/"
	tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
	rm -r "${out:?}/$name"
done
deploy/debian/notes.sh "$version" <CHANGELOG.md >"$out/notes.md"
(cd "$out" && sha256sum ./*.deb ./*.tar.gz >SHA256SUMS)
