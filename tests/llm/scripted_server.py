#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server that plays an LLM from a script, and can fail at each byte.

    scripted_server.py SOCKET SCRIPT LOG

SCRIPT is a JSON list of turns; a request is answered by the first one that matches it and is not used up. SIGHUP reads it
again. LOG gets a JSON line for each request, and one for how its response ended: "whole", "fault" or "peer".

A turn, all of it optional:
    match       a text that the prompt has to contain
    times       how often it answers (default: without end)
    status      HTTP status (200); headers: more of them; delay: seconds before the first byte
    text        what the LLM writes, streamed or whole as the request asks, in the shape of its path
    repeat      how often the text is written (1)
    raw         the same, but its characters are single bytes, so that they need not be UTF-8
    json        the same, as a JSON value; in a Markdown fence with "fence": true
    skill       "extract", "cluster", "judge", "reason" or "respond": answers the prompt of that stage sensibly
    body        raw text of the response's body instead
    error       {"error": {"message": ...}}
    piece       characters of the text in an event (8); pause: seconds between events
    chunk       bytes of a write (all at once); cut: writes end inside characters and events
    usage       [prompt, cached, completion] tokens, or false for none (counted in words)
    done        false: no [DONE] and no finish reason; twice: each event is sent twice; gzip: the body is compressed
    vectors     for /embeddings: false for one vector too few, else they say how alike texts are by their letters
    fault       "reset", "close", "silence" or "garbage" at byte `at` of the response (0)
