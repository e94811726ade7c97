/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/reason_gate.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/text/locate.h"
#include "lib/text/tokenizer.h"
#include "lib/text/utf8.h"

#include <ctype.h>

#define SHOWN 80 /* bytes of what is wrong in a sentence about it */
#define SINGLE_QUOTE_LIMIT                                                                                   \
    300 /* bytes between single quotation marks: what is longer are two apostrophes                          \
         */

#define NUMBER_DIGITS 3 /* of a number that is no count of items or percentage */

/* ---- quotations --------------------------------------------------------------------------------------- */

typedef struct QuotationMarks {
    const char *open, *close;
    bool is_single; /* apostrophes look the same: it stands between words */
} QuotationMarks;

static bool begins_with(rpmd_text path, size_t at, const char *mark)
{
    return path.length - at >= strlen(mark) && memcmp(path.data + at, mark, strlen(mark)) == 0;
}

static bool is_letter_at(rpmd_text path, size_t at)
{
    return at < path.length &&
           (isalnum((unsigned char)path.data[at]) || (unsigned char)path.data[at] >= 0x80);
}

/* Where a quotation that begins at `begin` ends, or SIZE_MAX. */
static size_t find_close(rpmd_text path, size_t begin, const QuotationMarks *marks)
{
    size_t limit = marks->is_single ? MIN(path.length, begin + SINGLE_QUOTE_LIMIT) : path.length;
    for (size_t at = begin; at < limit; at++)
        if (begins_with(path, at, marks->close) &&
            !(marks->is_single && is_letter_at(path, at + strlen(marks->close))))
            return at;
    return SIZE_MAX;
}

/* The next quotation from an offset on, which moves behind it. False: there is none. */
static bool next_quoted(rpmd_text path, size_t *at, rpmd_text *quoted)
{
    static const QuotationMarks kinds[] = {
        {"\"", "\"", false}, {"\u201C", "\u201D", false}, {"'", "'", true}, {"\u2018", "\u2019", true}};
    for (; *at < path.length; (*at)++) {
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
            const QuotationMarks *marks = &kinds[k];
            size_t begin = *at + strlen(marks->open);
            if (!begins_with(path, *at, marks->open) ||
                (marks->is_single && *at > 0 && is_letter_at(path, *at - 1)))
                continue;
            size_t end = find_close(path, begin, marks);
            if (end == SIZE_MAX || end == begin)
                continue;
            *quoted = (rpmd_text){path.data + begin, end - begin};
            *at = end + strlen(marks->close);
            return true;
        }
    }
    return false;
}

static bool is_answer(const UserModel *model, const ModelItem *item, rpmd_text text)
{
    if (text_equal(text, item->answer) || user_model_class(model, text) != CLASS_NONE)
        return true;
    for (size_t o = 0; o < item->details->option_count; o++)
        if (text_equal(text, item->details->options[o]))
            return true;
    return false;
}

static bool is_name(const UserModel *model, const ModelItem *item, rpmd_text text)
{
    for (uint32_t f = 0; f < item->feature_count; f++)
        if (text_equal(text, item->features[f].text->name) ||
            text_equal(text, item->features[f].text->context))
            return true;
    for (uint32_t f = 0; f < model->factor_count; f++)
        if (text_equal(text, factor_set_get(model->factors, f)->name) ||
            text_equal(text, factor_set_get(model->factors, f)->description))
            return true;
    return false;
}

/* A shown text may have been cut, with an ellipsis. */
static bool is_in_item(const ModelItem *item, rpmd_text text)
{
    rpmd_span span;
    return text_locate(item->query, text, &span) || text_locate(item->response, text, &span);
}

static const char *fault_of_quotations(rpmd_text path, const UserModel *model, const ModelItem *item,
                                       Arena *arena)
{
    rpmd_text quoted, concluded = {"", 0};
    for (size_t at = 0; next_quoted(path, &at, &quoted);) {
        if (is_answer(model, item, quoted))
            concluded = quoted;
        else if (!is_name(model, item, quoted) && !is_in_item(item, quoted))
            return arena_format(arena, "quotes \"%.*s\", which does not stand in it",
                                TEXT_ARGS(text_cut(quoted, SHOWN)));
    }
    if (concluded.length > 0 && !text_equal(concluded, item->answer) &&
        !text_equal(concluded, item->answer_class))
        return arena_format(arena, "ends with another answer than \"%.*s\"",
                            TEXT_ARGS(text_cut(item->answer, SHOWN)));
    return NULL;
}

