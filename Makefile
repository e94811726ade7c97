# SPDX-License-Identifier: MIT
# rpmd: `make help` lists the targets.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
SHELL := /bin/bash

BUILD   ?= build
CC      ?= cc
PREFIX  ?= /usr
DESTDIR ?=
VERSION := 0.1.0

ifeq ($(origin CC),default)
CC := cc
endif

PACKAGES := libuv libprotobuf-c libnghttp2 sqlite3 jansson libsystemd libutf8proc inih nettle libxxhash
TEST_PACKAGES := check

# SANITIZE=address,undefined or SANITIZE=thread builds with sanitizers, into a folder of its own.
SANITIZE ?=
OPTIMIZE ?= -O2 -g
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wnull-dereference \
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

# `make test` and `make demo` are complete commands on a fresh machine: they install what is missing first.
SELF_SUFFICIENT_GOALS := test demo test-clients
ifdef NEEDS_BUILD
ifneq ($(filter $(SELF_SUFFICIENT_GOALS),$(MAKECMDGOALS)),)
DEPS_RESULT := $(shell scripts/deps.sh --if-missing $(filter test-clients,$(MAKECMDGOALS)) >&2 && echo done)
ifneq ($(DEPS_RESULT),done)
$(error What the build needs could not be installed; the lines above say why. Mend that and run the command again)
endif
endif
MISSING := $(shell scripts/deps.sh --list-missing)
ifneq ($(MISSING),)
$(error Missing: $(MISSING). Run `make deps` to install what the build needs)
endif
endif

PACKAGE_CFLAGS := $(if $(NEEDS_BUILD),$(shell pkg-config --cflags $(PACKAGES)))
PACKAGE_LIBS   := $(if $(NEEDS_BUILD),$(shell pkg-config --libs $(PACKAGES))) -lstemmer -lm -ldl -lpthread
CHECK_CFLAGS   := $(if $(NEEDS_BUILD),$(shell pkg-config --cflags $(TEST_PACKAGES) 2>/dev/null))
CHECK_LIBS     := $(if $(NEEDS_BUILD),$(shell pkg-config --libs $(TEST_PACKAGES) 2>/dev/null))

