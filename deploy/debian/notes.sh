#!/bin/sh
# Prints what a changelog on the standard input says of a version: the part under
# "## VERSION", with or without a date, of a tag vX.Y.Z; else what is not released yet.
set -eu
case $1 in
v[0-9]*-*-g*|*-dirty) title=Unreleased ;;
v[0-9]*) title=${1#v} ;;
*) title=Unreleased ;;
esac
awk -v title="$title" '
	/^## / { inside = $2 == title || $2 == "v" title; next }
	inside && (lines || NF) { print; lines++ }
	END { if (!lines) { print "CHANGELOG.md has no part \"## " title "\"" >"/dev/stderr"; exit 1 } }
'
