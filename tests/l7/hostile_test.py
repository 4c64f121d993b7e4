#!/usr/bin/env python3
"""What nobody should send, through the real probe: talks of every protocol, cut, torn, mixed up,
lying about their lengths, endless, compressed, and noise.

Nothing ends the stage, nothing is counted twice, its memory stays within what it states for each
connection, and each connection is still timed without a protocol (sli). Afterwards ordinary talks
are understood as before. Needs root.

  hostile_test.py BUILD [--keep]"""
import argparse
import contextlib
import pathlib
import shutil
import socket
import sys
import tempfile

import observed
import talks
from children import wait_until
from peers import own_network, skip, what_forbids  # tests/requests
from rows import SERVERS, Rows  # tests/requests

FIRST_PORT = 27600
ROUNDS = 6
# Connections that are left in the midst of a message, and what each may take: two streams of 8 KiB,
# 64 requests that wait, and what a protocol states beside.
HANGING, MOST_KIB = 600, 40
PIPELINE = observed.PIPELINE + """
[stages.kernel]
run    = "ebpf-source"
probes = ["sli"]
"""
MOST_AT_ONCE = 1 << 15


class Stage:
    """A port that answers as the talk says, and its clients: one thread, so that both ends take
    turns."""

    def __init__(self, port):
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), 5)
        server, _ = self.listener.accept()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(5)
        return client, server

    def hold(self, talk):
        """Says the talk and leaves the connection as it is."""
        client, server = self.connect()
        for mark, data in talk:
            writer, reader = (client, server) if mark == ">" else (server, client)
            for begin in range(0, len(data), MOST_AT_ONCE):
                part = data[begin:begin + MOST_AT_ONCE]
                writer.sendall(part)
                left = len(part)
                while left:
                    left -= len(reader.recv(left))
        return client, server

    def perform(self, talk):
        for end in self.hold(talk):
            end.close()

    def close(self):
        self.listener.close()


def counted(rows, port):
    """Requests of the port, whatever it was taken for."""
    rows.read()
    return sum(found.counts["requests"] for (at, _), found in rows.servers.items() if at == port)


def settle(rows):
    until = rows.windows + 3
    wait_until(lambda: rows.read() or rows.windows >= until, "three windows", 30)


def perform_all(rows, port, hand, rounds):
    """Every talk of every protocol in these hands; how many requests were told."""
    stage = Stage(port)
    with contextlib.closing(stage):
        for name, talk in talks.all_talks().items():
            chance = talks.seeded(f"{hand.__name__} {name}")
            for _ in range(rounds):
                stage.perform(hand(talk, chance))
    settle(rows)
    return counted(rows, port)


def hang(rows, port):
    """Connections that stop in the midst of a message, all open at once; KiB that each takes."""
    before = rows.memory_kib()
    stage = Stage(port)
    open_ends = []
    every = list(talks.all_talks().items())
    for number in range(HANGING):
        name, talk = every[number % len(every)]
        talk = talks.gigantic(talk, talks.seeded(f"hang {number} {name}"))
        open_ends += stage.hold([(mark, data[:20_000]) for mark, data in talk])
    settle(rows)
    grown = rows.memory_kib() - before
    for end in open_ends:
        end.close()
    stage.close()
    return grown


def check(rows, sli):
    wrong = []
    told = {}
    for number, (hand, exact) in enumerate(talks.HANDS.items()):
        port = FIRST_PORT + number
        told[hand.__name__] = perform_all(rows, port, hand, ROUNDS)
        print(f"{hand.__name__:16} {told[hand.__name__]:6} requests", flush=True)
        most = told["intact"]
        if exact and told[hand.__name__] != most:
            wrong.append(f"{hand.__name__}: {told[hand.__name__]} requests, not {most}")
        if told[hand.__name__] > most:
            wrong.append(f"{hand.__name__}: {told[hand.__name__]} requests, at most {most} came")
        if rows.ended():
            wrong.append(f"{hand.__name__}: stage {rows.ended()} has ended: "
                         + rows.pipeline.last_words(rows.ended()))
            return wrong
        wait_until(lambda: sli.read() or sli.sums[(SERVERS, port)].counts["requests"] > 0,
                   f"a row of sli for {hand.__name__}", 20)
    if told["intact"] < ROUNDS * len(talks.all_talks()):
        wrong.append(f"only {told['intact']} requests of the intact talks")
    for name in ("noise", "zipped"):
        if told[name] > 0.02 * told["intact"]:
            wrong.append(f"{told[name]} requests in {name}")
    grown = hang(rows, FIRST_PORT + 50)
    print(f"{HANGING} hanging connections: {grown} KiB more, {rows.memory_kib()} KiB in all")
    if grown > HANGING * MOST_KIB:
        wrong.append(f"{HANGING} hanging connections took {grown} KiB")
    again = perform_all(rows, FIRST_PORT + 51, talks.intact, ROUNDS)
    if again != told["intact"]:
        wrong.append(f"afterwards {again} requests of ordinary talks, not {told['intact']}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if reason := what_forbids():
        skip(reason)
    own_network()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="gala-l7-hostile-"))
    rows = observed.Observed(options.build.resolve(), directory, PIPELINE)
    sli = None
    try:
        sli = Rows(rows.pipeline)
        wrong = check(rows, sli)
    finally:
        if sli:
            sli.close()
        rows.close()
    if options.keep:
        print(f"kept: {directory}")
    else:
        shutil.rmtree(directory)
    for words in wrong:
        print(f"wrong: {words}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
