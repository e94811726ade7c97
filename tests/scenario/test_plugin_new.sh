#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# rpmctl plugin new: what it writes compiles against the installed header alone, passes its check and is served.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place
. "$(dirname "$0")/scenario.sh"
umask 022
root=$place/installed
make -s BUILD="$build" DESTDIR="$root" install >"$place/install.log" 2>&1 || fail "make install: $(tail -n 3 "$place/install.log")"
PATH=$root/usr/bin:$PATH
mkdir "$place/work"
cd "$place/work" || exit

# compile KIND NAME COMPILER...: with every warning an error, and the check of what comes out.
compile() {
    local kind=$1 name=$2
    shift 2
    command -v "$1" >/dev/null || {
        echo "$1 is not installed: $kind was not compiled with it"
        return
    }
    expect 0 '' "$@" -O2 -Wall -Wextra -Werror -pedantic -fPIC -shared -fvisibility=hidden "-I$root/usr/include" \
        "$kind/plugin.c" -o "$kind/$name.so"
    expect 0 "load +ok: task $name, version 1, answers: $kind" rpmctl plugin check "$kind/$name.so"
    expect 0 'self-test +ok: [0-9]+ passed' rpmctl plugin check "$kind/$name.so"
    rm "$kind/$name.so"
}

for kind in labels ordinal options text; do
    name=my_${kind}_2
    expect 0 "^Wrote $kind/plugin.c and $kind/README.md" rpmctl plugin new "$kind" --task "$name" --answers "$kind"
    grep -rq my_task "$kind" && fail "$kind: the placeholder for the task's name was left"
    compile "$kind" "$name" gcc -std=c11
    compile "$kind" "$name" clang -std=c11
    compile "$kind" "$name" g++ -x c++ -std=c++20
    # The line of the README, as an author types it.
    line=$(sed -n 's/^    \(cc .*\)/\1/p' "$kind/README.md")
    (cd "$kind" && CPATH=$root/usr/include bash -c "$line") || fail "$kind: this line of README.md failed: $line"
    expect 0 'self-test +ok' rpmctl plugin check "$kind/$name.so"
done

# The lines that it prints, typed as they are, in a folder whose name needs quotes.
rpmctl plugin new "an author's folder" --task quoted --answers labels >printed || fail 'a folder with blanks was refused'
sed -n 's/^  \(cc .*\)/\1/p; s/^  \(rpmctl plugin check .*\)/\1/p' printed >lines
expect_equal 2 "$(wc -l <lines)" 'lines to type before loading'
CPATH=$root/usr/include expect 0 'task quoted' bash -e lines
expect_equal plugin.c "$(rpmctl --json plugin new json --task t --answers text | jq -r '.files[0] | split("/")[1]')" '--json'

# Served by a daemon, beside the others.
daemon_start
for kind in labels ordinal options text; do
    expect 0 'generation 1: SERVING' rpmctl plugin load "$kind/my_${kind}_2.so"
done
rpmctl history append --task my_labels_2 --user ada --query 'URGENT: pay the invoice' --response now >/dev/null ||
    fail 'the new plugin takes no history'
expect 1 'INVALID_ARGUMENT: .*is not an answer of task my_labels_2' \
    rpmctl history append --task my_labels_2 --user ada --query 'See you.' --response 'now or later'
rpmctl model build --task my_labels_2 --user ada >/dev/null 2>&1 || fail 'no model can be built with the new plugin'
expect 0 'urgency' rpmctl explain --task my_labels_2 --user ada 'Is it urgent?'

# Nothing that is there is changed.
before=$(cat labels/* | cksum)
expect 1 'ALREADY_EXISTS: labels/plugin.c is there already, and nothing was changed' \
    rpmctl plugin new labels --task other --answers text
expect_equal "$before" "$(cat labels/* | cksum)" 'the folder after a refusal'
mkdir own && echo mine >own/README.md
expect 0 'own/README.md was there and is as it was' rpmctl plugin new own --task other --answers text
expect_equal mine "$(cat own/README.md)" 'the README.md that was there'
expect 1 'cannot be made: No such file or directory; name one whose parent is there' \
    rpmctl plugin new no/such --task other --answers text
expect 1 'plain/plugin.c cannot be written: Not a directory' bash -c 'touch plain; rpmctl plugin new plain --task t --answers text'

expect 2 'task takes lower-case letters, digits and _, a letter first, at most 63 bytes' \
    rpmctl plugin new bad --task 'My task' --answers labels
expect 2 'at most 63 bytes' rpmctl plugin new bad --task "t$(printf 'x%.0s' {1..63})" --answers labels
expect 2 'at most 63 bytes' rpmctl plugin new bad --task '' --answers labels
expect 2 'answers takes labels, ordinal, options or text' rpmctl plugin new bad --task t --answers label
expect 2 'plugin new needs --answers labels.ordinal.options.text' rpmctl plugin new bad --task t
expect 2 'plugin new needs DIR' rpmctl plugin new --task t --answers text
[ ! -e bad ] || fail 'a wrong command line left a folder'
scenario_end
