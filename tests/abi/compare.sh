#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# compare.sh FROZEN CURRENT: whether a plugin built with the header FROZEN/rpmd/plugin.h still runs with an rpmd
# built with CURRENT/rpmd/plugin.h. Prints a sentence for each thing that is wrong, and exits with 1.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
frozen=$1 current=$2
compiler=${CC:-cc}
work=$(mktemp -d "${TMPDIR:-/tmp}/rpmd-abi.XXXXXX")
trap 'rm -rf "$work"' EXIT

version_of() {
    sed -n "s/^#define RPMD_ABI_$2 \([0-9]*\)\$/\1/p" "$1/rpmd/plugin.h"
}

# What the text of a header declares.
declared_in() {
    sed '/^#include/d' "$1/rpmd/plugin.h" | "$compiler" -E -P -x c - | awk -f "$here/facts.awk"
    sed -nE 's/^#define (RPMD_[A-Z_]+) ("[^"]*"|[0-9]+)$/macro \1/p' "$1/rpmd/plugin.h" | sed '/ RPMD_ABI_/d'
}

# What layout.c says of it.
layout_of() {
    "$compiler" -std=c11 -I"$1" "$here/layout.c" -o "$work/layout" 2>"$work/errors" && "$work/layout" && return
    echo "tests/abi/layout.c does not compile with $1/rpmd/plugin.h: $(grep -m 1 'error' "$work/errors")"
    exit 1
}

stop_if_any() {
    [ ! -s "$1" ] || {
        cat "$1"
        exit 1
    }
}

# Refuses what the second of two sorted lists has more than the first, while the minor is the same.
refuse_without_minor() {
    [ "$new_minor" -eq "$minor" ] || return 0
    comm -13 "$1" "$2" | sed '/^declaration/d' |
        sed "s/\$/: not in $major.$minor, but RPMD_ABI_MINOR is still $minor; make it $((minor + 1)) and add a line to the header's change log/" \
            >"$work/problems"
    stop_if_any "$work/problems"
}

major=$(version_of "$frozen" MAJOR) minor=$(version_of "$frozen" MINOR)
new_minor=$(version_of "$current" MINOR)
if [ "$(version_of "$current" MAJOR)" != "$major" ]; then
    echo "RPMD_ABI_MAJOR is not $major: freeze the first header of the new major under tests/abi/, and compare with that one"
    exit 1
fi
if [ "$new_minor" -lt "$minor" ]; then
    echo "RPMD_ABI_MINOR is $new_minor, less than the $minor of an earlier header: minors only grow"
    exit 1
fi

declared_in "$frozen" | sort >"$work/old.declared"
declared_in "$current" | sort >"$work/new.declared"
sed -n 's/^unreadable /tests\/abi\/facts.awk cannot read this of the header, so it would go unchecked: /p' \
    "$work/old.declared" "$work/new.declared" >"$work/problems"
stop_if_any "$work/problems"

# Before anything is compiled: layout.c does not compile when a field is gone.
comm -23 "$work/old.declared" "$work/new.declared" |
    sed "s/^/changed or gone since $major.$minor, which no minor may do: /" >"$work/problems"
stop_if_any "$work/problems"

refuse_without_minor "$work/old.declared" "$work/new.declared"

layout_of "$frozen" >"$work/old"
layout_of "$current" >"$work/new"
sed '/^declaration/d' "$work/new.declared" >"$work/names.declared"
cut -d' ' -f1,2 "$work/new" | sort >"$work/names.printed"
{
    comm -23 "$work/names.declared" "$work/names.printed" |
        sed 's/$/: the header has it, but tests\/abi\/layout.c does not print it; add it there/'
    comm -13 "$work/names.declared" "$work/names.printed" |
        sed 's/$/: tests\/abi\/layout.c prints it, but tests\/abi\/facts.awk does not find it in the header; make them agree/'
} >"$work/problems"
stop_if_any "$work/problems"

awk -v version="$major.$minor" '
    { fact = $1 " " $2 }
    FNR == NR {
        old[fact] = $0
        if ($1 == "structure")
            size[$2] = $3
        if ($2 ~ /\.struct_size$/)
            may_grow[substr($2, 1, index($2, ".") - 1)] = 1
        next
    }
    $1 == "structure" && fact in old {
        if ($3 < size[$2])
            print $0 ": the structure got smaller; in " version " it has " size[$2] " bytes"
        if ($3 > size[$2] && !($2 in may_grow))
            print $0 ": the structure grew from " size[$2] " bytes, but it has no struct_size that tells its size to the other side"
        next
    }
    fact in old && old[fact] != $0 { print $0 ": in " version " this was \"" old[fact] "\"" }
    $1 == "field" && !(fact in old) {
        structure = substr($2, 1, index($2, ".") - 1)
        if (structure in size && $3 < size[structure])
            print $0 ": new, but inside the " size[structure] " bytes that a plugin of " version " has; add fields behind them"
    }' "$work/old" "$work/new" >"$work/problems"
stop_if_any "$work/problems"

refuse_without_minor <(sort "$work/old") <(sort "$work/new")
if ! grep -qE "^ \*   $major\.$new_minor " "$current/rpmd/plugin.h"; then
    echo "the header's change log has no line for $major.$new_minor"
    exit 1
fi
