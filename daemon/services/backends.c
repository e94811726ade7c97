/* SPDX-License-Identifier: MIT */
#include "daemon/services/backends.h"

#include "daemon/services/call.h"
#include "daemon/services/convert.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/embedding.h"
#include "lib/llm/reply_json.h"

#include <time.h>

#define SECONDS_PER_DAY 86400
#define DEFAULT_DAYS 30
#define CHECK_SECONDS 60 /* a model that is being loaded answers after a few */
#define CHECK_TOKENS 64

/* ---- status ------------------------------------------------------------------------------------------- */

static const char *form_name(LlmForm form)
{
    return form == LLM_FORM_SCHEMA ? "schema" : form == LLM_FORM_JSON ? "json" : "text";
}

Rpmd__V1__BackendStatus **backends_status(const ServiceContext *context, Arena *arena, size_t *count)
{
    size_t total = context->config->backend_count;
    Rpmd__V1__BackendStatus **list = ARENA_ARRAY(arena, Rpmd__V1__BackendStatus *, total);
    uint64_t now = uv_hrtime();
    for (*count = 0; *count < total; (*count)++) {
        const Backend *backend = llm_backend(context->llm, *count);
        Rpmd__V1__BackendStatus *message = ARENA_NEW(arena, Rpmd__V1__BackendStatus);
        rpmd__v1__backend_status__init(message);
        message->name = arena_format(arena, "%s", backend->settings->name);
        message->base_url = arena_format(arena, "%s", backend->settings->base_url);
        message->model = arena_format(arena, "%s", backend->settings->model);
        message->active = (uint32_t)backend->active_count;
        message->waiting = (uint32_t)backend->waiting_count;
        message->calls = backend->counts.calls;
        message->failures = backend->counts.failures;
        message->attempts = backend->counts.attempts;
        message->prompt_tokens = backend->counts.usage.prompt_tokens;
        message->cached_tokens = backend->counts.usage.cached_tokens;
        message->completion_tokens = backend->counts.usage.completion_tokens;
        if (backend->rests_until_ns > now)
            message->resting_ms = (backend->rests_until_ns - now) / 1000000 + 1;
        message->trouble = arena_format(arena, "%s", backend->trouble);
        message->form = arena_format(arena, "%s", form_name(backend->form));
        list[*count] = message;
    }
    return list;
}

/* ---- check -------------------------------------------------------------------------------------------- */

/* What is tried of a backend, in this order. */
typedef enum CheckKind { CHECK_CHAT, CHECK_JSON, CHECK_EMBEDDINGS } CheckKind;
#define CHECKS 3

/* The tiny calls of a backend, one after the other. */
typedef struct Check {
    ServiceCall call;
    const BackendSettings *backend; /* of the configuration */
    LlmCall *llm;
    CheckKind kind; /* being tried */
    size_t pieces;
    Rpmd__V1__BackendCheck checks[CHECKS];
    Rpmd__V1__BackendCheck *list[CHECKS];
    size_t done;
} Check;

static void release_check(ServiceCall *call)
{
    Check *check = (Check *)call;
    if (check->llm)
        llm_cancel(check->llm, NULL);
}

static const char check_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"color\"],\"properties\":{"
    "\"color\":{\"enum\":[\"red\",\"green\",\"blue\"]}}}";

static const struct {
    const char *name, *prompt, *schema;
} check_asks[CHECKS] = {
    [CHECK_CHAT] = {"chat", "Say hello in one word.", NULL},
    [CHECK_JSON] =
        {"json",
         "Which of red, green and blue has the sky by day? Answer with JSON only: {\"color\": \"...\"}",
         check_schema},
    [CHECK_EMBEDDINGS] = {"embeddings", "[\"slow pace\",\"tense ending\"]", NULL},
};

