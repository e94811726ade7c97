/* SPDX-License-Identifier: MIT */
#include "daemon/stages/kept.h"

#include "daemon/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <sys/queue.h>
#include <time.h>

#define MICROSECONDS_PER_DAY 86400000000ll

/* A reply on its way into the store; it owns its texts. */
typedef struct Keeping {
    LIST_ENTRY(Keeping) link;
    Arena arena;
    StoreNewReply reply;
} Keeping;

struct Kept {
    const Config *config;
    Store *store;
    LIST_HEAD(, Keeping) writing;
};

Kept *kept_new(const Config *config, Store *store)
{
    Kept *kept = NEW(Kept);
    *kept = (Kept){.config = config, .store = store};
    LIST_INIT(&kept->writing);
    return kept;
}

void kept_free(Kept *kept)
{
    if (!kept)
        return;
    assert(LIST_EMPTY(&kept->writing));
    free(kept);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int64_t oldest_us(const Config *config)
{
    return now_us() - (int64_t)config->reply_days * MICROSECONDS_PER_DAY;
}

static void hash_text(struct sha256_ctx *context, const char *text, size_t length)
{
    uint64_t bytes = length;
    sha256_update(context, sizeof(bytes), (const uint8_t *)&bytes);
    sha256_update(context, length, (const uint8_t *)text);
}

void kept_key(const Config *config, const StageRequest *request, uint8_t key[STORE_REPLY_KEY_SIZE])
{
    const BackendSettings *settings = config_backend(config, request->backend);
    const char *form = request->stage == STAGE_EMBED ? "embedding" : request->schema ? request->schema : "";
    const char *texts[] = {settings->base_url, settings->model, form};
    const double numbers[] = {request->max_tokens ? request->max_tokens : (double)settings->max_tokens,
                              settings->temperature, settings->is_anthropic};
    struct sha256_ctx context;
    sha256_init(&context);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        hash_text(&context, texts[i], strlen(texts[i]));
    sha256_update(&context, sizeof(numbers), (const uint8_t *)numbers);
    hash_text(&context, request->prompt.data, request->prompt.length);
    sha256_digest(&context, STORE_REPLY_KEY_SIZE, key);
}

const rpmd_text *kept_writing(const Kept *kept, const uint8_t key[STORE_REPLY_KEY_SIZE])
{
    const Keeping *keeping;
    LIST_FOREACH(keeping, &kept->writing, link)
    {
        if (memcmp(keeping->reply.key.data, key, STORE_REPLY_KEY_SIZE) == 0)
            return &keeping->reply.text;
    }
    return NULL;
}

StoreCall *kept_find(Kept *kept, const uint8_t key[STORE_REPLY_KEY_SIZE], StoreCallback callback, void *data)
{
    const StoreFindReply find = {{(const char *)key, STORE_REPLY_KEY_SIZE}, oldest_us(kept->config)};
    return store_reply_find(kept->store, &find, callback, data);
}

static void on_kept(StoreReply *reply, void *data)
{
    Keeping *keeping = data;
    if (!status_is_ok(&reply->status))
        log_warning("a reply of an LLM could not be kept: %s", reply->status.message);
    LIST_REMOVE(keeping, link);
    arena_finish(&keeping->arena);
    free(keeping);
}

void kept_put(Kept *kept, const StageRequest *request, const uint8_t key[STORE_REPLY_KEY_SIZE],
              rpmd_text text, LlmFinish finish)
{
    const Config *config = kept->config;
    /* What a text that was cut off lacks could not be told from it later. */
    bool is_cut = !request->schema && finish == LLM_FINISH_LENGTH;
    if (config->reply_bytes == 0 || text.length == 0 || is_cut)
        return;
    Keeping *keeping = NEW(Keeping);
    Arena *arena = &keeping->arena;
    keeping->reply = (StoreNewReply){
        .task = arena_text(arena, request->task),
        .user = arena_text(arena, request->user),
        .user_number = request->user_number,
        .key = arena_text(arena, (rpmd_text){(const char *)key, STORE_REPLY_KEY_SIZE}),
        .text = arena_text(arena, text),
        .created_us = now_us(),
        .limit_bytes = config->reply_bytes,
        .not_before_us = oldest_us(config),
    };
    LIST_INSERT_HEAD(&kept->writing, keeping, link);
    store_reply_put(kept->store, &keeping->reply, on_kept, keeping);
}
