/* SPDX-License-Identifier: MIT */
#include "lib/method/vote_table.h"

#include "lib/base/macros.h"
#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

#define USERS 12000 /* so many that a question is cut several times */
#define QUESTIONS 3

/* votes[user] is the answer plus 1; 0: none. */
static void assert_listed(const VoteTable *table, uint64_t question, const uint32_t votes[USERS])
{
    size_t total = 0;
    for (uint64_t user = 0; user < USERS; user++)
        total += votes[user] > 0;
    VoteList list = vote_table_find(table, question, 7);
    ck_assert_uint_eq(list.total, total);
    ck_assert_int_eq(list.has_user, votes[7] > 0);
    ck_assert_uint_le(list.count, VOTES_LISTED * 2);
    if (total > 0)
        ck_assert_uint_gt(list.count, total / 8);
    for (size_t v = 0; v < list.count; v++) {
        ck_assert_uint_eq(list.votes[v].answer + 1, votes[list.votes[v].user]);
        ck_assert(v == 0 || vote_order(list.votes[v - 1].user, list.votes[v].user) < 0);
    }
    /* The first in the order of all users, without a gap. */
    size_t before = 0;
    for (uint64_t user = 0; user < USERS && list.count > 0; user++)
        before += votes[user] > 0 && vote_order(user, list.votes[list.count - 1].user) <= 0;
    ck_assert_uint_eq(before, list.count);
}

START_TEST(votes_come_and_go)
{
    static uint32_t votes[QUESTIONS][USERS];
    VoteTable table = {0};
    uint64_t state = 19;
    for (size_t change = 0; change < 120000; change++) {
        uint64_t question = fixture_random(&state, QUESTIONS);
        /* Users of question 0 are few. */
        uint64_t user = fixture_random(&state, question == 0 ? 20 : USERS);
        bool is_put = fixture_random(&state, 5) > 0;
        uint32_t answer = fixture_random(&state, 4);
        if (is_put)
            vote_table_put(&table, question, (PopulationVote){user, answer});
        else
            vote_table_remove(&table, question, user);
        votes[question][user] = is_put ? answer + 1 : 0;
        if (change % 6000 == 0)
            for (uint64_t q = 0; q < QUESTIONS; q++)
                assert_listed(&table, q, votes[q]);
    }
    for (uint64_t q = 0; q < QUESTIONS; q++)
        for (uint64_t user = 0; user < USERS; user++)
            vote_table_remove(&table, q, user);
    ck_assert_uint_eq(vote_table_find(&table, 1, 1).total, 0);
    ck_assert_uint_eq(table.run_bytes, 0);
    vote_table_finish(&table);
}
END_TEST

START_TEST(questions_without_votes_take_no_memory)
{
    VoteTable table = {0};
    ck_assert_uint_eq(vote_table_find(&table, 1, 1).total, 0);
    vote_table_remove(&table, 1, 1);
    for (uint64_t question = 0; question < 100000; question++) {
        vote_table_put(&table, question, (PopulationVote){1, 0});
        vote_table_put(&table, question, (PopulationVote){1, 2}); /* another answer of the same user */
        VoteList list = vote_table_find(&table, question, 1);
        ck_assert_uint_eq(list.total, 1);
        ck_assert_uint_eq(list.votes->answer, 2);
        vote_table_remove(&table, question, 2);
        vote_table_remove(&table, question, 1);
    }
    ck_assert_uint_le(table.slot_count, 1024);
    vote_table_finish(&table);
}
END_TEST

UNIT_TESTS("vote_table", votes_come_and_go, questions_without_votes_take_no_memory)
