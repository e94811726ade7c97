#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The public header keeps the promises of its ABI: plugins built with an older minor still run, and every change
# of it is noticed.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place
. "$(dirname "$0")/scenario.sh"
umask 022
for CC in "${CC:-}" cc gcc clang; do
    [ -n "$CC" ] && command -v "$CC" >/dev/null && break
done
export CC

# The header against every frozen one of its major.
major=$(sed -n 's/^#define RPMD_ABI_MAJOR //p' include/rpmd/plugin.h)
frozen=(tests/abi/"$major".*)
[ -d "${frozen[0]}" ] || fail "no header of major $major is frozen: copy its first one to tests/abi/$major.0/rpmd/plugin.h"
for folder in "${frozen[@]}"; do
    expect 0 '' tests/abi/compare.sh "$folder" include
    # Plugins that were built then.
    for kind in labels ordinal options text; do
        plugin=$place/$kind-${folder##*/}
        expect 0 '^Wrote' rpmctl plugin new "$plugin" --task "older_$kind" --answers "$kind"
        expect 0 '' "$CC" -std=c11 -fPIC -shared -fvisibility=hidden "-I$folder" "$plugin/plugin.c" -o "$plugin/older.so"
        expect 0 "vet +ok: ABI ${folder##*/}," rpmctl plugin check "$plugin/older.so"
        expect 0 'self-test +ok' rpmctl plugin check "$plugin/older.so"
    done
done

# changed SED WHAT: a header with a change, and what must be said of it.
changed() {
    mkdir -p "$place/changed/rpmd"
    sed "$1" tests/abi/1.0/rpmd/plugin.h >"$place/changed/rpmd/plugin.h"
    cmp -s tests/abi/1.0/rpmd/plugin.h "$place/changed/rpmd/plugin.h" && fail "this changes nothing: $1"
    expect 1 "$2" tests/abi/compare.sh tests/abi/1.0 "$place/changed"
}
next='s/^#define RPMD_ABI_MINOR 0/#define RPMD_ABI_MINOR 1/; s/^ \*   1\.0 .*/&\n *   1.1    more./'
changed '/rpmd_text category;/d' 'gone since 1.0.*declaration rpmd_feature.category rpmd_text category'
changed 's/float polarity;/int32_t polarity;/' 'declaration rpmd_feature.polarity float polarity'
changed 's/(rpmd_call \*call, size_t size)/(rpmd_call *call, size_t size, int flags)/' 'declaration rpmd_host.allocate'
changed 's/RPMD_NO_MATCH = 2/RPMD_NO_MATCH = 4/' 'constant RPMD_NO_MATCH 4: in 1.0 this was "constant RPMD_NO_MATCH 2"'
changed 's/"rpmd_plugin_entry"/"rpmd_entry"/' 'macro RPMD_PLUGIN_ENTRY rpmd_entry: in 1.0 this was'
changed '/^    uint32_t begin;/{h;d}; /^    uint32_t end;/{G}' 'field rpmd_span.begin 4 4: in 1.0 this was "field rpmd_span.begin 0 4"'
changed 's/^} rpmd_trait;/    int weight;\n&/' 'field rpmd_trait.weight: not in 1.0, but RPMD_ABI_MINOR is still 0; make it 1'
changed 's/^} rpmd_trait;/} __attribute__((aligned(64))) rpmd_trait;/' 'structure rpmd_trait 64: not in 1.0, but RPMD_ABI_MINOR is still 0'
changed 's/^typedef struct rpmd_host rpmd_host;/&\ntypedef struct rpmd_more { int one; } rpmd_more;/' \
    'structure rpmd_more: not in 1.0, but RPMD_ABI_MINOR is still 0'
changed "$next; s/^typedef struct rpmd_host rpmd_host;/&\ntypedef struct rpmd_more { int one; } rpmd_more;/" \
    'structure rpmd_more: the header has it, but tests/abi/layout.c does not print it'
changed "$next; s/RPMD_STOPPED = 3/&, RPMD_MORE = 4/" 'constant RPMD_MORE: the header has it, but tests/abi/layout.c'
changed "$next; s/^typedef struct rpmd_host rpmd_host;/&\ntypedef union rpmd_either { int one; } rpmd_either;/" \
    'facts.awk cannot read this of the header.*rpmd_either'
changed "$next; s/^typedef struct rpmd_host rpmd_host;/&\ntypedef struct { int one; } rpmd_more;/" \
    'facts.awk cannot read this of the header.*structure without a name'
changed 's/^#define RPMD_ABI_MAJOR 1/#define RPMD_ABI_MAJOR 2/' 'freeze the first header of the new major'
changed 's/^#define RPMD_ABI_MINOR 0/#define RPMD_ABI_MINOR 1/' 'change log has no line for 1.1'

# grown SED PATTERN REPLACEMENT CODE WHAT: the same with a copy of the comparison whose layout.c knows the new field.
cp -r tests/abi "$place/abi"
grown() {
    sed "$next; $1" tests/abi/1.0/rpmd/plugin.h >"$place/changed/rpmd/plugin.h"
    sed "s/^    FIELD($2);/&\n#if RPMD_ABI_MINOR >= 1\n    FIELD($3);\n#endif/" tests/abi/layout.c >"$place/abi/layout.c"
    expect "$4" "$5" "$place/abi/compare.sh" tests/abi/1.0 "$place/changed"
}
grown 's/^} rpmd_trait;/    rpmd_text example;\n&/' 'rpmd_trait, meaning' 'rpmd_trait, example' 0 ''
grown 's/^} rpmd_token;/    uint64_t more;\n&/' 'rpmd_token, stem' 'rpmd_token, more' 1 'grew from 48 bytes, but it has no struct_size'
grown 's/^} rpmd_option_class;/    int more;\n&/' 'rpmd_option_class, position' 'rpmd_option_class, more' 1 \
    'field rpmd_option_class.more 28 4: new, but inside the 32 bytes'
scenario_end
