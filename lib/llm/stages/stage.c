/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/stage.h"

void stage_append_data(Buffer *prompt, rpmd_text text)
{
    bool begins = true;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (begins)
            buffer_append_string(prompt, "> ");
        begins = byte == '\n';
        char shown = byte < 0x20 && byte != '\n' ? ' ' : (char)byte;
        buffer_append(prompt, &shown, 1);
    }
    if (!begins)
        buffer_append_string(prompt, "\n");
}
