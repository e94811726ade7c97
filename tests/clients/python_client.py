# SPDX-License-Identifier: MIT
"""A stock Python client of rpmd: grpcio and the stubs that grpcio-tools generated, no line of ours in between.

    python_client.py SOCKET HISTORY.jsonl      (a history of the task movie_tagging)

Prints "ok" or "FAIL" a line; exits with 1 when something failed.
"""
import json
import sys
from datetime import datetime

import grpc
from health.v1 import health_pb2, health_pb2_grpc
from rpmd.v1 import (admin_pb2, admin_pb2_grpc, common_pb2, history_pb2, history_pb2_grpc, models_pb2,
                     models_pb2_grpc, personalizer_pb2, personalizer_pb2_grpc)

TASK = "movie_tagging"
TIMEOUT = 30
BATCH = 10

failures = 0


def check(name, condition, seen=""):
    """One line a check."""
    global failures
    if condition:
        print(f"ok    python: {name}")
    else:
        failures += 1
        print(f"FAIL  python: {name}: {seen}")


def refused_with(code, call):
    """The message of the error that the call must end with, or None."""
    try:
        call()
    except grpc.RpcError as error:
        return error.details() if error.code() == code else None
    return None


def read_history(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def import_item(record, line):
    time = record.get("time", 0)
    if isinstance(time, str):
        time = datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()
    item = common_pb2.HistoryItem(id=record.get("id", ""), query=record["query"], response=record["response"],
                                  time_us=int(time * 1_000_000))
    return history_pb2.ImportItem(user=record["user"], item=item, origin=f"line {line}")


def import_requests(records):
    """The task stands in the first message only."""
    for start in range(0, len(records), BATCH):
        items = [import_item(record, start + i + 1) for i, record in enumerate(records[start:start + BATCH])]
        yield history_pb2.ImportRequest(task=TASK if start == 0 else "", items=items)


def check_history(channel, records):
    history = history_pb2_grpc.HistoryStub(channel)
    reply = history.Import(import_requests(records), timeout=TIMEOUT)
    check("History.Import takes every item", reply.accepted == len(records) and reply.rejected == 0, reply)
    reply = history.Import(import_requests(records), timeout=TIMEOUT)
    check("History.Import again changes nothing", reply.unchanged == len(records) and reply.accepted == 0, reply)
    user = records[0]["user"]
    own = [record for record in records if record["user"] == user]
    listed = list(history.List(history_pb2.ListRequest(task=TASK, user=user), timeout=TIMEOUT))
    check("History.List streams a user's items", {entry.item.query for entry in listed} ==
          {record["query"] for record in own}, listed)
    users = list(history.List(history_pb2.ListRequest(task=TASK), timeout=TIMEOUT))
    check("History.List streams the users", {entry.user for entry in users} ==
          {record["user"] for record in records}, users)


def check_models(channel, records):
    models = models_pb2_grpc.ModelsStub(channel)
    progress = list(models.Build(models_pb2.BuildRequest(task=TASK, all_users=True), timeout=TIMEOUT))
    users = {record["user"] for record in records}
    check("Models.Build streams its progress to the end", progress and progress[-1].users_done == len(users) and
          not any(step.error for step in progress), progress)
    model = models.Get(models_pb2.GetRequest(task=TASK, user=records[0]["user"]), timeout=TIMEOUT)
    check("Models.Get has factors", len(model.factors) > 0, model)


def check_personalizer(channel, records):
    personalizer = personalizer_pb2_grpc.PersonalizerStub(channel)
    text = "A retired thief is talked into one last robbery by the daughter he never met."
    query = personalizer_pb2.Query(task=TASK, user=records[0]["user"], text=text)
    reply = personalizer.ConstructPrompt(personalizer_pb2.ConstructPromptRequest(query=query), timeout=TIMEOUT)
    check("Personalizer.ConstructPrompt has the query", text in reply.prompt, reply)
    check("Personalizer.ConstructPrompt retrieves past items", 0 < len(reply.retrieved) <= 3, reply.retrieved)
    replies = list(personalizer.Respond(personalizer_pb2.RespondRequest(query=query), timeout=TIMEOUT))
    check("Personalizer.Respond ends with an answer", replies and replies[-1].final.answer, replies)
    check("Personalizer.Respond is native", replies[-1].final.source == common_pb2.SOURCE_NATIVE, replies[-1])
    unknown = personalizer_pb2.Query(task="no_such_task", user="ada", text=text)
    sentence = refused_with(grpc.StatusCode.NOT_FOUND, lambda: personalizer.ConstructPrompt(
        personalizer_pb2.ConstructPromptRequest(query=unknown), timeout=TIMEOUT))
    check("an unknown task is NOT_FOUND and names the tasks there are", sentence and TASK in sentence, sentence)
    empty = personalizer_pb2.Query(task=TASK, user=records[0]["user"], text="")
    sentence = refused_with(grpc.StatusCode.INVALID_ARGUMENT, lambda: personalizer.ConstructPrompt(
        personalizer_pb2.ConstructPromptRequest(query=empty), timeout=TIMEOUT))
    check("an empty query is INVALID_ARGUMENT with a sentence", sentence, sentence)


def check_daemon(channel):
    health = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    reply = health.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT)
    check("Health.Check says SERVING", reply.status == serving, reply)
    watch = health.Watch(health_pb2.HealthCheckRequest(service="rpmd.v1.Personalizer"))
    check("Health.Watch begins with SERVING", next(watch).status == serving)
    watch.cancel()
    status = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest(), timeout=TIMEOUT)
    check("Admin.GetStatus shows the limits", any(limit.name == "max_calls" for limit in status.limits), status.limits)


def check_compression(channel):
    """What we do not take is refused by its name, not garbled."""
    personalizer = personalizer_pb2_grpc.PersonalizerStub(channel)
    request = personalizer_pb2.ConstructPromptRequest(query=personalizer_pb2.Query(task=TASK, text="again " * 1000))
    sentence = refused_with(grpc.StatusCode.UNIMPLEMENTED, lambda: personalizer.ConstructPrompt(
        request, timeout=TIMEOUT, compression=grpc.Compression.Gzip))
    check("a compressed request is UNIMPLEMENTED with a sentence", sentence, sentence)


def main():
    socket, history = sys.argv[1:]
    records = read_history(history)
    with grpc.insecure_channel(f"unix://{socket}") as channel:
        check_daemon(channel)
        check_history(channel, records)
        check_models(channel, records)
        check_personalizer(channel, records)
        check_compression(channel)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