/* A backend that no stage uses yet is meant to chat. */
static bool is_needed(const Check *check)
{
    const char *name = check->backend->name;
    bool embeds = config_uses(check->call.context->config, STAGE_EMBED, name), chats = !embeds;
    for (Stage stage = 0; stage < STAGE_COUNT; stage++)
        chats |= stage != STAGE_EMBED && config_uses(check->call.context->config, stage, name);
    return check->kind == CHECK_EMBEDDINGS ? embeds : chats;
}

static const char *describe_chat(Check *check, const LlmResult *result, bool *works)
{
    *works = true;
    return arena_format(&check->call.arena,
                        "answered \"%.*s\" in %zu pieces, with %lu prompt and %lu completion tokens",
                        (int)MIN(result->text.length, (size_t)60), result->text.data, check->pieces,
                        (unsigned long)result->spent.usage.prompt_tokens,
                        (unsigned long)result->spent.usage.completion_tokens);
}

static const char *describe_json(Check *check, const LlmResult *result, bool *works)
{
    json_t *value = reply_json(result->text);
    const Backend *backend = NULL;
    for (size_t i = 0; !backend || backend->settings != check->backend; i++)
        backend = llm_backend(check->call.context->llm, i);
    *works = json_is_string(json_object_get(value, "color"));
    json_decref(value);
    return *works ? arena_format(&check->call.arena, "held to JSON by %s",
                                 backend->form == LLM_FORM_SCHEMA ? "a schema"
                                 : backend->form == LLM_FORM_JSON ? "its JSON mode"
                                                                  : "the prompt alone")
                  : arena_format(&check->call.arena,
                                 "wrote no JSON of the shape that was asked for: \"%.*s\"; stages will fall "
                                 "back to their "
                                 "native way often, choose a larger model",
                                 (int)MIN(result->text.length, (size_t)60), result->text.data);
}

static const char *describe_embeddings(Check *check, const LlmResult *result, bool *works)
{
    rpmd_text lines = result->text;
    uint32_t count = 0;
    *works = llm_embedding_next(&check->call.arena, &lines, &count) &&
             llm_embedding_next(&check->call.arena, &lines, &count) && lines.length == 0;
    return *works ? arena_format(&check->call.arena, "vectors of %u numbers", count)
                  : "it has not one vector for each text; choose another server";
}

static void on_check_text(void *data, rpmd_text piece)
{
    (void)piece;
    Check *check = data;
    check->pieces++;
}

static void check_next(Check *check);

/* A server that chats may hold to JSON; one that does not may embed. One that is not there does nothing. */
static bool choose_next(Check *check, const Status *status, bool works)
{
    if (status->code == STATUS_UNAVAILABLE || check->kind == CHECK_EMBEDDINGS)
        return false;
    check->kind = check->kind == CHECK_CHAT && works ? CHECK_JSON : CHECK_EMBEDDINGS;
    return check->kind == CHECK_JSON || !check->backend->is_anthropic;
}

static void on_check_end(void *data, const LlmResult *result)
{
    static const char *(*const describe[CHECKS])(Check *, const LlmResult *, bool *) = {
        [CHECK_CHAT] = describe_chat, [CHECK_JSON] = describe_json, [CHECK_EMBEDDINGS] = describe_embeddings};
    Check *check = data;
    Rpmd__V1__BackendCheck *message = &check->checks[check->done];
    bool works = status_is_ok(&result->status);
    const char *detail = result->status.message;
    check->llm = NULL;
    if (works)
        detail = describe[check->kind](check, result, &works);
    message->works = works;
    message->is_needed = is_needed(check);
    message->detail = arena_format(&check->call.arena, "%s", detail);
    message->milliseconds = result->spent.milliseconds;
    check->list[check->done++] = message;
    if (choose_next(check, &result->status, works)) {
        check_next(check);
        return;
    }
    Rpmd__V1__CheckBackendResponse response = RPMD__V1__CHECK_BACKEND_RESPONSE__INIT;
    response.checks = check->list;
    response.n_checks = check->done;
    grpc_call_reply(check->call.call, &response.base);
}

