/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/stage.h"

const char *stage_name(Stage stage)
{
    static const char *const names[STAGE_COUNT] = {
        [STAGE_EXTRACT] = "extract", [STAGE_CLUSTER] = "cluster", [STAGE_JUDGE] = "judge",
        [STAGE_REASON] = "reason",   [STAGE_RESPOND] = "respond",
    };
    return names[stage];
}
