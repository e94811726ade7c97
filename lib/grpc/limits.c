/* SPDX-License-Identifier: MIT */
#include "lib/grpc/limits.h"

#include "lib/base/macros.h"

static const struct {
    const char *name;
    const char *unit;
    const char *reason;
    size_t offset;
} table[] = {
#define X(field, initial, unit_name, why) {#field, unit_name, why, offsetof(GrpcLimits, field)},
    GRPC_LIMITS(X)
#undef X
};

GrpcLimits grpc_limits_default(void)
{
    GrpcLimits limits = {
#define X(field, initial, unit_name, why) .field = (initial),
        GRPC_LIMITS(X)
#undef X
    };
    return limits;
}

size_t grpc_limits_count(void)
{
    return ARRAY_SIZE(table);
}

GrpcLimit grpc_limits_get(const GrpcLimits *limits, size_t index)
{
    const void *field = (const char *)limits + table[index].offset;
    return (GrpcLimit){
        .name = table[index].name,
        .value = *(const uint64_t *)field,
        .unit = table[index].unit,
        .reason = table[index].reason,
    };
}
