#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The life of plugin files in a directory of a running daemon, as an operator sees it.
# shellcheck disable=SC1091,SC2034,SC2154 # sourced below: build, place, daemon_options
. "$(dirname "$0")/scenario.sh"
fixtures=$build/tests/plugins
plugins=$place/plugins
mkdir -m 755 "$plugins"
cat >"$place/rpmd.conf" <<'END'
[method]
rebuild = auto
END
# The last plugin directory counts alone.
daemon_options=(--config "$place/rpmd.conf" --plugin-dir "$plugins")
task=(--task fixture)

# put NAME FILE: into the plugin directory, whole at once.
put() {
    install -m 644 "$fixtures/$1.so" "$place/$2.new"
    mv "$place/$2.new" "$plugins/$2"
}

# wait_for PATTERN: until the daemon's log has it.
wait_for() {
    for _ in $(seq 100); do
        grep -qE -- "$1" "$place/log" && return
        sleep 0.05
    done
    fail "the log does not say /$1/ within 5 s: $(tail -n 5 "$place/log")"
}

feature() { rpmctl --json explain "${task[@]}" --user ada 'Is it?' | jq -r '.features[0].name'; }

daemon_start
expect 1 'NOT_FOUND: no plugin serves the task "fixture"' rpmctl prompt "${task[@]}" --user ada 'Is it?'

rpmctl plugin watch >"$place/watched" &
watcher=$!

# A new file is loaded; a history and a model of its task.
put good f.so
wait_for 'plugin fixture, generation 1: serving'
printf '{"user":"ada","query":"Is it %d?","response":"%s"}\n' 1 yes 2 no 3 yes >"$place/history.jsonl"
expect 0 '3 accepted' rpmctl history import "${task[@]}" "$place/history.jsonl"
expect 0 '1 models are built' rpmctl model build "${task[@]}" --all
expect_equal 'first word' "$(feature)" 'the feature of version 1'

# A changed file takes over; the model of the older version is built again by itself.
put good_v2 f.so
wait_for 'plugin fixture, generation 2: serving: version 2'
wait_for 'plugin fixture, generation 1: retired'
wait_for '1 stale models are built again, 0 failed'
expect_equal 'opening word' "$(feature)" 'the feature of version 2'
expect 0 'generation 2: SERVING, version 2' rpmctl plugin list

# A worker has nothing of the daemon's but its socket and the copy, and no environment. With a sanitizer it also
# has the log, where the sanitizer reports.
errors=/dev/null
if [[ $(ldd "$build/rpmd") =~ lib[at]san ]]; then errors=$(realpath "$place")/log; fi
worker=$(rpmctl --json plugin list | jq '.plugins[] | select(.name == "fixture") | .generations[0].workerPids[0]')
expect_equal "$(printf '%s\n' /dev/null /dev/null "$errors" "$(realpath "$state")"/plugins/*.so "/proc/$worker/statm" 'socket:[]' | grep -E "null|log$|statm|socket|$(sha256sum "$plugins/f.so" | cut -d' ' -f1)" | sort)" \
    "$(find "/proc/$worker/fd" -type l -exec readlink {} + | sed 's/socket:.*/socket:[]/' | sort)" 'what a worker has open'
expect_equal '' "$(tr -d '\0' <"/proc/$worker/environ")" "a worker's environment"
expect 0 'NoNewPrivs:.*1' grep NoNewPrivs "/proc/$worker/status"
expect 0 'Seccomp:.*2' grep Seccomp: "/proc/$worker/status"

# Who watches reads every move, with its reason.
expect 0 'fixture, generation 1: VETTING: a new file|f\.so: VETTING: a new file' cat "$place/watched"
expect 0 'fixture, generation 2: VETTING: its file changed' cat "$place/watched"
expect 0 'fixture, generation 2: LOADING: vetted and copied' cat "$place/watched"
expect 0 'fixture, generation 2: SELF_TESTING: loaded, its descriptor is right' cat "$place/watched"
expect 0 'fixture, generation 2: SERVING: version 2 serves' cat "$place/watched"
expect 0 'fixture, generation 1: DRAINING: a newer generation serves' cat "$place/watched"
expect 0 'fixture, generation 1: RETIRED: its last call has ended' cat "$place/watched"
kill "$watcher"