static void check_next(Check *check)
{
    static const LlmHandlers handlers = {on_check_text, on_check_end};
    Rpmd__V1__BackendCheck *message = &check->checks[check->done];
    rpmd__v1__backend_check__init(message);
    message->name = arena_format(&check->call.arena, "%s", check_asks[check->kind].name);
    check->pieces = 0;
    const LlmRequest request = {.backend = check->backend->name,
                                .prompt = text_of(check_asks[check->kind].prompt),
                                .is_embedding = check->kind == CHECK_EMBEDDINGS,
                                .schema = check_asks[check->kind].schema,
                                .max_tokens = CHECK_TOKENS,
                                .deadline_ns = uv_hrtime() + CHECK_SECONDS * 1000000000ull};
    check->llm = llm_call(check->call.context->llm, &request, &handlers, check);
}

void backends_on_check(GrpcCall *call, const void *message)
{
    const Rpmd__V1__CheckBackendRequest *request = message;
    ServiceContext *context = grpc_call_service(call);
    const BackendSettings *settings = config_backend(context->config, request->backend);
    if (!settings) {
        _cleanup_buffer_ Buffer names = BUFFER_INIT;
        for (size_t i = 0; i < context->config->backend_count; i++)
            buffer_append_format(&names, "%s%s", i ? ", " : "", context->config->backends[i].name);
        grpc_call_refuse(call, STATUS_NOT_FOUND, "there is no backend '%s'; there are: %s", request->backend,
                         names.length ? buffer_string(&names) : "none, add [backend NAME] to rpmd.conf");
        return;
    }
    Check *check = service_call_new(call, sizeof(Check), release_check);
    check->backend = settings;
    check_next(check);
}

/* ---- usage -------------------------------------------------------------------------------------------- */

static void on_usage(StoreReply *reply, void *data)
{
    ServiceCall *usage = data;
    usage->store = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(usage->call, &reply->status);
        return;
    }
    Arena *arena = &reply->arena;
    Rpmd__V1__GetUsageResponse response = RPMD__V1__GET_USAGE_RESPONSE__INIT;
    response.rows = ARENA_ARRAY(arena, Rpmd__V1__UsageRow *, reply->usages.count);
    for (size_t i = 0; i < reply->usages.count; i++) {
        const StoreUsage *row = &reply->usages.rows[i];
        Rpmd__V1__UsageRow *message = ARENA_NEW(arena, Rpmd__V1__UsageRow);
        rpmd__v1__usage_row__init(message);
        message->task = convert_text(arena, row->task);
        message->user = convert_text(arena, row->user);
        message->stage = convert_text(arena, row->stage);
        message->backend = convert_text(arena, row->backend);
        message->day = row->day;
        message->calls = row->calls;
        message->cached_replies = row->cached_replies;
        message->failures = row->failures;
        message->repairs = row->repairs;
        message->prompt_tokens = row->prompt_tokens;
        message->cached_tokens = row->cached_tokens;
        message->completion_tokens = row->completion_tokens;
        message->cost_micros = row->cost_micros;
        message->milliseconds = row->milliseconds;
        response.rows[response.n_rows++] = message;
    }
    grpc_call_reply(usage->call, &response.base);
}

void backends_on_usage(GrpcCall *call, const void *message)
{
    const Rpmd__V1__GetUsageRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    ServiceCall *usage = service_call_new(call, sizeof(ServiceCall), NULL);
    int64_t days = request->days ? request->days : DEFAULT_DAYS;
    const StoreListUsage list = {
        .task = text_of(request->task),
        .user = text_of(request->user),
        .from_day = (int64_t)time(NULL) / SECONDS_PER_DAY - days + 1,
    };
    usage->store = store_usage_list(context->store, &list, on_usage, usage);
}