/* ---- what it speaks of ----------------------------------------------------------------------------------
 */

/* Words and numbers alone: punctuation between them does not matter. */
typedef struct Words {
    rpmd_token *list;
    size_t count;
} Words;

static Words words_of(rpmd_text text, Tokenizer *tokenizer, Arena *arena)
{
    const rpmd_token *tokens;
    size_t count;
    text_tokenize(arena, tokenizer, text, &tokens, &count);
    Words words = {ARENA_ARRAY(arena, rpmd_token, count), 0};
    for (size_t i = 0; i < count; i++)
        if (tokens[i].flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_NUMBER))
            words.list[words.count++] = tokens[i];
    return words;
}

/* What a path may speak of: its item, and the user's factors. */
static Words own_words(const ReasonItem *item, Tokenizer *tokenizer, Arena *arena)
{
    const ModelItem *own = item->entries[item->entry]->item;
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    buffer_append(&text, own->query.data, own->query.length);
    buffer_append_format(&text, "\n%.*s", TEXT_ARGS(own->response));
    for (uint32_t f = 0; f < own->feature_count; f++)
        buffer_append_format(&text, "\n%.*s\n%.*s", TEXT_ARGS(own->features[f].text->name),
                             TEXT_ARGS(own->features[f].text->context));
    for (uint32_t f = 0; f < item->model->factor_count; f++) {
        const Factor *factor = factor_set_get(item->model->factors, f);
        buffer_append_format(&text, "\n%.*s\n%.*s", TEXT_ARGS(factor->name), TEXT_ARGS(factor->description));
    }
    return words_of(arena_text(arena, (rpmd_text){buffer_string(&text), text.length}), tokenizer, arena);
}

static bool is_content(const rpmd_token *token)
{
    return !(token->flags & RPMD_TOKEN_STOPWORD);
}

/* Words in a row, of which so many say something: longer ones may be "at the end of the world". */
typedef struct Run {
    size_t words;
    size_t content;
} Run;
static const Run runs[] = {{5, 2}, {2, 2}};

/* How often the words of a run stand in a row. */
static size_t count_runs(const Words *words, const rpmd_token *run, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; length > 0 && i + length <= words->count; i++) {
        size_t equal = 0;
        while (equal < length && text_equal(words->list[i + equal].stem, run[equal].stem))
            equal++;
        count += equal == length;
    }
    return count;
}

static bool has_run(const Words *words, const rpmd_token *run, size_t length)
{
    return count_runs(words, run, length) > 0;
}

static bool says_something(const rpmd_token *words, const Run *run)
{
    size_t content = 0;
    for (size_t i = 0; i < run->words; i++)
        content += is_content(&words[i]);
    return content >= run->content;
}

/* A run of the path that is another item's and not its own: *length of them; NULL: there is none. */
static const rpmd_token *foreign_run(const Words *said, const Words *own, const Words *queries,
                                     const ReasonItem *item, size_t *length)
{
    for (size_t r = 0; r < ARRAY_SIZE(runs); r++) {
        *length = runs[r].words;
        for (size_t i = 0; i + *length <= said->count; i++) {
            const rpmd_token *run = said->list + i;
            if (!says_something(run, &runs[r]) || has_run(own, run, *length))
                continue;
            for (size_t other = 0; other < item->entry_count; other++)
                if (other != item->entry && has_run(&queries[other], run, *length))
                    return run;
        }
    }
    return NULL;
}