"""
import asyncio
import gzip
import json
import os
import re
import signal
import socket
import struct
import sys
import time

path, script_path, log_path = sys.argv[1:4]
turns = []
requests = 0


def read_script(*_):
    global turns
    with open(script_path, encoding="utf-8") as file:
        turns = json.load(file)
    note({"script": len(turns)})


def note(line):
    with open(log_path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


# ---- what a sensible LLM would write


def extract(prompt):
    """A feature for each word of six letters or more, up to four a text."""
    queries = []
    for number, block in enumerate(re.findall(r"^[A-Z][\w ]* \d+:\n((?:> .*\n)+)", prompt, re.M), 1):
        text = re.sub(r"^> ", "", block, flags=re.M)
        words = list(dict.fromkeys(re.findall(r"[A-Za-z]{6,}", text)))[:4]
        queries.append({"query": number, "features": [
            {"quotation": word, "name": word.lower(), "context": "the word " + word, "polarity": "neutral"} for word in words]})
    return json.dumps({"queries": queries})


def cluster(prompt):
    """Every third feature together."""
    count = int(re.search(r"features 1 to (\d+)\.", prompt).group(1))
    return json.dumps({"factors": [{"name": "group %d" % g, "description": "every third"} for g in (1, 2, 3) if g <= count],
                       "features": [{"feature": f, "factor": "group %d" % ((f - 1) % 3 + 1)} for f in range(1, count + 1)]})


def judge(prompt):
    items = []
    for number, features in re.findall(r"^Item (\d+)\. Features.*\n((?:\d+\. .*\n)+)", prompt, re.M):
        items.append({"item": int(number), "judgements": [
            {"feature": f, "influenced": f % 2 == 1, "polarity": "positive"} for f in range(1, features.count("\n") + 1)]})
    return json.dumps({"items": items})


def reason(prompt):
    """Copies the first words of each item and the first line of its statistics."""
    paths = []
    for block in re.split(r"^(?=Item \d+\. )", prompt, flags=re.M)[1:]:
        number = int(re.match(r"Item (\d+)", block).group(1))
        statistics = re.search(r"^Statistics over the other items:\n(.*)$", block, re.M).group(1)
        answer = re.search(r"^The person's [\w ]+: (\".*?\")", block, re.M).group(1)
        words = " ".join(re.search(r"^> (.*)$", block, re.M).group(1).split()[:5])
        paths.append({"item": number, "reasoning": "%s: %s. So it is %s." % (words, statistics, answer)})
    return json.dumps({"paths": paths})


def respond(prompt):
    """The statistics' favourite, with the user's answers as the reason."""
    noun = re.search(r'Then write one last line, "(\w[\w ]*):"', prompt).group(1)
    favourite = re.search(r"^Statistics say for this user: (\"[^\"]*\"|\d+)", prompt, re.M)
    return "Reasoning: This follows the user's habits.\n%s: %s" % (noun, favourite.group(1).strip('"') if favourite else "A Title")


SKILLS = {"extract": extract, "cluster": cluster, "judge": judge, "reason": reason, "respond": respond}


def skill_of(prompt):
    beginnings = {"You find features": "extract", "You group features": "cluster", "You judge": "judge", "You explain": "reason"}
    for beginning, skill in beginnings.items():
        if prompt.startswith(beginning):
            return skill
    return "respond"


# ---- responses


def text_of(turn, prompt):
    if "json" in turn:
        text = json.dumps(turn["json"])
        return "Sure!\n```json\n%s\n```\n" % text if turn.get("fence") else text
    if "skill" in turn:
        name = skill_of(prompt) if turn["skill"] == "any" else turn["skill"]
        return SKILLS[name](prompt)
    return turn.get("raw", turn.get("text", "")) * turn.get("repeat", 1)


def usage_of(turn, prompt, text):
    usage = turn.get("usage", [len(prompt.split()), 0, len(text.split())])
    return usage or None


def openai(turn, prompt, text, stream):
    usage = usage_of(turn, prompt, text)
    counted = {"prompt_tokens": usage[0], "completion_tokens": usage[2], "prompt_tokens_details": {"cached_tokens": usage[1]}} if usage else None
    finish = turn.get("finish", "stop")
    if not stream:
        whole = {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}]}
        return [json.dumps({**whole, "usage": counted} if counted else whole)]
    size = turn.get("piece", 8)
    events = [{"choices": [{"delta": {"role": "assistant", "content": None}}]}]
    events += [{"choices": [{"delta": {"content": text[i:i + size]}}]} for i in range(0, len(text), size)]
    if turn.get("done", True):
        events.append({"choices": [{"delta": {}, "finish_reason": finish}]})
        events += [{"choices": [], "usage": counted}] if counted else []
    lines = ["data: %s\n\n" % json.dumps(event, ensure_ascii=False) for event in events]
    return lines + (["data: [DONE]\n\n"] if turn.get("done", True) else [])


def anthropic(turn, prompt, text, stream):
    usage = usage_of(turn, prompt, text) or [0, 0, 0]
    read = {"input_tokens": usage[0] - usage[1], "cache_read_input_tokens": usage[1], "output_tokens": 1}
    if not stream:
        return [json.dumps({"content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": {**read, "output_tokens": usage[2]}})]
    size = turn.get("piece", 8)
    events = [{"type": "message_start", "message": {"usage": read}}]
    events += [{"type": "content_block_delta", "delta": {"type": "text_delta", "text": text[i:i + size]}} for i in range(0, len(text), size)]
    if turn.get("done", True):
        events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": usage[2]}}, {"type": "message_stop"}]
    return ["event: %s\ndata: %s\n\n" % (event["type"], json.dumps(event, ensure_ascii=False)) for event in events]


def embeddings(turn, texts):
    """How often each letter stands in a text."""
    vectors = [[text.lower().count(chr(letter)) + 0.01 for letter in range(ord("a"), ord("z") + 1)] for text in texts]
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    whole = {"object": "list", "data": data if turn.get("vectors", True) else data[:-1]}
    words = sum(len(text.split()) for text in texts)
    return [json.dumps({**whole, "usage": {"prompt_tokens": words, "total_tokens": words}} if turn.get("usage", True) else whole)]


def response_of(turn, request_path, prompt, body):
    """The head, and the pieces of the body."""
    status = turn.get("status", 200)
    kind, stream = "application/json", body.get("stream", False)
    if "error" in turn:
        pieces = [json.dumps({"error": {"message": turn["error"], "type": "error", "code": status}})]
    elif "body" in turn:
        pieces = [turn["body"]]
    elif request_path.endswith("/embeddings"):
        pieces = embeddings(turn, body["input"])
    else:
        shape = anthropic if request_path.endswith("/messages") else openai
        pieces = shape(turn, prompt, text_of(turn, prompt), stream)
        kind = "text/event-stream" if stream else kind
    if turn.get("twice"):
        pieces = [piece for piece in pieces for _ in (0, 1)]
    pieces = [piece.encode("latin-1" if "raw" in turn else "utf-8", "surrogatepass") for piece in pieces]
    if turn.get("gzip"):
        pieces = [gzip.compress(b"".join(pieces))]
    head = ["HTTP/1.1 %d Scripted" % status, "Content-Type: " + turn.get("type", kind), "Connection: close"]
    head += ["Content-Encoding: gzip"] if turn.get("gzip") else []
    head += ["%s: %s" % pair for pair in turn.get("headers", {}).items()]
    return ("\r\n".join(head) + "\r\n\r\n").encode(), pieces


def find_turn(prompt):
    for turn in turns:
        if turn.get("match", "") in prompt and turn.get("times", 1) > 0:
            if "times" in turn:
                turn["times"] -= 1
            return turn
    return {"status": 500, "error": "the script has no turn for this request"}


class Fault(Exception):
    pass


async def send(writer, turn, data, sent):
    """Sends bytes up to the fault."""
    limit = turn.get("at", 0) if "fault" in turn else None
    step = turn.get("chunk") or len(data)
    for begin in range(0, len(data), max(step, 1)):
        part = data[begin:begin + step]
        if limit is not None and sent + len(part) >= limit:
            writer.write(part[:max(limit - sent, 0)])
            await writer.drain()
            raise Fault
        writer.write(part)
        await writer.drain()
        sent += len(part)
        if turn.get("chunk"):
            await asyncio.sleep(0)
    return sent


async def fail(reader, writer, kind):
    if kind == "silence":
        await reader.read()
    elif kind == "garbage":
        writer.write(bytes((i * 37 + 11) % 256 for i in range(600)))
        await writer.drain()
    elif kind == "reset":
        transport = writer.get_extra_info("socket")
        if transport.family == socket.AF_INET:
            transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


async def read_request(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    headers = {name.lower(): value for name, value in headers.items()}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return head.split(" ")[1], headers, json.loads(body) if body else {}


async def answer(reader, writer, request_path, body, number):
    prompt = "".join(message["content"] for message in body.get("messages", [])) or "\n".join(body.get("input", []))
    turn = find_turn(prompt)
    begin = time.monotonic()
    ended, sent = "whole", 0
    gone = asyncio.ensure_future(reader.read(1)) if turn.get("fault") != "silence" else None
    try:
        await asyncio.sleep(turn.get("delay", 0))
        head, pieces = response_of(turn, request_path, prompt, body)
        sent = await send(writer, turn, head, sent)
        for piece in pieces:
            if gone and gone.done():
                raise ConnectionResetError
            sent = await send(writer, turn, piece, sent)
            if turn.get("pause"):
                await asyncio.wait([gone], timeout=turn["pause"]) if gone else await asyncio.sleep(turn["pause"])
        if "fault" in turn:
            raise Fault
    except Fault:
        ended = "fault"
        await fail(reader, writer, turn["fault"])
    except (ConnectionError, asyncio.IncompleteReadError):
        ended = "peer"
    if gone:
        gone.cancel()
    note({"n": number, "ended": ended, "seconds": round(time.monotonic() - begin, 3), "sent": sent})


async def serve(reader, writer):
    global requests
    try:
        request_path, headers, body = await read_request(reader)
        requests += 1
        note({"n": requests, "path": request_path, "headers": headers, "body": body})
        await answer(reader, writer, request_path, body, requests)
    except (ConnectionError, asyncio.IncompleteReadError, BrokenPipeError):
        pass
    finally:
        writer.close()


async def main():
    if os.path.exists(path):
        os.unlink(path)
    server = await asyncio.start_unix_server(serve, path, limit=1 << 24, backlog=2048)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, read_script)
    loop.add_signal_handler(signal.SIGTERM, server.close)
    read_script()
    print("listening", flush=True)
    try:
        await server.serve_forever()
    except asyncio.CancelledError:
        pass


asyncio.run(main())
