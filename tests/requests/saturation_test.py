#!/usr/bin/env python3
"""Redis as busy as it can be: counts are complete, a sample is enough, and no slow request is lost.

Sixteen connections ask Redis without a pause while it is told to sleep now and then. The witness is
a client that knows the time of every request. The probe must count as many requests as Redis itself
does, say how many of them it has timed, know quantiles to 5 % from these, and have every slow
request in its histogram, once. docs/requests.md explains. Needs root and redis-server.

  saturation_test.py BUILD [--keep]"""
import argparse
import os
import pathlib
import re
import shutil
import socket
import sys
import time

import peers
import real_servers
import witness
from kinds import Kind
from real_servers import lacks
from rows import SERVERS
from table_test import Table

LOAD_S = 16.0
CONNECTIONS = 16
SLEEP_S, EVERY_S = 0.06, 0.5
# An upper bound of the histogram's buckets: what was asked before a sleep began lies above it.
SLOW_NS = 1 << 25
# bpf/sli/rate.h wants 2,000 a second and takes one in 2^n, so a half of these at least.
TIMED_PER_S = 2000
LEAST_PER_S = 4000


def ask_without_pause(place, _witness):
    program = place.build / "bin" / "saturating_client"
    os.execv(program, [program.name, str(place.port), str(CONNECTIONS), str(place.go()),
                       str(place.testimony())])


KIND = Kind("saturated",
            lambda place: real_servers.redis(place, "--enable-debug-command", "yes"),
            ask_without_pause, calls=False,
            obstacle=lacks(lambda: shutil.which("redis-server"), "redis-server"))


class Saturation(Table):
    topic = f"records/{SERVERS}"

    def __init__(self, build):
        super().__init__(build, [KIND], LOAD_S)
        self.sleeps = 0

    def command(self, *words):
        """What Redis answers."""
        request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(self.places[KIND.name].address(), 10) as sock:
            sock.sendall(request.encode())
            answer = sock.recv(1 << 16)
            if answer[:1] == b"$":
                size = int(answer[1:].partition(b"\r\n")[0])
                while len(answer) < size:
                    answer += sock.recv(1 << 16)
        return answer.decode()

    def look(self, until):
        while (left := until - time.monotonic()) > EVERY_S:
            super().look(time.monotonic() + min(EVERY_S, left))
            if (answer := self.command("DEBUG", "SLEEP", str(SLEEP_S))) != "+OK\r\n":
                raise RuntimeError(f"DEBUG SLEEP: {answer}")
            self.sleeps += 1
        super().look(until)

    def commands(self):
        """How many Redis itself has counted so far."""
        return sum(map(int, re.findall(r":calls=(\d+)", self.command("INFO", "commandstats"))))


def longer(times, least_ns):
    return sum(count for time_ns, count in times.items() if time_ns > least_ns)


def quantile(times, share):
    """Of a witness that knows each time to 1 %."""
    rank, below = share * sum(times.values()), 0
    for time_ns in sorted(times):
        below += times[time_ns]
        if below >= rank:
            return time_ns
    return 0


def judge(table):
    place = table.places[KIND.name]
    row = table.rows.sums[(SERVERS, place.port)]
    seen = place.witnessed()
    if not seen:
        return ["the client has not been answered"]
    times = {float(time_ns): count for time_ns, count in seen["buckets"].items()}
    rate = seen["requests"] / LOAD_S
    requests, timed = row.counts["requests"], row.counts["measured"]
    buckets = row.buckets["latency"]
    slow = sum(count for bound, count in buckets.items() if bound > SLOW_NS)
    known_slow = table.sleeps + longer(times, SLOW_NS)
    print(f"{rate:,.0f} requests/s, one in {requests / max(timed, 1):.1f} timed")
    errors = []

    def check(what, found, low, high):
        print(f"{what:34} {found:14,.1f}   expected {low:,.1f} to {high:,.1f}")
        if not low <= found <= high:
            errors.append(f"{what}: {found:,.1f} is not within {low:,.1f} to {high:,.1f}")

    counted = table.commands()
    check("requests/s of the load", rate, LEAST_PER_S, float("inf"))
    # A reply that begins just when the collector takes the counts of its connection counts twice.
    check("counted, Redis counts that", requests, 0.9999 * counted - 3, 1.0001 * counted + 3)
    # All are until the rate is known, and those that took two ticks.
    check("timed each second", timed / LOAD_S, TIMED_PER_S / 2,
          TIMED_PER_S + (2 * rate + longer(times, 8e6)) / LOAD_S)
    check("in the histogram", sum(buckets.values()), 0.97 * requests, 1.03 * requests)
    check(f"above {SLOW_NS / 1e6:.1f} ms, once each", slow, 0.99 * known_slow - 2,
          1.01 * known_slow + 2)
    for share in (0.5, 0.95, 0.99):
        known = quantile(times, share)
        error = max(witness.RELATIVE * known, witness.ABSOLUTE_NS)
        found = witness.quantile(buckets, row.maxima["latency"], share) or 0
        check(f"p{share * 100:.0f}, µs", found / 1e3, (known - error) / 1e3,
              (known + error) / 1e3)
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="a built tree")
    parser.add_argument("--keep", action="store_true", help="leave rows and logs behind")
    options = parser.parse_args()
    if reason := peers.what_forbids() or KIND.obstacle():
        peers.skip(reason)
    return peers.run_and_judge(Saturation(options.build.resolve()), judge, options.keep)


if __name__ == "__main__":
    sys.exit(main())
