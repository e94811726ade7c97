/* SPDX-License-Identifier: MIT */
#include "lib/method/citation_model.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/statistics.h"

static void add_share(CitationFact *fact, CitationShare *shares, CitationShare share)
{
    shares[fact->share_count++] = share;
}

static void add_class_shares(CitationFact *fact, CitationShare *shares, const UserModel *model,
                             uint32_t factor, double alpha, const ModelEntry *without)
{
    for (uint32_t c = 0; c < model->class_count; c++)
        add_share(fact, shares,
                  (CitationShare){.answer = model->classes[c],
                                  .part = statistics_count(model, factor, c, without),
                                  .whole = fact->items,
                                  .smoothed = statistics_propensity(model, factor, c, alpha, without)});
}

static void add_polarity_shares(CitationFact *fact, CitationShare *shares, const FactorCounts *counts)
{
    const uint32_t parts[] = {counts->positive, counts->neutral, counts->negative};
    fact->influence = counts->influence;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        add_share(fact, shares,
                  (CitationShare){.part = parts[i], .whole = counts->influence, .smoothed = -1});
}

static bool has_trait(const ModelEntry *entry, rpmd_text name)
{
    for (size_t t = 0; entry && t < entry->item->details->trait_count; t++)
        if (text_equal(entry->item->details->traits[t].name, name))
            return true;
    return false;
}

static void add_trait_shares(CitationFact *fact, CitationShare *shares, const UserModel *model,
                             const ModelEntry *without)
{
    for (size_t t = 0; t < model->trait_count; t++)
        add_share(fact, shares,
                  (CitationShare){.answer = model->traits[t].meaning,
                                  .part = model->traits[t].items - has_trait(without, model->traits[t].name),
                                  .whole = fact->items,
                                  .smoothed = -1});
}

CitationFacts citation_facts(Arena *arena, const UserModel *model, double alpha, const ModelEntry *without)
{
    CitationFacts facts = {.count = (size_t)model->factor_count + 1};
    facts.facts = ARENA_ARRAY(arena, CitationFact, facts.count);
    for (uint32_t f = 0; f <= model->factor_count; f++) {
        bool all = f == model->factor_count;
        uint32_t factor = all ? FACTOR_ALL : f;
        CitationFact *fact = &facts.facts[f];
        size_t room = (size_t)model->class_count + (all ? model->trait_count : 3);
        CitationShare *shares = ARENA_ARRAY(arena, CitationShare, room);
        *fact = (CitationFact){.name = all ? text_of(CITATION_ALL_ITEMS)
                                           : factor_set_get(model->factors, f)->name,
                               .items = statistics_items(model, factor, without),
                               .shares = shares};
        add_class_shares(fact, shares, model, factor, alpha, without);
        if (all) {
            add_trait_shares(fact, shares, model, without);
        } else if (model->answer_kind == RPMD_ANSWER_TEXT) {
            FactorCounts counts = statistics_factor(model, f, without);
            add_polarity_shares(fact, shares, &counts);
        }
    }
    return facts;
}

void citation_check_reasoning(rpmd_text reasoning, const UserModel *model, double alpha,
                              const ModelEntry *without, Arena *arena, CitationReport *report)
{
    CitationFacts facts = citation_facts(arena, model, alpha, without);
    citation_check(reasoning, facts.facts, facts.count, arena, report);
}

static bool begins_with(rpmd_text text, size_t at, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length - at >= length && memcmp(text.data + at, prefix, length) == 0;
}

/* The item that an example's heading names, or NULL. */
static const ModelEntry *example_item(const UserModel *model, rpmd_text prompt, size_t at)
{
    size_t place = 0;
    for (at += strlen(CITATION_EXAMPLE_HEADING); at < prompt.length && prompt.data[at] >= '0' &&
                                                 prompt.data[at] <= '9' && place <= model->entry_count;
         at++)
        place = place * 10 + (size_t)(prompt.data[at] - '0');
    return place >= 1 && place <= model->entry_count ? model->entries[place - 1] : NULL;
}

static size_t line_end(rpmd_text text, size_t at)
{
    const char *newline = memchr(text.data + at, '\n', text.length - at);
    return newline ? (size_t)(newline - text.data) + 1 : text.length;
}

void citation_check_prompt(rpmd_text prompt, const UserModel *model, double alpha, Arena *arena,
                           CitationReport *report)
{
    const ModelEntry *item = NULL;
    for (size_t begin = 0, at = 0; at < prompt.length;) {
        size_t end = line_end(prompt, at);
        bool example = begins_with(prompt, at, CITATION_EXAMPLE_HEADING);
        bool heading = begins_with(prompt, at, "# ");
        bool conclusion = begins_with(prompt, at, CITATION_CONCLUSION);
        if (heading || conclusion) {
            /* What stands between two such lines speaks of one set of statistics. */
            citation_check_reasoning((rpmd_text){prompt.data + begin, at - begin}, model, alpha, item, arena,
                                     report);
            item = example ? example_item(model, prompt, at) : heading ? NULL : item;
            begin = end;
        }
        if (end == prompt.length)
            citation_check_reasoning((rpmd_text){prompt.data + begin, end - begin}, model, alpha, item, arena,
                                     report);
        at = end;
    }
}
