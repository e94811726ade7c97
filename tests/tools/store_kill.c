/* SPDX-License-Identifier: MIT */

/*
 * Shows that what the store acknowledged survives the process.
 *
 *     store_kill append DIRECTORY ROUND    appends items until it is killed; a line with an id for each that
 * was acknowledged store_kill verify DIRECTORY          reads ids from standard input; fails unless all of
 * them are stored
 */
#include "daemon/store/store.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <unistd.h>

#define WINDOW 16 /* requests under way at a time, so that commits come in groups */

typedef struct Append {
    Store *store;
    char id[64];
    char query[600];
    StoreNewItem item;
    StorePutItems request;
} Append;

static unsigned appended;
static const char *append_round;

static void append_next(Append *append);

static void on_appended(StoreReply *reply, void *data)
{
    Append *append = data;
    if (!status_is_ok(&reply->status)) {
        fprintf(stderr, "%s\n", reply->status.message);
        _exit(1);
    }
    /* One write a line: whatever was printed was acknowledged, and no line is lost in a buffer. */
    size_t length = strlen(append->id);
    append->id[length] = '\n';
    if (write(STDOUT_FILENO, append->id, length + 1) < 0)
        _exit(1);
    append_next(append);
}

static void append_next(Append *append)
{
    snprintf(append->id, sizeof(append->id), "%s-%u", append_round, appended++);
    memset(append->query, 'q', sizeof(append->query) - 1);
    append->item = (StoreNewItem){.user = text_of(appended % 3 ? "ann" : "bob"),
                                  .id = text_of(append->id),
                                  .query = text_of(append->query),
                                  .response = text_of("response")};
    append->request = (StorePutItems){.task = text_of("tags"), .items = &append->item, .count = 1};
    store_put_items(append->store, &append->request, on_appended, append);
}

static int run_append(Store *store, uv_loop_t *loop)
{
    static Append appends[WINDOW];
    for (int i = 0; i < WINDOW; i++) {
        appends[i].store = store;
        append_next(&appends[i]);
    }
    return uv_run(loop, UV_RUN_DEFAULT);
}

typedef struct Verify {
    Intern ids;
    bool listed;
} Verify;

static void on_loaded(StoreReply *reply, void *data)
{
    Verify *verify = data;
    verify->listed = true;
    for (size_t i = 0; i < reply->model.item_count; i++)
        intern_add(&verify->ids, reply->model.items[i].id);
}

static int run_verify(Store *store, uv_loop_t *loop)
{
    static const char *const users[] = {"ann", "bob"};
    Verify verify = {.ids = INTERN_INIT};
    for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
        StoreLoadModel load = {.task = text_of("tags"), .user = text_of(users[i])};
        verify.listed = false;
        store_model_load(store, &load, on_loaded, &verify);
        while (!verify.listed)
            uv_run(loop, UV_RUN_ONCE);
    }
    char line[128];
    size_t expected = 0, missing = 0;
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        expected++;
        if (intern_find(&verify.ids, text_of(line)) == INTERN_NONE) {
            missing++;
            fprintf(stderr, "missing: %s\n", line);
        }
    }
    printf("%zu acknowledged, %u stored, %zu missing\n", expected, verify.ids.count, missing);
    intern_finish(&verify.ids);
    return missing > 0;
}

int main(int count, char **arguments)
{
    bool append = count == 4 && strcmp(arguments[1], "append") == 0;
    if (!append && !(count == 3 && strcmp(arguments[1], "verify") == 0)) {
        fprintf(stderr, "usage: store_kill append DIRECTORY ROUND | verify DIRECTORY\n");
        return 2;
    }
    uv_loop_t loop;
    Store *store;
    Status status = STATUS_INIT;
    uv_loop_init(&loop);
    if (store_open(&store, &loop, arguments[2], &status) != 0) {
        fprintf(stderr, "%s\n", status.message);
        return 1;
    }
    if (append)
        append_round = arguments[3];
    int r = append ? run_append(store, &loop) : run_verify(store, &loop);
    store_close(store, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return r || uv_loop_close(&loop) != 0;
}
