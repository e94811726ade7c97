#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks that includes run one way (docs/architecture.md). Prints each arrow that does not.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# folder | the folders it may include, besides itself
rules='
lib/base|
lib/text|lib/base
lib/plugin|lib/base lib/text
lib/worker|lib/base lib/plugin
lib/method|lib/base lib/text lib/plugin/analysis.h
lib/history|lib/base
lib/json|lib/base
lib/grpc|lib/base
lib/llm|lib/base lib/text lib/plugin lib/method
daemon/net|lib/base lib/grpc
daemon/loop|lib/base
daemon/stages|lib/base lib/text lib/llm daemon/llm daemon/loop daemon/store daemon/config.h daemon/log.h
daemon/llm|lib/base lib/llm daemon/loop daemon/config.h daemon/log.h
daemon/store|lib/base lib/method/factor.h lib/method/item_record.h lib/method/pool_change.h daemon/log.h
daemon/plugins|lib/base lib/plugin lib/worker daemon/log.h
daemon/users|lib/base lib/text lib/plugin lib/method lib/llm daemon/loop daemon/stages daemon/store daemon/plugins daemon/caller.h daemon/config.h daemon/log.h
daemon/query|lib/base lib/text lib/plugin lib/method lib/llm daemon/loop daemon/stages daemon/users daemon/plugins daemon/caller.h daemon/config.h
daemon/services|lib/base lib/text lib/grpc lib/plugin lib/method lib/history lib/llm daemon/llm daemon/stages daemon/users daemon/query daemon/store daemon/plugins daemon/net daemon/caller.h daemon/config.h daemon/log.h
worker|lib/base lib/plugin lib/worker
daemon|lib daemon
client|lib
'
bad=0
while IFS='|' read -r folder allowed; do
    [ -n "$folder" ] || continue
    while IFS=: read -r file line include; do
        target=${include#*\"}
        target=${target%\"*}
        case "$target" in
        "$folder"/* | rpmd/plugin.h) continue ;;
        rpmd/v1/* | grpc/*)
            # Messages: the wire's business, not the method's, the store's or the history readers'.
            case "$folder" in daemon/services | daemon | client) continue ;; esac
            ;;
        esac
        for one in $allowed; do
            case "$target" in "$one" | "$one"/*) continue 2 ;; esac
        done
        echo "$file:$line: $folder may not include \"$target\""
        bad=1
    done < <(find "$folder" -maxdepth "$([ "$folder" = daemon ] && echo 1 || echo 9)" \( -name '*.c' -o -name '*.h' \) -print0 2>/dev/null |
        xargs -0 -r grep -nHE '^#include +"' | sort)
done <<<"$rules"

# A plugin sees the public header, its own folder and the C library.
while IFS=: read -r file line include; do
    target=${include#*[\"<]}
    target=${target%[\">]*}
    case "$target" in
    rpmd/plugin.h | */*/*) ;;
    */*) echo "$file:$line: a plugin may not include \"$target\"" && bad=1 ;;
    esac
    case "$target" in lib/* | daemon/* | client/*) echo "$file:$line: a plugin may not include \"$target\"" && bad=1 ;; esac
done < <(grep -rnHE '^#include' plugins --include='*.c' --include='*.h')

# Within a room, files include each other's headers one way.
arrows_of_room() {
    local room=$1 file from to
    for file in "$room"/*.c; do
        from=$(basename "$file" .c)
        while read -r to; do
            [ "$to" = "$from" ] || [ ! -f "$room/$to.c" ] || echo "$from $to"
        done < <(grep -oE "^#include \"$room/[a-z_]+\.h\"" "$file" | sed -E 's|.*/([a-z_]+)\.h"|\1|')
    done
}
for room in daemon/*/; do
    room=${room%/}
    circle=$(arrows_of_room "$room" | tsort 2>&1 >/dev/null | sed -n 's/^tsort: //p' | grep -v '^-: ' | tr '\n' ' ')
    if [ -n "$circle" ]; then
        echo "$room: these files include each other in a circle: $circle"
        bad=1
    fi
done
exit "$bad"