# Each broken file leaves the one that serves alone, and the list says what is wrong with it.
while IFS='|' read -r name message; do
    : >"$place/log"
    put "$name" f.so
    wait_for "failed: .*f\.so: $message \(generation 2 of fixture goes on serving\)"
    expect 0 "refused $plugins/f.so: .*$message" rpmctl plugin list
    expect_equal 'opening word' "$(feature)" "served beside $name"
done <<'END'
wrong_major|vet: the ABI note says major 99, expected 1.*
newer_minor|vet: the ABI note says .*
no_note|vet: it has no ABI note.*
no_entry|load: it has no function rpmd_plugin_entry.*
undefined_symbol|load: undefined symbol: missing_from_everywhere
self_test_fails|self-test 1: extract did not emit the feature.*
crashes_in_init|load: the plugin crashed while it was loaded \(SIGSEGV\)
crashes_in_self_test|self-test: the plugin crashed in extract \(SIGSEGV\)
other_task|load: its task is other_fixture now, expected fixture.*
END

# What is no plugin at all.
: >"$place/log"
head -c 3000 "$fixtures/good.so" >"$plugins/f.so"
wait_for 'failed: .*f\.so: vet: '
echo 'not a program' >"$plugins/f.so"
wait_for 'vet: it is not an ELF file'
ln -sf "$fixtures/good.so" "$plugins/f.so"
wait_for 'vet: it is a symbolic link, expected a regular file'
rm "$plugins/f.so"
wait_for 'plugin fixture, generation 2: draining|plugin fixture, generation 2: retired'

# A file that is gone: its task answers so, with those that remain; histories and models are kept.
expect 1 'NOT_FOUND: no plugin serves the task "fixture"' rpmctl prompt "${task[@]}" --user ada 'Is it?'
put other_task g.so
wait_for 'plugin other_fixture, generation 1: serving'
expect 1 'the tasks are: .*other_fixture' rpmctl prompt "${task[@]}" --user ada 'Is it?'
: >"$place/log"
put good_v2 h.so
wait_for 'plugin fixture, generation 1: serving: version 2'
expect_equal 'opening word' "$(feature)" 'the feature after the plugin came back'

# Two files of one task: the first serves; the second takes over when the first is gone.
put same_task i.so
wait_for 'task fixture is served by .*h\.so; reload fixture, or unload it first'
: >"$place/log"
rm "$plugins/h.so"
wait_for 'plugin fixture, generation [0-9]+: serving'

# A file that others can write, and its mending.
: >"$place/log"
cp "$fixtures/good.so" "$plugins/j.so"
chmod 666 "$plugins/j.so"
wait_for 'j\.so: vet: it has mode 0666: others can write to it; run chmod go-w on it'

# A directory that is taken away and comes back.
: >"$place/log"
mv "$plugins" "$plugins.away"
wait_for 'plugin other_fixture, generation 1: retired'
mv "$plugins.away" "$plugins"
wait_for 'plugin other_fixture, generation 1: serving'
rm "$plugins/j.so"

# SIGHUP loads everything anew.
: >"$place/log"
kill -HUP "$daemon"
wait_for 'SIGHUP: all plugins are loaded anew'
wait_for 'plugin other_fixture, generation 2: serving'
expect 0 'worker [0-9]+' rpmctl plugin list
daemon_stop

# isolation = none: the same without workers, for those who trust their plugins.
printf '[plugins]\nisolation = none\n' >"$place/rpmd.conf"
daemon_start
expect_equal 'other word' "$(feature)" 'the feature with isolation = none'
expect_equal '' "$(rpmctl plugin list | grep worker)" 'workers with isolation = none'
expect_equal '' "$(pgrep -P "$daemon")" 'processes with isolation = none'

# rebuild = manual, the default: the model serves, says that it is stale and why, until it is built again.
put good_v2 i.so
wait_for 'plugin fixture, generation 2: serving: version 2'
expect 0 'it was extracted by version 1 of the plugin, which is 2 now; build it again' rpmctl model show "${task[@]}" --user ada
expect 0 '' rpmctl prompt "${task[@]}" --user ada 'Is it?'
expect 0 '1 models are built' rpmctl model build "${task[@]}" --all
expect_equal '' "$(rpmctl model show "${task[@]}" --user ada | grep 'build it again')" 'a model that was built again'

printf '[plugins]\nisolation = some\n' >"$place/rpmd.conf"
expect 1 'isolation = some is not possible; write process or none' rpmd --config "$place/rpmd.conf" --check-config
scenario_end
