/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Protobuf messages as JSON (the proto3 JSON mapping), from protobuf-c's own descriptors: lowerCamelCase
 * names, 64-bit numbers as strings, enums by name, bytes in base64, maps as objects. Fields without presence
 * are always written, so that a reader need not know the defaults; absent messages are left out.
 */

#include "lib/base/buffer.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/* The message as a JSON object that the caller releases with json_decref. Never NULL. */
json_t *message_to_json(const ProtobufCMessage *message);

/* Appends the object on one line, without a line break behind it. */
void message_append_json(Buffer *text, const ProtobufCMessage *message);
