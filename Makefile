# SPDX-License-Identifier: MIT
# rpmd: `make help` lists the targets.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
SHELL := /bin/bash
comma := ,

BUILD   ?= build
CC      ?= cc
PREFIX  ?= /usr
DESTDIR ?=
VERSION := 0.1.0

ifeq ($(origin CC),default)
CC := cc
endif

# `make V=1` prints whole commands.
QUIET := $(if $(V),,@)
say    = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

PACKAGES := libuv libprotobuf-c libnghttp2 libcurl sqlite3 jansson libsystemd libutf8proc inih nettle libxxhash libseccomp
TEST_PACKAGES := check

# SANITIZE=address,undefined or SANITIZE=thread builds with sanitizers, into a folder of its own.
SANITIZE ?=
OPTIMIZE ?= -O2 -g
# Not -Wcast-qual nor -Wwrite-strings: the initialisers that protobuf-c generates would need a cast at each use.
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
            -Wpointer-arith -Wvla -Wundef -Wformat=2 -Wnull-dereference \
            -Wno-missing-field-initializers -Wno-unused-parameter -Wunused -Wimplicit-fallthrough
CPPFLAGS += -D_GNU_SOURCE -I. -Iinclude -I$(BUILD)/generated -DRPMD_VERSION='"$(VERSION)"' -DRPMD_PREFIX='"$(PREFIX)"'
CFLAGS   += -std=gnu17 $(OPTIMIZE) $(WARNINGS) -fno-omit-frame-pointer -fstack-protector-strong -fPIE
LDFLAGS  += -pie -Wl,-z,relro,-z,now
ifneq ($(SANITIZE),)
CFLAGS  += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SANITIZE)
endif
ifeq ($(COVERAGE),1)
CFLAGS  += --coverage
LDFLAGS += --coverage
endif

# Targets that need neither the packages nor a build.
SIMPLE_GOALS := help deps clean format
ifneq ($(filter-out $(SIMPLE_GOALS),$(or $(MAKECMDGOALS),all)),)
NEEDS_BUILD := 1
endif

# What the goals need to be installed, beyond what the build needs.
ifneq ($(filter lint format coverage test-clients check-valgrind,$(MAKECMDGOALS)),)
DEPS_LEVEL := --with-tools
else ifneq ($(filter test test-scenarios test-llm demo-llm check-asan check-tsan,$(MAKECMDGOALS)),)
DEPS_LEVEL := --with-tests
endif

# `make test` and `make demo` are complete commands on a fresh machine: they install what is missing first.
SELF_SUFFICIENT_GOALS := test demo test-clients test-llm demo-llm
ifneq ($(or $(NEEDS_BUILD),$(DEPS_LEVEL)),)
ifneq ($(filter $(SELF_SUFFICIENT_GOALS),$(MAKECMDGOALS)),)
DEPS_RESULT := $(shell scripts/deps.sh --if-missing $(DEPS_LEVEL) >&2 && echo done)
ifneq ($(DEPS_RESULT),done)
$(error What the build needs could not be installed; the lines above say why. Mend that and run the command again)
endif
endif
MISSING := $(shell scripts/deps.sh --list-missing $(DEPS_LEVEL))
ifneq ($(MISSING),)
$(error Missing: $(MISSING). Run `make deps` to install what is needed)
endif
endif

PACKAGE_CFLAGS := $(if $(NEEDS_BUILD),$(shell pkg-config --cflags $(PACKAGES)))
PACKAGE_LIBS   := $(if $(NEEDS_BUILD),$(shell pkg-config --libs $(PACKAGES))) -lstemmer -lm -ldl -lpthread
CHECK_CFLAGS   := $(if $(NEEDS_BUILD),$(shell pkg-config --cflags $(TEST_PACKAGES) 2>/dev/null))
CHECK_LIBS     := $(if $(NEEDS_BUILD),$(shell pkg-config --libs $(TEST_PACKAGES) 2>/dev/null))

