/* SPDX-License-Identifier: MIT */
#include "daemon/users/population.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"

static void answer_waiting(TaskEntry *task, const Status *status)
{
    Operation *operation = TAKE_PTR(task->waiting);
    while (operation) {
        Operation *next = operation->next_waiting;
        operation->on_population(operation, status);
        operation = next;
    }
}

static void on_loaded(StoreReply *reply, void *data)
{
    TaskEntry *task = data;
    if (!status_is_ok(&reply->status)) {
        task->state = POPULATION_ABSENT;
        answer_waiting(task, &reply->status);
        return;
    }
    Population *population = population_new();
    for (size_t i = 0; i < reply->population.cell_count; i++) {
        const StoreCell *cell = &reply->population.cells[i];
        population_load_cell(population, cell->key, cell->answer_class, (uint32_t)cell->count,
                             (uint32_t)cell->users);
    }
    for (size_t i = 0; i < reply->population.vote_count; i++) {
        const StoreVote *vote = &reply->population.votes[i];
        population_load_vote(population, vote->question, vote->user, vote->answer);
    }
    population_free(task->population);
    task->population = population;
    task->state = POPULATION_READY;
    answer_waiting(task, &reply->status);
}

void task_population_need(TaskEntry *task, Operation *operation,
                          void (*ready)(Operation *operation, const Status *status))
{
    if (task->state == POPULATION_READY) {
        Status status = STATUS_INIT;
        ready(operation, &status);
        return;
    }
    operation->on_population = ready;
    operation->next_waiting = task->waiting;
    task->waiting = operation;
    if (task->state == POPULATION_LOADING)
        return;
    task->state = POPULATION_LOADING;
    task->request = (StoreLoadPopulation){.task = text_of(task->name)};
    store_population_load(task->users->context.store, &task->request, on_loaded, task);
}

void task_population_forget(TaskEntry *task)
{
    /* One that is being loaded is ordered by the store before or after the change; either way it is right. */
    if (task->state != POPULATION_READY)
        return;
    population_free(TAKE_PTR(task->population));
    task->state = POPULATION_ABSENT;
}

void task_population_change(TaskEntry *task, uint64_t user, bool feeds_pool, const Contribution *before,
                            const Contribution *after)
{
    if (task->state != POPULATION_READY || !feeds_pool)
        return;
    if (before)
        population_replace(task->population, user, before, after);
    else
        task_population_forget(task);
}
