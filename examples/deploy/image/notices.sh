#!/bin/sh
# notices.sh CARGO_TOML: prints the licences of all that is linked into the program, as most of them demand of who hands
# it on: each package with its licence, then each text once, from the packages' own files.
set -eu
manifest=$1
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src

packages() {
    cargo tree --manifest-path "$manifest" --locked --edges normal,no-proc-macro --no-dedupe --prefix none --format '{p}: {l}' |
        grep -v '(/' | sort -u
}

# texts NAME VERSION: a line for each file, with the digest of its text before its path.
texts() {
    find "$registry"/*/"$1-$2" -maxdepth 1 -type f \
        \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'copyright*' -o -iname 'notice*' \) -exec sha256sum {} +
}

echo 'oss-vend is licensed under the Apache License, Version 2.0. It is linked with these packages:'
echo
packages
packages | sed 's/: .*//' | while read -r name version; do
    texts "$name" "${version#v}"
done | sort | while read -r digest file; do
    [ "$digest" = "${last:-}" ] || printf '\n========\n'
    printf '%s\n' "${file#"$registry"/*/}"
    last=$digest
done > "${TMPDIR:-/tmp}/notices.$$"

# The names of a group, then its text.
trap 'rm -f "${TMPDIR:-/tmp}/notices.$$"' EXIT
while read -r line; do
    case $line in
        '') ;;
        ========) [ -z "${file:-}" ] || { echo; cat "$registry"/*/"$file"; }; printf '\n======== %s\n\n' "the text of"; file='' ;;
        *) echo "$line"; file=$line ;;
    esac
done < "${TMPDIR:-/tmp}/notices.$$"
[ -z "${file:-}" ] || { echo; cat "$registry"/*/"$file"; }
