/* SPDX-License-Identifier: MIT */
#pragma once

/* One run of rpmctl: the channel to the daemon, and how results are written. */

#include "client/channel.h"
#include "client/terminal.h"
#include "lib/base/status.h"

#include <protobuf-c/protobuf-c.h>

typedef struct Session {
    char *socket; /* owned */
    bool json;
    Channel *channel; /* owned; NULL until connected */
    Terminal terminal;
} Session;

/* socket: NULL to look where the daemon usually is. */
void session_init(Session *session, const char *socket, bool json);
void session_finish(Session *session);

/* 0, or STATUS_REFUSED after saying on standard error why there is no connection. */
int session_connect(Session *session);

/*
 * One request, one reply. 0 with *response for the caller to free with protobuf_c_message_free_unpacked;
 * STATUS_REFUSED after saying why on standard error.
 */
int session_call(Session *session, const char *method, const ProtobufCMessage *request,
                 const ProtobufCMessageDescriptor *type, void *response);

/* A request followed by many replies: `on_message` for each. 0, or STATUS_REFUSED after saying why. */
typedef void (*SessionMessage)(Session *session, const ProtobufCMessage *message, void *userdata);
int session_stream(Session *session, const char *method, const ProtobufCMessage *request,
                   const ProtobufCMessageDescriptor *type, SessionMessage on_message, void *userdata);

/* With --json: writes the message on a line of its own and returns true. */
bool session_print_json(Session *session, const ProtobufCMessage *message);

/* "rpmctl: NOT_FOUND: …" on standard error; returns STATUS_REFUSED. */
int session_report(Session *session, const Status *status);
