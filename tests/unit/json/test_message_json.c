/* SPDX-License-Identifier: MIT */
#include "lib/json/message_json.h"

#include "rpmd/v1/admin.pb-c.h"
#include "rpmd/v1/history.pb-c.h"
#include "rpmd/v1/personalizer.pb-c.h"
#include "tests/unit/unit.h"

#include <math.h>

static void check_json(const ProtobufCMessage *message, const char *expected)
{
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    message_append_json(&text, message);
    ck_assert_str_eq(buffer_string(&text), expected);
}

START_TEST(test_scalars)
{
    Rpmd__V1__RejectedItem item = RPMD__V1__REJECTED_ITEM__INIT;
    item.index = UINT64_MAX;
    item.origin = "line 1";
    item.reason = "a \"quoted\" text\nwith\xC3\xA9";
    check_json(&item.base,
               "{\"index\":\"18446744073709551615\",\"origin\":\"line 1\",\"user\":\"\",\"id\":\"\","
               "\"reason\":\"a \\\"quoted\\\" text\\nwith\xC3\xA9\"}");
}
END_TEST

START_TEST(test_names_enums_and_negative_longs)
{
    Rpmd__V1__AppendResponse response = RPMD__V1__APPEND_RESPONSE__INIT;
    response.outcome = RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_REPLACED;
    response.model_version = 7;
    check_json(&response.base, "{\"id\":\"\",\"outcome\":\"ITEM_OUTCOME_REPLACED\",\"modelVersion\":\"7\"}");
    response.outcome = 99;
    check_json(&response.base, "{\"id\":\"\",\"outcome\":99,\"modelVersion\":\"7\"}");

    Rpmd__V1__HistoryItem item = RPMD__V1__HISTORY_ITEM__INIT;
    item.time_us = -5;
    check_json(&item.base,
               "{\"id\":\"\",\"query\":\"\",\"response\":\"\",\"timeUs\":\"-5\",\"options\":[],\"meta\":{}}");
}
END_TEST

START_TEST(test_repeated_and_maps)
{
    Rpmd__V1__HistoryItem item = RPMD__V1__HISTORY_ITEM__INIT;
    char *options[] = {"yes", "no"};
    item.options = options;
    item.n_options = 2;
    Rpmd__V1__HistoryItem__MetaEntry entry = RPMD__V1__HISTORY_ITEM__META_ENTRY__INIT;
    entry.key = "source";
    entry.value = "web";
    Rpmd__V1__HistoryItem__MetaEntry *entries[] = {&entry};
    item.meta = entries;
    item.n_meta = 1;
    check_json(&item.base, "{\"id\":\"\",\"query\":\"\",\"response\":\"\",\"timeUs\":\"0\","
                           "\"options\":[\"yes\",\"no\"],\"meta\":{\"source\":\"web\"}}");
}
END_TEST

START_TEST(test_messages_are_left_out_when_absent)
{
    Rpmd__V1__RespondResponse response = RPMD__V1__RESPOND_RESPONSE__INIT;
    check_json(&response.base, "{\"reasoningDelta\":\"\",\"answerDelta\":\"\"}");
}
END_TEST

START_TEST(test_reals)
{
    Rpmd__V1__Feature feature = RPMD__V1__FEATURE__INIT;
    feature.polarity = -0.8f;
    feature.strength = 0.1f;
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    message_append_json(&text, &feature.base);
    ck_assert_ptr_nonnull(strstr(buffer_string(&text), "\"polarity\":-0.8,\"strength\":0.1,"));

    Rpmd__V1__AnswerProbability answer = RPMD__V1__ANSWER_PROBABILITY__INIT;
    answer.probability = 1.0 / 3;
    check_json(&answer.base, "{\"answer\":\"\",\"probability\":0.333333333333333}");
    answer.probability = INFINITY;
    check_json(&answer.base, "{\"answer\":\"\",\"probability\":\"Infinity\"}");
    answer.probability = NAN;
    check_json(&answer.base, "{\"answer\":\"\",\"probability\":\"NaN\"}");
}
END_TEST

UNIT_TESTS("message_json", test_scalars, test_names_enums_and_negative_longs, test_repeated_and_maps,
           test_messages_are_left_out_when_absent, test_reals)