/* Little is wanted: one word of the text or of its features. */
static bool speaks_of_it(const Words *said, const ReasonItem *item, Tokenizer *tokenizer, Arena *arena)
{
    const ModelItem *own = item->entries[item->entry]->item;
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    buffer_append(&text, own->query.data, own->query.length);
    for (uint32_t f = 0; f < own->feature_count; f++)
        buffer_append_format(&text, "\n%.*s", TEXT_ARGS(own->features[f].text->name));
    Words query =
        words_of(arena_text(arena, (rpmd_text){buffer_string(&text), text.length}), tokenizer, arena);
    bool has_content = false;
    for (size_t q = 0; q < query.count; q++) {
        has_content |= is_content(&query.list[q]);
        for (size_t i = 0; i < said->count && is_content(&query.list[q]); i++)
            if (text_equal(said->list[i].stem, query.list[q].stem))
                return true;
    }
    return !has_content;
}

/* A path that names another label more often than its own argues for that one. The text itself may name any.
 */
static const char *fault_of_labels(const Words *said, const Words *own, const ReasonItem *item,
                                   Tokenizer *tokenizer, Arena *scratch, Arena *arena)
{
    const UserModel *model = item->model;
    rpmd_text answer = item->entries[item->entry]->item->answer;
    if (model->answer_kind != RPMD_ANSWER_LABELS)
        return NULL;
    Words right = words_of(answer, tokenizer, scratch);
    size_t mentions = count_runs(said, right.list, right.count);
    for (uint32_t c = 0; c < model->class_count; c++) {
        Words label = words_of(model->classes[c], tokenizer, scratch);
        if (!text_equal(model->classes[c], answer) && !has_run(own, label.list, label.count) &&
            count_runs(said, label.list, label.count) > mentions)
            return arena_format(arena, "argues for \"%.*s\", and the answer is \"%.*s\"",
                                TEXT_ARGS(model->classes[c]), TEXT_ARGS(answer));
    }
    return NULL;
}

/* Years and amounts are the text's; shorter numbers may be statistics, which the citation gate checks. */
static const char *fault_of_numbers(rpmd_text path, const Words *said, const Words *own, Arena *arena)
{
    for (size_t i = 0; i < said->count; i++) {
        rpmd_text number = {path.data + said->list[i].span.begin,
                            said->list[i].span.end - said->list[i].span.begin};
        size_t end = said->list[i].span.end;
        bool is_share = end < path.length && path.data[end] == '%';
        if (number.length >= NUMBER_DIGITS && isdigit((unsigned char)number.data[0]) &&
            isdigit((unsigned char)number.data[NUMBER_DIGITS - 1]) && !is_share &&
            !has_run(own, &said->list[i], 1))
            return arena_format(arena, "says \"%.*s\", which does not stand in it", TEXT_ARGS(number));
    }
    return NULL;
}

static const char *fault_of_words(rpmd_text path, const ReasonItem *item, Arena *arena)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    Words said = words_of(path, tokenizer, &scratch);
    if (!speaks_of_it(&said, item, tokenizer, &scratch))
        return "says nothing of what stands in it";
    Words own = own_words(item, tokenizer, &scratch);
    const char *fault = fault_of_numbers(path, &said, &own, arena);
    if (!fault)
        fault = fault_of_labels(&said, &own, item, tokenizer, &scratch, arena);
    if (fault || item->entry_count < 2)
        return fault;
    Words *queries = ARENA_ARRAY(&scratch, Words, item->entry_count);
    for (size_t i = 0; i < item->entry_count; i++)
        queries[i] = words_of(item->entries[i]->item->query, tokenizer, &scratch);
    size_t length;
    const rpmd_token *run = foreign_run(&said, &own, queries, item, &length);
    if (!run)
        return NULL;
    rpmd_text words = {path.data + run->span.begin, run[length - 1].span.end - run->span.begin};
    return arena_format(arena, "speaks of another item: \"%.*s\"", TEXT_ARGS(text_cut(words, SHOWN)));
}

const char *reason_fault(rpmd_text path, const ReasonItem *item, Arena *arena, CitationReport *report)
{
    const ModelEntry *entry = item->entries[item->entry];
    citation_check_reasoning(path, item->model, item->smoothing, entry, arena, report);
    if (report->count > 0)
        return report->violations[0];
    const char *fault = fault_of_quotations(path, item->model, entry->item, arena);
    return fault ? fault : fault_of_words(path, item, arena);
}
