/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/commands/tables.h"
#include "rpmd/v1/admin.pb-c.h"
#include "rpmd/v1/models.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct BuildTotals {
    uint64_t users;
    uint64_t failed;
    Rpmd__V1__Usage usage;
} BuildTotals;

/* A line such as "ada: reason 12 of 40 items, 7 calls, 0.0021". */
static void show_stage(Session *session, const Rpmd__V1__BuildResponse *progress)
{
    char what[256];
    const Rpmd__V1__StageProgress *stage = progress->stages[progress->n_stages - 1];
    for (size_t i = 0; i < progress->n_stages; i++)
        if (progress->stages[i]->done < progress->stages[i]->total)
            stage = progress->stages[i];
    snprintf(what, sizeof(what), "%.60s: %s, %u calls, cost %.4f", progress->user, stage->stage,
             progress->usage ? progress->usage->llm_calls : 0,
             progress->usage ? (double)progress->usage->cost_micros / 1e6 : 0.0);
    terminal_progress(&session->terminal, what, stage->done, stage->total);
}

static void print_usage(FILE *file, const Rpmd__V1__Usage *usage, const char *lead)
{
    fprintf(file,
            "%s%u calls, %lu prompt tokens (%lu from the server's cache), %lu completion tokens, cost %.4f\n",
            lead, usage->llm_calls, (unsigned long)usage->prompt_tokens, (unsigned long)usage->cached_tokens,
            (unsigned long)usage->completion_tokens, (double)usage->cost_micros / 1e6);
}

/* What the LLMs did for one user. */
static void print_stages(const Rpmd__V1__BuildResponse *progress)
{
    for (size_t i = 0; i < progress->n_stages; i++) {
        const Rpmd__V1__StageProgress *stage = progress->stages[i];
        printf("  %-8s %lu batches, %lu of use at once", stage->stage, (unsigned long)stage->batches,
               (unsigned long)stage->batches_right);
        if (stage->given_up)
            printf(", %lu of %lu left to the native way", (unsigned long)stage->given_up,
                   (unsigned long)stage->total);
        if (stage->cached_replies)
            printf(", %lu replies were kept from before", (unsigned long)stage->cached_replies);
        printf("\n");
    }
    if (progress->features_found > 0)
        printf("  %lu features stand in the texts, %lu were dropped that do not\n",
               (unsigned long)progress->features_found, (unsigned long)progress->features_dropped);
    if (progress->paths)
        printf(
            "  %lu of %lu reasoning paths passed the gate at once, %lu when mended; the others are native\n",
            (unsigned long)progress->paths_right, (unsigned long)progress->paths,
            (unsigned long)progress->paths_mended);
}

static void print_built(const Rpmd__V1__BuildResponse *progress)
{
    printf("%s: version %lu, %lu items, %lu factors", progress->user, (unsigned long)progress->model_version,
           (unsigned long)progress->items_done, (unsigned long)progress->factors);
    if (progress->items_failed)
        printf(", %lu items failed (`rpmctl history list` says why)", (unsigned long)progress->items_failed);
    printf("\n");
    print_stages(progress);
}

static void on_build(Session *session, const ProtobufCMessage *message, void *userdata)
{
    const Rpmd__V1__BuildResponse *progress = (const Rpmd__V1__BuildResponse *)message;
    BuildTotals *totals = userdata;
    bool is_done = progress->users_done > totals->users;
    totals->users = progress->users_done;
    if (progress->usage)
        totals->usage = *progress->usage;
    if (progress->error[0])
        totals->failed++;
    if (session_print_json(session, message))
        return;
    if (!is_done && progress->n_stages > 0) {
        show_stage(session, progress);
        return;
    }
    if (progress->error[0]) {
        terminal_end_progress(&session->terminal);
        fprintf(stderr, "%s: %s\n", progress->user, progress->error);
    } else if (progress->users_total == 1 && progress->user[0] && progress->model_version > 0) {
        terminal_end_progress(&session->terminal);
        print_built(progress);
    }
    if (progress->users_total > 1)
        terminal_progress(&session->terminal, "models", progress->users_done, progress->users_total);
}

/* An amount in millionths; at most a million of the currency. */
static bool read_money(const char *text, uint64_t *micros)
{
    char *end = NULL;
    double amount = strtod(text, &end);
    if (end == text || *end != '\0' || !(amount > 0) || amount > 1e6)
        return false;
    *micros = (uint64_t)(amount * 1e6 + 0.5);
    return *micros > 0;
}

const char *check_model_build(const Arguments *arguments)
{
    if (arguments->all == (arguments->user != NULL))
        return "model build needs either --user U or --all";
    if (arguments->pool && strcmp(arguments->pool, "in") != 0 && strcmp(arguments->pool, "out") != 0)
        return "--pool takes in or out";
    uint64_t cost;
    if (arguments->max_cost && !read_money(arguments->max_cost, &cost))
        return "--max-cost takes an amount of money, such as 0.50";
    return NULL;
}

/* Whether stages may run on LLMs at all: without them, there is nothing to estimate. */
static bool has_backends(Session *session)
{
    Rpmd__V1__GetStatusRequest request = RPMD__V1__GET_STATUS_REQUEST__INIT;
    Rpmd__V1__GetStatusResponse *status = NULL;
    if (session_call(session, "/rpmd.v1.Admin/GetStatus", &request.base,
                     &rpmd__v1__get_status_response__descriptor, &status))
        return false;
    bool has_backends = status->n_backends > 0;
    rpmd__v1__get_status_response__free_unpacked(status, NULL);
    return has_backends;
}