# Generated from proto/: messages for protobuf-c, and the descriptor set that reflection serves.
PROTOS       := $(wildcard proto/rpmd/v1/*.proto proto/grpc/*/*.proto proto/grpc/*/*/*.proto)
PROTO_C      := $(patsubst proto/%.proto,$(BUILD)/generated/%.pb-c.c,$(PROTOS))
PROTO_H      := $(PROTO_C:.c=.h)
PROTO_OBJECTS := $(PROTO_C:.c=.o)
TEST_PROTOS  := $(wildcard tests/proto/*.proto)
TEST_PROTO_C := $(patsubst tests/proto/%.proto,$(BUILD)/generated/tests/%.pb-c.c,$(TEST_PROTOS))
TEST_PROTO_OBJECTS := $(TEST_PROTO_C:.c=.o)
DESCRIPTOR_SET := $(BUILD)/generated/descriptor_set.pb
DESCRIPTOR_OBJECT := $(BUILD)/generated/descriptor_set.o

LIB_SOURCES    := $(sort $(wildcard lib/*/*.c))
DAEMON_SOURCES := $(sort $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/*/*.c)))
CLIENT_SOURCES := $(sort $(filter-out client/main.c,$(wildcard client/*.c client/*/*.c)))
PLUGIN_NAMES   := $(sort $(patsubst plugins/%/,%,$(dir $(wildcard plugins/*/plugin.c))))

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_ARCHIVE    := $(BUILD)/lib/librpmd.a
DAEMON_ARCHIVE := $(BUILD)/daemon/daemon.a
CLIENT_ARCHIVE := $(BUILD)/client/client.a
PLUGIN_FILES   := $(patsubst %,$(BUILD)/plugins/%.so,$(PLUGIN_NAMES))

UNIT_TEST_SOURCES := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
UNIT_TESTS        := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_TEST_SOURCES))
TOOL_SOURCES      := $(sort $(wildcard tests/tools/*.c))
TOOLS             := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TOOL_SOURCES))
BENCH_SOURCES     := $(sort $(wildcard bench/*.c))
BENCHES           := $(patsubst %.c,$(BUILD)/%,$(BENCH_SOURCES))

## all           build the daemon, the client and the plugins into build/ (the default)
.PHONY: all
all: $(BUILD)/rpmd $(BUILD)/rpmctl $(PLUGIN_FILES)

$(BUILD)/%.o: %.c | $(PROTO_H)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(PACKAGE_CFLAGS) $(if $(filter tests/% bench/%,$<),$(CHECK_CFLAGS)) -MMD -MP -c $< -o $@

# protobuf-c's own output is not held to our warnings.
$(BUILD)/generated/%.o: $(BUILD)/generated/%.c | $(PROTO_H)
	$(CC) $(CPPFLAGS) -I$(BUILD)/generated/tests $(CFLAGS) -w $(PACKAGE_CFLAGS) -c $< -o $@

$(BUILD)/generated/%.pb-c.c $(BUILD)/generated/%.pb-c.h &: proto/%.proto
	@mkdir -p $(BUILD)/generated
	protoc-c --proto_path=proto --c_out=$(BUILD)/generated $(<:proto/%=%)

$(BUILD)/generated/tests/%.pb-c.c $(BUILD)/generated/tests/%.pb-c.h &: tests/proto/%.proto
	@mkdir -p $(BUILD)/generated/tests
	protoc-c --proto_path=tests/proto --c_out=$(BUILD)/generated/tests $(<:tests/proto/%=%)

$(DESCRIPTOR_SET): $(PROTOS)
	@mkdir -p $(@D)
	protoc --proto_path=proto --include_imports --descriptor_set_out=$@ $(PROTOS:proto/%=%)

# Defines descriptor_set_begin[] and descriptor_set_end[].
$(DESCRIPTOR_OBJECT): $(DESCRIPTOR_SET)
	printf '.section .rodata\n.global descriptor_set_begin\n.global descriptor_set_end\ndescriptor_set_begin:\n.incbin "%s"\ndescriptor_set_end:\n.byte 0\n.section .note.GNU-stack,"",@progbits\n' $< \
	    | $(CC) -x assembler -c - -o $@

$(LIB_ARCHIVE): $(call objects,$(LIB_SOURCES)) $(PROTO_OBJECTS)
$(DAEMON_ARCHIVE): $(call objects,$(DAEMON_SOURCES)) $(DESCRIPTOR_OBJECT)
$(CLIENT_ARCHIVE): $(call objects,$(CLIENT_SOURCES))
%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/rpmd: $(BUILD)/daemon/main.o $(DAEMON_ARCHIVE) $(LIB_ARCHIVE)
	$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/rpmctl: $(BUILD)/client/main.o $(CLIENT_ARCHIVE) $(LIB_ARCHIVE)
	$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

# A plugin sees include/ only, and links to nothing but the C library.
PLUGIN_CFLAGS := -std=c11 $(OPTIMIZE) $(filter-out -Wvla,$(WARNINGS)) -fPIC -fvisibility=hidden -Iinclude
.SECONDEXPANSION:
$(BUILD)/plugins/%.so: $$(wildcard plugins/%/*.c plugins/%/*.h) include/rpmd/plugin.h
	@mkdir -p $(@D)
	$(CC) $(PLUGIN_CFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -shared -Wl,-z,relro,-z,now $(filter %.c,$^) -lm -o $@

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(CLIENT_ARCHIVE) $(DAEMON_ARCHIVE) $(LIB_ARCHIVE)
	$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) $(CHECK_LIBS) -o $@

$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(TEST_PROTO_OBJECTS) $(CLIENT_ARCHIVE) $(DAEMON_ARCHIVE) $(LIB_ARCHIVE)
	$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) -o $@
$(call objects,$(TOOL_SOURCES)): CPPFLAGS += -I$(BUILD)/generated/tests
$(call objects,$(TOOL_SOURCES)): | $(TEST_PROTO_C)

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(CLIENT_ARCHIVE) $(DAEMON_ARCHIVE) $(LIB_ARCHIVE)
	$(CC) $(LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
