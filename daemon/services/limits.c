/* SPDX-License-Identifier: MIT */
#include "daemon/services/limits.h"

#include "daemon/services/check.h"
#include "daemon/services/history.h"
#include "lib/method/factor.h"
#include "lib/method/retrieval.h"
#include "lib/plugin/limits.h"

static const GrpcLimit own_limits[] = {
    {"max_query_bytes", PLUGIN_QUERY_LIMIT, "bytes", "a long review or abstract has 20 KiB"},
    {"max_response_bytes", PLUGIN_RESPONSE_LIMIT, "bytes", "a response or a reply of an LLM"},
    {"max_options", PLUGIN_OPTION_LIMIT, "options", "surveys have up to twenty"},
    {"max_option_bytes", PLUGIN_OPTION_BYTES_LIMIT, "bytes", "an option is a sentence"},
    {"max_name_bytes", NAME_BYTES_LIMIT, "bytes",
     "of a user or an item id: a UUID with a prefix, an address"},
    {"max_meta_entries", META_ENTRIES_LIMIT, "entries", "meta is for labels, not for documents"},
    {"max_meta_bytes", META_BYTES_LIMIT, "bytes", "meta is for labels, not for documents"},
    {"max_import_message_items", IMPORT_MESSAGE_ITEMS_LIMIT, "items",
     "one message is one group of the store"},
    {"max_import_rejections", IMPORT_REJECTIONS_LIMIT, "items", "reported one by one; all are counted"},
    {"max_examples", RETRIEVAL_LIMIT, "items", "past items in one prompt"},
    {"max_factors", FACTOR_LIMIT, "factors", "a table that a person still reads"},
    {"max_features", PLUGIN_FEATURE_LIMIT, "features", "of one query; an abstract yields about forty"},
    {"plugin_queue", PLUGIN_QUEUE_LIMIT, "calls", "waiting for one plugin; more would wait too long"},
    {"store_queue", STORE_QUEUE_LIMIT, "requests", "bounds memory when the disk stalls"},
    {"model_versions", STORE_VERSION_LIMIT, "versions", "kept of a user's model, for a rollback"},
};

size_t service_limits_count(const ServiceContext *context)
{
    (void)context;
    return grpc_limits_count() + ARRAY_SIZE(own_limits);
}

GrpcLimit service_limits_get(const ServiceContext *context, size_t index)
{
    if (index < grpc_limits_count())
        return grpc_limits_get(grpc_server_limits(context->grpc), index);
    return own_limits[index - grpc_limits_count()];
}