static void on_estimate(Session *session, const ProtobufCMessage *message, void *userdata)
{
    (void)session;
    const Rpmd__V1__BuildResponse *progress = (const Rpmd__V1__BuildResponse *)message;
    if (progress->usage)
        *(Rpmd__V1__Usage *)userdata = *progress->usage;
}

/* A person sees what a build may cost while it can still be stopped. */
static bool show_estimate(Session *session, Rpmd__V1__BuildRequest request)
{
    Rpmd__V1__Usage usage = RPMD__V1__USAGE__INIT;
    if (!has_backends(session))
        return true;
    request.estimate = true;
    if (session_stream(session, "/rpmd.v1.Models/Build", &request.base, &rpmd__v1__build_response__descriptor,
                       on_estimate, &usage))
        return false;
    if (usage.llm_calls > 0)
        print_usage(stderr, &usage, "It will take, at most: ");
    return true;
}

int command_model_build(Session *session, const Arguments *arguments)
{
    Rpmd__V1__BuildRequest request = RPMD__V1__BUILD_REQUEST__INIT;
    BuildTotals totals = {.usage = RPMD__V1__USAGE__INIT};
    request.task = (char *)arguments->task;
    if (arguments->user)
        request.user = (char *)arguments->user;
    request.all_users = arguments->all;
    request.estimate = arguments->dry_run;
    if (arguments->max_cost)
        read_money(arguments->max_cost, &request.max_cost_micros);
    if (arguments->pool)
        request.pool = strcmp(arguments->pool, "in") == 0 ? RPMD__V1__POOL_MEMBERSHIP__POOL_MEMBERSHIP_IN
                                                          : RPMD__V1__POOL_MEMBERSHIP__POOL_MEMBERSHIP_OUT;
    if (!session->json && !arguments->dry_run && !show_estimate(session, request))
        return EXIT_REFUSED;
    if (session_stream(session, "/rpmd.v1.Models/Build", &request.base, &rpmd__v1__build_response__descriptor,
                       on_build, &totals))
        return EXIT_REFUSED;
    terminal_end_progress(&session->terminal);
    if (!session->json && arguments->dry_run) {
        print_usage(stdout, &totals.usage, "It would take, at most: ");
        return totals.failed ? EXIT_REFUSED : EXIT_DONE;
    }
    if (!session->json && totals.usage.llm_calls > 0)
        print_usage(stdout, &totals.usage, "LLMs: ");
    if (!session->json && arguments->all)
        printf("%lu models are built, %lu failed.\n", (unsigned long)(totals.users - totals.failed),
               (unsigned long)totals.failed);
    return totals.failed ? EXIT_REFUSED : EXIT_DONE;
}

static void print_model(Session *session, const Rpmd__V1__GetResponse *model)
{
    const Terminal *terminal = &session->terminal;
    printf("%sVersion %lu%s: %lu items, %zu factors, %lu features in none", terminal_bold(terminal),
           (unsigned long)model->version, terminal_reset(terminal), (unsigned long)model->items,
           model->n_factors, (unsigned long)model->unassigned_features);
    if (model->features_dropped)
        printf(", %lu features dropped (their evidence is not in the query)",
               (unsigned long)model->features_dropped);
    printf("; extractor %s\n", model->extractor_version);
    if (model->items_failed)
        printf("%lu items could not be processed: `rpmctl history list` says why\n",
               (unsigned long)model->items_failed);
    if (model->stale[0])
        printf("stale: %s\n", model->stale);
    table_print_answers(session, "All items", model->answers, model->n_answers, (uint32_t)model->items);
    table_print_traits(session, model->traits, model->n_traits);
    table_print_factors(session, model->factors, model->n_factors);
}

int command_model_show(Session *session, const Arguments *arguments)
{
    Rpmd__V1__GetRequest request = RPMD__V1__GET_REQUEST__INIT;
    Rpmd__V1__GetResponse *response = NULL;
    request.task = (char *)arguments->task;
    request.user = (char *)arguments->user;
    if (session_call(session, "/rpmd.v1.Models/Get", &request.base, &rpmd__v1__get_response__descriptor,
                     &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base))
        print_model(session, response);
    rpmd__v1__get_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

int command_model_versions(Session *session, const Arguments *arguments)
{
    Rpmd__V1__ListVersionsRequest request = RPMD__V1__LIST_VERSIONS_REQUEST__INIT;
    Rpmd__V1__ListVersionsResponse *response = NULL;
    request.task = (char *)arguments->task;
    request.user = (char *)arguments->user;
    if (session_call(session, "/rpmd.v1.Models/ListVersions", &request.base,
                     &rpmd__v1__list_versions_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base)) {
        for (size_t i = 0; i < response->n_versions; i++) {
            const Rpmd__V1__ModelVersion *version = response->versions[i];
            char when[TABLE_TIME_SIZE];
            table_format_time(version->created_us, when);
            printf("%s%4lu  %s  %-20s %6lu items %4lu factors%s\n", version->current ? "*" : " ",
                   (unsigned long)version->version, when, version->reason, (unsigned long)version->items,
                   (unsigned long)version->factors, version->current ? "  (current)" : "");
        }
    }
    rpmd__v1__list_versions_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

int command_model_rollback(Session *session, const Arguments *arguments)
{
    Rpmd__V1__RollbackRequest request = RPMD__V1__ROLLBACK_REQUEST__INIT;
    Rpmd__V1__RollbackResponse *response = NULL;
    request.task = (char *)arguments->task;
    request.user = (char *)arguments->user;
    request.version = arguments->version;
    if (session_call(session, "/rpmd.v1.Models/Rollback", &request.base,
                     &rpmd__v1__rollback_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base))
        printf("Version %lu is current.\n", (unsigned long)response->model_version);
    rpmd__v1__rollback_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}
