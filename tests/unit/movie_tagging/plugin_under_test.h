/* SPDX-License-Identifier: MIT */
#pragma once

/* A host for one plugin in a test: real tokens, an arena, and lists of what the plugin hands over. */

#include "lib/text/tokenizer.h"
#include "rpmd/plugin.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FEATURES_MAX = 256, TRAITS_MAX = 64, MEMORY_MAX = 64 << 20 };

typedef struct PluginUnderTest {
    rpmd_call call; /* first: the host functions cast it back */
    const rpmd_plugin *plugin;
    Tokenizer *tokenizer;
    Arena arena;
    size_t memory_limit; /* bytes that allocate gives out */
    size_t allocated;
    rpmd_feature features[FEATURES_MAX];
    size_t feature_count;
    rpmd_trait traits[TRAITS_MAX];
    size_t trait_count;
    rpmd_text answer;
} PluginUnderTest;

static inline void *host_allocate(rpmd_call *call, size_t size)
{
    PluginUnderTest *self = (PluginUnderTest *)call;

    if (size > self->memory_limit - self->allocated)
        return NULL;
    self->allocated += size;
    return arena_allocate(&self->arena, size);
}

static inline int host_emit_feature(rpmd_call *call, const rpmd_feature *feature)
{
    PluginUnderTest *self = (PluginUnderTest *)call;
    rpmd_feature *copy = &self->features[self->feature_count];

    if (self->feature_count == FEATURES_MAX)
        return RPMD_FAILED;
    *copy = *feature;
    copy->name = arena_text(&self->arena, feature->name);
    copy->context = arena_text(&self->arena, feature->context);
    copy->category = arena_text(&self->arena, feature->category);
    self->feature_count++;
    return RPMD_DONE;
}

static inline int host_emit_trait(rpmd_call *call, const rpmd_trait *trait)
{
    PluginUnderTest *self = (PluginUnderTest *)call;

    if (self->trait_count == TRAITS_MAX)
        return RPMD_FAILED;
    self->traits[self->trait_count++] = *trait;
    return RPMD_DONE;
}

static inline int host_set_answer(rpmd_call *call, rpmd_text answer)
{
    PluginUnderTest *self = (PluginUnderTest *)call;

    self->answer = arena_text(&self->arena, answer);
    return RPMD_DONE;
}

static inline int host_tokenize(rpmd_call *call, rpmd_text text, const rpmd_token **tokens, size_t *count)
{
    PluginUnderTest *self = (PluginUnderTest *)call;

    text_tokenize(&self->arena, self->tokenizer, text, tokens, count);
    return RPMD_DONE;
}

static inline void host_say(rpmd_call *call, const char *sentence)
{
}

static inline void host_log(rpmd_call *call, rpmd_log_level level, const char *line)
{
}

static inline int host_expired(rpmd_call *call)
{
    return 0;
}

static const rpmd_host host_under_test = {
    .struct_size = sizeof(rpmd_host),
    .abi_major = RPMD_ABI_MAJOR,
    .abi_minor = RPMD_ABI_MINOR,
    .allocate = host_allocate,
    .emit_feature = host_emit_feature,
    .emit_trait = host_emit_trait,
    .set_answer = host_set_answer,
    .tokenize = host_tokenize,
    .fail = host_say,
    .log = host_log,
    .expired = host_expired,
};

/* Loads plugins/NAME.so of the build that this program belongs to: BUILD/tests/unit/FOLDER/PROGRAM. */
static inline const rpmd_plugin *plugin_load(const char *name)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
    const rpmd_plugin *(*entry)(void) = NULL;
    void *library;

    for (int up = 0; up < 4 && length > 0; up++)
        while (length > 0 && path[--length] != '/')
            ;
    snprintf(path + (length > 0 ? length : 0), 64, "/plugins/%s.so", name);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s; build it with `make all`\n", dlerror());
        abort();
    }
    *(void **)&entry = dlsym(library, RPMD_PLUGIN_ENTRY);
    return entry != NULL ? entry() : NULL;
}

static inline void under_test_init(PluginUnderTest *self, const char *name)
{
    *self = (PluginUnderTest){.call = {sizeof(rpmd_call), &host_under_test}, .memory_limit = MEMORY_MAX};
    self->plugin = plugin_load(name);
    self->tokenizer = tokenizer_new();
}

static inline void under_test_finish(PluginUnderTest *self)
{
    tokenizer_free(self->tokenizer);
    arena_finish(&self->arena);
}

static inline rpmd_text text_from(const char *string)
{
    return (rpmd_text){string, strlen(string)};
}

static inline void under_test_reset(PluginUnderTest *self)
{
    arena_finish(&self->arena);
    self->arena = ARENA_INIT;
    self->allocated = self->feature_count = self->trait_count = 0;
    self->answer = (rpmd_text){"", 0};
}

static inline int under_test_extract(PluginUnderTest *self, rpmd_text text)
{
    rpmd_query query = {.struct_size = sizeof(query), .text = text};

    under_test_reset(self);
    return self->plugin->extract(&self->call, &query);
}

/* The answer that the plugin finds in the reply, or "(no match)". */
static inline const char *under_test_parse(PluginUnderTest *self, const char *reply)
{
    rpmd_query query = {.struct_size = sizeof(query), .text = {"x", 1}};

    under_test_reset(self);
    switch (self->plugin->parse_answer(&self->call, &query, text_from(reply))) {
    case RPMD_DONE:
        return self->answer.data;
    case RPMD_NO_MATCH:
        return "(no match)";
    default:
        return "(failed)";
    }
}

static inline const rpmd_feature *under_test_feature(const PluginUnderTest *self, const char *name)
{
    for (size_t i = 0; i < self->feature_count; i++)
        if (strcmp(self->features[i].name.data, name) == 0)
            return &self->features[i];
    return NULL;
}

/* Every feature has a known category, a name, a context, numbers in range and evidence in the text. */
static inline bool under_test_is_sound(const PluginUnderTest *self, rpmd_text text)
{
    for (size_t i = 0; i < self->feature_count; i++) {
        const rpmd_feature *feature = &self->features[i];
        bool known = false;

        for (const char *const *category = self->plugin->categories; *category != NULL; category++)
            known |= strcmp(*category, feature->category.data) == 0;
        if (!known || feature->name.length == 0 || feature->name.length > 96 ||
            feature->context.length == 0 || feature->context.length > 320 ||
            !(feature->strength > 0 && feature->strength <= 1) ||
            feature->evidence.begin >= feature->evidence.end || feature->evidence.end > text.length)
            return false;
    }
    return true;
}
