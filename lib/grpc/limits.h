/* SPDX-License-Identifier: MIT */
#pragma once

/* Every limit of the wire, in one table: its default, its unit, and why it is what it is. */

#include <stddef.h>
#include <stdint.h>

/* X(name, default, unit, reason) */
#define GRPC_LIMITS(X)                                                                                       \
    X(max_connections, 256, "connections", "each costs a file descriptor and some 40 KiB")                   \
    X(max_streams_per_connection, 256, "calls", "one client cannot take all of max_calls")                   \
    X(max_calls, 1024, "calls", "work in progress of all clients together, also of calls given up")          \
    X(max_message_bytes, 4194304, "bytes", "what stock gRPC clients take and send by default")               \
    X(max_header_bytes, 16384, "bytes", "what stock gRPC allows; counted as HTTP/2 does, 32 more a header")  \
    X(stream_window_bytes, 1048576, "bytes", "unread bytes of one call; 64 KiB halves the throughput")       \
    X(connection_window_bytes, 16777216, "bytes", "unread bytes of all calls of a connection")               \
    X(max_frame_bytes, 262144, "bytes", "larger frames make an upload cheaper")                              \
    X(write_high_bytes, 262144, "bytes", "unsent replies of a call at which its handler is told to wait")    \
    X(write_low_bytes, 65536, "bytes", "unsent replies of a call at which its handler may go on")            \
    X(write_batch_bytes, 32768, "bytes", "one write to the socket; larger ones make the two sides wait")     \
    X(stream_reset_burst, 10000, "resets", "a client that cancels much is no attacker; max_calls bounds it") \
    X(stream_resets_per_second, 1000, "resets", "refills stream_reset_burst")                                \
    X(header_timeout_ms, 10000, "milliseconds", "a connection that never finishes its first headers")        \
    X(idle_timeout_ms, 1800000, "milliseconds",                                                              \
      "a connection without calls; clients reconnect by themselves")                                         \
    X(ping_interval_ms, 60000, "milliseconds", "how soon a silent client with open calls is asked")          \
    X(ping_timeout_ms, 20000, "milliseconds", "how long it has to answer")                                   \
    X(drain_timeout_ms, 10000, "milliseconds", "how long calls may go on after the daemon was told to stop")

typedef struct GrpcLimits {
#define X(name, value, unit, reason) uint64_t name;
    GRPC_LIMITS(X)
#undef X
} GrpcLimits;

/* The defaults. */
GrpcLimits grpc_limits_default(void);

typedef struct GrpcLimit {
    const char *name;
    uint64_t value;
    const char *unit;
    const char *reason;
} GrpcLimit;

/* How many limits there are. */
size_t grpc_limits_count(void);

/* The limit of this index (0 .. count - 1) with its value in `limits`. */
GrpcLimit grpc_limits_get(const GrpcLimits *limits, size_t index);
