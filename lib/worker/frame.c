/* SPDX-License-Identifier: MIT */
#include "lib/worker/frame.h"

#include "lib/base/error.h"

#include <errno.h>

void frame_append_head(Buffer *buffer, uint32_t length)
{
    const unsigned char head[WORKER_FRAME_HEAD] = {(unsigned char)length, (unsigned char)(length >> 8),
                                                   (unsigned char)(length >> 16),
                                                   (unsigned char)(length >> 24)};
    buffer_append(buffer, head, sizeof(head));
}

int frame_peek(const Buffer *buffer, uint32_t limit, uint32_t *length)
{
    if (buffer->length < WORKER_FRAME_HEAD)
        return 0;
    const unsigned char *head = (const unsigned char *)buffer->data;
    *length = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
    if (*length > limit)
        return -EMSGSIZE;
    return buffer->length - WORKER_FRAME_HEAD >= *length;
}
