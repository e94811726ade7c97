/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the four skeletons have in common: how features are found. `make` puts all that stands behind the
 * includes into each of them in place of the line that includes this file.
 */

#include <rpmd/plugin.h>

#include <stddef.h>
#include <string.h>

static rpmd_text text_of(const char *string)
{
    rpmd_text text = {string, strlen(string)};
    return text;
}

static int is(rpmd_text text, const char *string)
{
    return text.length == strlen(string) && memcmp(text.data, string, text.length) == 0;
}

/*
 * YOURS: the words that matter in your queries, and what each of them tells. A good feature could make one
 * user answer differently from another; twenty good ones help more than two hundred. The same thing has the
 * same name and context everywhere, because features are compared by both.
 *
 * A word that is a stem stands for all its forms ("invoic": invoice, invoices, invoicing), any other for
 * itself alone; all are in lower case.
 */
typedef struct cue {
    const char *word;
    const char *name;     /* of the feature: a short label in lower case */
    const char *context;  /* what it means, as a phrase */
    const char *category; /* one of `categories` */
    float polarity;       /* what the query says of it: -1 bad, 0 neither, +1 good */
} cue;

static const char *const categories[] = {"matter", "time", "tone", NULL};

static const cue cues[] = {
    {"invoic", "money", "somebody is to pay or be paid", "matter", -0.2f},
    {"price", "money", "somebody is to pay or be paid", "matter", -0.2f},
    {"meet", "meeting", "people are to come together", "matter", 0.0f},
    {"deadlin", "deadline", "something is due at a given time", "time", -0.3f},
    {"tomorrow", "deadline", "something is due at a given time", "time", -0.3f},
    {"urgent", "urgency", "it cannot wait", "time", -0.5f},
    {"?", "question", "something is asked", "tone", 0.0f},
    {"complain", "complaint", "somebody is not content", "tone", -0.8f},
    {"thank", "gratitude", "somebody is grateful", "tone", 0.8f},
};

/* Called by rpmd: hands over one feature for each cue, with the place where the query says it. */
static int extract(rpmd_call *call, const rpmd_query *query)
{
    const rpmd_token *tokens;
    size_t count;
    if (call->host->tokenize(call, query->text, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < count; i++) {
        if (call->host->expired(call))
            return RPMD_STOPPED;
        for (size_t c = 0; c < sizeof(cues) / sizeof(cues[0]); c++) {
            if (!is(tokens[i].stem, cues[c].word) && !is(tokens[i].lower, cues[c].word))
                continue;
            rpmd_feature feature = {
                .struct_size = sizeof(rpmd_feature),
                .name = text_of(cues[c].name),
                .context = text_of(cues[c].context),
                .category = text_of(cues[c].category),
                .polarity = cues[c].polarity,
                .strength = 0.8f, /* YOURS: how strongly it is said, 0 to 1, where you can tell */
                .evidence = tokens[i].span,
            };
            if (call->host->emit_feature(call, &feature) != RPMD_DONE)
                return RPMD_DONE; /* rpmd takes no more features for this query */
        }
    }
    return RPMD_DONE;
}