# Generated from proto/: messages for protobuf-c, and the descriptor set that reflection serves.
PROTOS       := $(wildcard proto/rpmd/v1/*.proto proto/grpc/*/*.proto proto/grpc/*/*/*.proto)
# What the daemon and its workers say to each other: not the protocol, so not in the descriptor set.
WORKER_PROTO_C := $(BUILD)/generated/lib/worker/worker.pb-c.c
PROTO_C      := $(patsubst proto/%.proto,$(BUILD)/generated/%.pb-c.c,$(PROTOS)) $(WORKER_PROTO_C)
PROTO_H      := $(PROTO_C:.c=.h)
PROTO_OBJECTS := $(PROTO_C:.c=.o)
TEST_PROTOS  := $(wildcard tests/proto/*.proto)
TEST_PROTO_C := $(patsubst tests/proto/%.proto,$(BUILD)/generated/tests/%.pb-c.c,$(TEST_PROTOS))
TEST_PROTO_OBJECTS := $(TEST_PROTO_C:.c=.o)
DESCRIPTOR_SET := $(BUILD)/generated/descriptor_set.pb
PROMPT_OBJECTS   := $(patsubst prompts/%.txt,$(BUILD)/generated/prompts/%.o,$(wildcard prompts/*.txt))
DESCRIPTOR_OBJECT := $(BUILD)/generated/descriptor_set.o
TEMPLATE_C       := $(patsubst plugins/template/%.c,$(BUILD)/generated/template/%.c,$(wildcard plugins/template/*.c))
TEMPLATE_OBJECTS := $(TEMPLATE_C:=.o) $(BUILD)/generated/template/readme.md.o

LIB_SOURCES    := $(sort $(wildcard lib/*/*.c lib/*/*/*.c))
DAEMON_SOURCES := $(sort $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/*/*.c)))
WORKER_SOURCES := $(sort $(wildcard worker/*.c))
CLIENT_SOURCES := $(sort $(filter-out client/main.c,$(wildcard client/*.c client/*/*.c)))
PLUGIN_NAMES   := $(sort $(patsubst plugins/%/,%,$(dir $(wildcard plugins/*/plugin.c))))

PROGRAMS := $(BUILD)/rpmd $(BUILD)/rpmd-worker $(BUILD)/rpmctl

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_ARCHIVE    := $(BUILD)/lib/librpmd.a
DAEMON_ARCHIVE := $(BUILD)/daemon/daemon.a
CLIENT_ARCHIVE := $(BUILD)/client/client.a
PLUGIN_FILES   := $(patsubst %,$(BUILD)/plugins/%.so,$(PLUGIN_NAMES))

UNIT_TEST_SOURCES := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
UNIT_TESTS        := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_TEST_SOURCES))
FIXTURE_PLUGINS   := $(patsubst tests/plugins/%.c,$(BUILD)/tests/plugins/%.so,$(wildcard tests/plugins/*.c))
SCENARIOS         := $(sort $(wildcard tests/scenario/test_*.sh))
TOOL_SOURCES      := $(sort $(wildcard tests/tools/*.c))
TOOLS             := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TOOL_SOURCES))
BENCH_SOURCES     := $(sort $(wildcard bench/*.c))
BENCHES           := $(patsubst %.c,$(BUILD)/%,$(BENCH_SOURCES))
BENCH_ARCHIVE     := $(BUILD)/bench/common/common.a
BENCH_ROW_OBJECTS := $(call objects,$(sort $(wildcard bench/rows/*.c)))

## all           build the daemon, the client and the plugins into build/ (the default)
.PHONY: all
all: $(PROGRAMS) $(PLUGIN_FILES)

$(BUILD)/%.o: %.c | $(PROTO_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(QUIET)$(CC) $(CPPFLAGS) $(CFLAGS) $(PACKAGE_CFLAGS) $(if $(filter tests/% bench/%,$<),$(CHECK_CFLAGS)) -MMD -MP -c $< -o $@

# protobuf-c's own output is not held to our warnings.
$(BUILD)/generated/%.o: $(BUILD)/generated/%.c | $(PROTO_H)
	$(call say,CC,$<)
	$(QUIET)$(CC) $(CPPFLAGS) -I$(BUILD)/generated/tests $(CFLAGS) -w $(PACKAGE_CFLAGS) -c $< -o $@

$(BUILD)/generated/%.pb-c.c $(BUILD)/generated/%.pb-c.h &: proto/%.proto
	@mkdir -p $(BUILD)/generated
	$(QUIET)protoc-c --proto_path=proto --c_out=$(BUILD)/generated $(<:proto/%=%)

$(WORKER_PROTO_C) $(WORKER_PROTO_C:.c=.h) &: lib/worker/worker.proto
	@mkdir -p $(BUILD)/generated
	$(QUIET)protoc-c --proto_path=. --c_out=$(BUILD)/generated $<

$(BUILD)/generated/tests/%.pb-c.c $(BUILD)/generated/tests/%.pb-c.h &: tests/proto/%.proto
	@mkdir -p $(BUILD)/generated/tests
	$(QUIET)protoc-c --proto_path=tests/proto --c_out=$(BUILD)/generated/tests $(<:tests/proto/%=%)

$(DESCRIPTOR_SET): $(PROTOS)
	@mkdir -p $(@D)
	$(QUIET)protoc --proto_path=proto --include_imports --descriptor_set_out=$@ $(PROTOS:proto/%=%)

# $(call embed,NAME) makes an object of a file: it defines NAME_begin[] and NAME_end[].
embed = printf '.section .rodata\n.global $(1)_begin\n.global $(1)_end\n$(1)_begin:\n.incbin "%s"\n$(1)_end:\n.byte 0\n.section .note.GNU-stack,"",@progbits\n' $< \
	    | $(CC) -x assembler -c - -o $@

$(DESCRIPTOR_OBJECT): $(DESCRIPTOR_SET)
	$(QUIET)$(call embed,descriptor_set)

$(PROMPT_OBJECTS): $(BUILD)/generated/prompts/%.o: prompts/%.txt
	@mkdir -p $(@D)
	$(QUIET)$(call embed,prompt_$*)

# What `rpmctl plugin new` writes: each skeleton with features.h in place, and without our licence, since what an
# author makes of it is theirs.
$(TEMPLATE_C): $(BUILD)/generated/template/%.c: plugins/template/%.c plugins/template/features.h
	@mkdir -p $(@D)
	$(QUIET)sed '1,/^#include <string.h>/d' plugins/template/features.h | tail -n +2 | \
	    sed -e '1,2d' -e '/^#include "features.h"/{r /dev/stdin' -e 'd}' $< > $@
$(TEMPLATE_C:=.o): %.o: %
	$(QUIET)$(call embed,template_$(basename $(notdir $<)))
$(BUILD)/generated/template/readme.md.o: plugins/template/readme.md
	@mkdir -p $(@D)
	$(QUIET)$(call embed,template_readme)

$(LIB_ARCHIVE): $(call objects,$(LIB_SOURCES)) $(PROTO_OBJECTS)
$(DAEMON_ARCHIVE): $(call objects,$(DAEMON_SOURCES)) $(DESCRIPTOR_OBJECT) $(PROMPT_OBJECTS)
$(CLIENT_ARCHIVE): $(call objects,$(CLIENT_SOURCES)) $(TEMPLATE_OBJECTS)
%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(QUIET)$(AR) rcs $@ $^

$(BUILD)/rpmd: $(BUILD)/daemon/main.o $(DAEMON_ARCHIVE) $(LIB_ARCHIVE)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/rpmctl: $(BUILD)/client/main.o $(CLIENT_ARCHIVE) $(LIB_ARCHIVE)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

# One for each plugin that is loaded, so it links what it needs and no more.
WORKER_LIBS := $(if $(NEEDS_BUILD),$(shell pkg-config --libs libprotobuf-c libutf8proc libseccomp libxxhash)) -lstemmer -lm
$(BUILD)/rpmd-worker: $(call objects,$(WORKER_SOURCES)) $(LIB_ARCHIVE)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(LDFLAGS) -Wl,--as-needed $^ $(WORKER_LIBS) -o $@

# A plugin sees include/ only, and links to nothing but the C library. rpmd refuses files that others can write.
PLUGIN_CFLAGS := -std=c11 $(OPTIMIZE) $(filter-out -Wvla,$(WARNINGS)) -fPIC -fvisibility=hidden -Iinclude
$(BUILD)/plugins/%.so: $$(wildcard plugins/%/*.c plugins/%/*.h) include/rpmd/plugin.h
	@mkdir -p $(@D)
	$(call say,PLUGIN,$@)
	$(QUIET)$(CC) $(PLUGIN_CFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -shared -Wl,-z,relro,-z,now $(filter %.c,$^) -lm -o $@
	@chmod go-w $@ $(@D)

# Fixtures: one file each, that changes one thing in fixture.h.
$(BUILD)/tests/plugins/%.so: tests/plugins/%.c tests/plugins/fixture.h include/rpmd/plugin.h
	@mkdir -p $(@D)
	$(call say,PLUGIN,$@)
	$(QUIET)$(CC) $(PLUGIN_CFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -shared $< -lm -o $@
	@chmod go-w $@ $(@D)

# A unit test is linked with the layers that its folder stands for.
DAEMON_TEST_FOLDERS := daemon net store plugins users query services backends stages loop
CLIENT_TEST_FOLDERS := client net
test_archives = $(if $(filter $(CLIENT_TEST_FOLDERS),$(1)),$(CLIENT_ARCHIVE)) \
                $(if $(filter $(DAEMON_TEST_FOLDERS),$(1)),$(DAEMON_ARCHIVE)) $(LIB_ARCHIVE)
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $$(call test_archives,$$(firstword $$(subst /, ,$$*)))
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) $(CHECK_LIBS) -o $@

# The simulation has the daemon's core between doors of its own (docs/simulation.md), and a clock of its own.
SIMULATION_SOURCES := $(sort $(wildcard tests/simulation/*.c))
SIMULATED_SOURCES  := $(sort $(wildcard daemon/users/*.c daemon/query/*.c daemon/stages/*.c)) daemon/config.c
$(BUILD)/tests/simulation/simulate: $(call objects,$(SIMULATION_SOURCES) $(SIMULATED_SOURCES)) $(PROMPT_OBJECTS) $(LIB_ARCHIVE)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(LDFLAGS) $(foreach name,uv_hrtime clock_gettime time,-Wl$(comma)--wrap=$(name)) $^ $(PACKAGE_LIBS) -o $@

# The tools that play a daemon or a client are linked with that layer, the others with lib alone.
DAEMON_TOOLS := interop_server store_kill
CLIENT_TOOLS := load
$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $$(if $$(filter $$*,$(CLIENT_TOOLS)),$(CLIENT_ARCHIVE)) $$(if $$(filter $$*,$(DAEMON_TOOLS)),$(TEST_PROTO_OBJECTS) $(DAEMON_ARCHIVE)) $(LIB_ARCHIVE)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) -o $@
$(call objects,$(TOOL_SOURCES)): CPPFLAGS += -I$(BUILD)/generated/tests
$(call objects,$(TOOL_SOURCES)): | $(TEST_PROTO_C)

# bench/core has its rows in a folder of their own.
$(BENCH_ARCHIVE): $(call objects,$(wildcard bench/common/*.c))
$(BUILD)/bench/%: $(BUILD)/bench/%.o $$(if $$(filter core,$$*),$(BENCH_ROW_OBJECTS)) $(BENCH_ARCHIVE) $(CLIENT_ARCHIVE) $(DAEMON_ARCHIVE) $(LIB_ARCHIVE)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

## test          run the whole test suite: unit tests, scenarios, the demo (installs what is missing)
.PHONY: test
test: test-unit test-simulation test-scenarios

# Seeds that failed once, and some more that reach every rare line; a few seconds.
.PHONY: test-simulation
test-simulation: $(BUILD)/tests/simulation/simulate
	$< --seeds tests/simulation/seeds --seed 1 --count $(SIMULATE_COUNT) --marks

## simulate      SIMULATE_SECONDS (60) of the daemon's core in drawn orders of events (docs/simulation.md)
SIMULATE_SECONDS ?= 60
SIMULATE_COUNT   ?= 1500
.PHONY: simulate
simulate: $(BUILD)/tests/simulation/simulate
	$< --seconds $(SIMULATE_SECONDS)

.PHONY: test-unit
test-unit: $(UNIT_TESTS) $(PLUGIN_FILES) $(FIXTURE_PLUGINS) $(PROGRAMS)
	BUILD=$(BUILD) scripts/run-tests.sh $(UNIT_TESTS)

.PHONY: test-scenarios
test-scenarios: all $(FIXTURE_PLUGINS) $(TOOLS)
	BUILD=$(BUILD) scripts/run-tests.sh $(SCENARIOS)

## test-clients  stock gRPC clients: the official interop cases, grpcurl, Python (installs toolchains)
.PHONY: test-clients
test-clients: all $(TOOLS)
	BUILD=$(BUILD) tests/clients/run.sh

## test-llm      every stage on a real LLM server with a tiny model (downloads both)
.PHONY: test-llm
test-llm: all
	BUILD=$(BUILD) tests/llm/run.sh

## demo-llm      a real LLM answers the same query for two users with opposite tastes (downloads a server and a model)
.PHONY: demo-llm
demo-llm: all
	BUILD=$(BUILD) demo/llm.sh

## demo          build, start a private daemon, import small histories, show prompts and native answers
.PHONY: demo
demo: all
	BUILD=$(BUILD) demo/run.sh

## check-asan    the unit tests and scenarios under AddressSanitizer and UndefinedBehaviorSanitizer
## check-tsan    the same under ThreadSanitizer
.PHONY: check-asan check-tsan check-valgrind
check-asan:
	$(MAKE) BUILD=$(BUILD)-asan SANITIZE=address,undefined OPTIMIZE='-O1 -g' test-unit test-simulation test-scenarios
check-tsan:
	$(MAKE) BUILD=$(BUILD)-tsan SANITIZE=thread OPTIMIZE='-O1 -g' test-unit test-scenarios

## check-valgrind  the unit tests under valgrind
check-valgrind: $(UNIT_TESTS) $(PLUGIN_FILES) $(FIXTURE_PLUGINS) $(PROGRAMS)
	CK_TIMEOUT_MULTIPLIER=10 BUILD=$(BUILD) RUN_UNDER='valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite' \
	    scripts/run-tests.sh $(UNIT_TESTS)

## fuzz          FUZZ_SECONDS (30) of libFuzzer for each parser of an LLM's words (clang)
FUZZ_SECONDS ?= 30
FUZZ_NAMES   := $(basename $(notdir $(wildcard tests/fuzz/*.c)))
FUZZ_BUILD   := $(BUILD)-fuzz
.PHONY: fuzz
fuzz:
	$(MAKE) BUILD=$(FUZZ_BUILD) CC=clang SANITIZE=fuzzer-no-link,address,undefined OPTIMIZE='-O1 -g' $(FUZZ_NAMES:%=$(FUZZ_BUILD)/tests/fuzz/%)
	set -o pipefail; for name in $(FUZZ_NAMES); do \
	    mkdir -p $(FUZZ_BUILD)/corpus/$$name && echo "== $$name" && \
	    $(FUZZ_BUILD)/tests/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 \
	        $(FUZZ_BUILD)/corpus/$$name tests/fuzz/corpus/$$name 2>&1 | grep -E 'stat::number|ERROR|SUMMARY' || exit; \
	done
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIB_ARCHIVE)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(PACKAGE_LIBS) -o $@

## bench         measure; prints figures and ratios, asserts nothing
.PHONY: bench
bench: all $(BENCHES) $(FIXTURE_PLUGINS)
	BUILD=$(BUILD) bench/run.sh

## coverage      line coverage of the test suite, as text
.PHONY: coverage
coverage:
	$(MAKE) BUILD=$(BUILD)-coverage COVERAGE=1 OPTIMIZE='-O0 -g' test-unit test-scenarios
	lcov --quiet --capture --directory $(BUILD)-coverage --output-file $(BUILD)-coverage/all.info
	lcov --quiet --extract $(BUILD)-coverage/all.info '$(CURDIR)/lib/*' '$(CURDIR)/daemon/*' '$(CURDIR)/client/*' '$(CURDIR)/plugins/*' \
	    --output-file $(BUILD)-coverage/ours.info
	lcov --list $(BUILD)-coverage/ours.info

## lint          clang-tidy, clang-format, shellcheck, layers, headers alone and as C++, the clang build
## format        clang-format on every C file
.PHONY: lint format
lint: $(PROTO_H) $(TEST_PROTO_C)
	BUILD=$(BUILD) scripts/lint.sh
format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

## deps          install what the build and the tests need (apt; sudo only when needed)
.PHONY: deps
deps:
	scripts/deps.sh --with-tools

## install       put everything in place; DESTDIR= and PREFIX= (default /usr)
MAN_PAGES := $(patsubst man/%.scd,$(BUILD)/man/%,$(wildcard man/*.scd))
$(BUILD)/man/%: man/%.scd scripts/man.sh $(BUILD)/rpmd $(BUILD)/rpmctl
	@mkdir -p $(@D)
	scripts/man.sh $(BUILD) $< > $@
.PHONY: install
install: all $(MAN_PAGES)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/rpmctl
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(BUILD)/rpmd
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/rpmd $(BUILD)/rpmd-worker
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/rpmd/plugins $(PLUGIN_FILES)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/rpmd include/rpmd/plugin.h
	install -d $(DESTDIR)/etc/rpmd
	test -e $(DESTDIR)/etc/rpmd/rpmd.conf || install -m 644 systemd/rpmd.conf $(DESTDIR)/etc/rpmd/rpmd.conf
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	sed 's|@PREFIX@|$(PREFIX)|g' systemd/rpmd.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/rpmd.service
	install -m 644 systemd/rpmd.socket $(DESTDIR)$(PREFIX)/lib/systemd/system/rpmd.socket
	install -m 644 systemd/rpmd.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/rpmd.conf
	for page in $(MAN_PAGES); do \
	    install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} "$$page" || exit; \
	done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/rpmd/systemd systemd/llm.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/rpmd/prompts $(wildcard prompts/*.txt)
	for file in $(wildcard proto/rpmd/v1/*.proto); do \
	    install -D -m 644 "$$file" $(DESTDIR)$(PREFIX)/share/rpmd/"$$file" || exit; \
	done

## clean         remove everything that was built
.PHONY: clean
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-coverage $(BUILD)-fuzz

## help          this list
.PHONY: help
help:
	@echo 'rpmd $(VERSION): make TARGET [CC=clang] [SANITIZE=address,undefined] [BUILD=DIR]'
	@sed -n 's/^## /  /p' Makefile

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
