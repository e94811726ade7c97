#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make install puts everything in its place, and what is installed there works.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place
. "$(dirname "$0")/scenario.sh"
make -s BUILD="$build" DESTDIR="$place/installed" install >"$place/install.log" 2>&1 || fail "make install: $(tail -n 3 "$place/install.log")"
for file in usr/sbin/rpmd usr/bin/rpmctl usr/lib/rpmd/plugins/movie_tagging.so usr/include/rpmd/plugin.h etc/rpmd/rpmd.conf \
    usr/lib/systemd/system/rpmd.service usr/lib/systemd/system/rpmd.socket usr/lib/sysusers.d/rpmd.conf \
    usr/share/man/man1/rpmctl.1 usr/share/man/man5/rpmd.conf.5 usr/share/man/man8/rpmd.8 usr/share/rpmd/proto/rpmd/v1/admin.proto; do
    [ -s "$place/installed/$file" ] || fail "$file is not installed"
done
grep -q '@[A-Z]*@' "$place/installed/usr/lib/systemd/system/rpmd.service" && fail 'a placeholder was left in the unit'
expect 0 'the settings are right' "$place/installed/usr/sbin/rpmd" --config "$place/installed/etc/rpmd/rpmd.conf" --check-config
expect 0 'self-test  ok' "$place/installed/usr/bin/rpmctl" plugin check "$place/installed/usr/lib/rpmd/plugins/opinion_qa.so"
scenario_end
