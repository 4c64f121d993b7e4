#!/usr/bin/env python3
"""Services whose processes, threads and connections live for milliseconds: one row, one entity.

A server with a process for each connection, and one with a thread for each, take 10,000 connections
a minute while sources and the assembler run in a network of their own. Each service must be one row
that counts and times all of its requests as the clients do, and one entity; neither the number of
all entities nor the memory of the stages and their maps may grow with the connections.
docs/requests.md explains. Needs root.

  churn_test.py BUILD [--keep]"""
import argparse
import os
import pathlib
import re
import sys
import time
import urllib.request

import peers
import servers
from kinds import Kind
from rows import SERVERS
from table_test import Judgement, Table

from children import end, start

CONNECTIONS_PER_S = 10_000 / 60
LOAD_S = 28.0
# The assembler ends a process after 2 s and forgets its rows 10 s later. From then on as many go as
# come: what was kept for ever would grow by three quarters until the end. Other work on the machine
# moves the figures, too: who waits for a CPU is an entity.
SETTLED_S = 15.0
MOST_GROWTH = 1.4
STAGES = {"kernel": 27098, "assemble": 27099}

PIPELINE = """[pipeline]
name   = "churn"
period = "1s"
[stages.kernel]
run     = "ebpf-source"
probes  = ["tcp_link", "endpoint", "sli", "sched", "block_io", "proc_life", "memory", "dns"]
metrics = "127.0.0.1:27098"
[stages.system]
run = "proc-source"
[stages.assemble]
run     = "entity-assembler"
from    = ["kernel", "system"]
metrics = "127.0.0.1:27099"
"""


def sessions(place, _witness):
    program = place.build / "bin" / "churn_client"
    os.execv(program, [program.name, str(place.port), str(CONNECTIONS_PER_S), str(place.go()),
                       str(place.testimony())])


def kinds():
    return [Kind(f"churn-{way}", servers.program("churn_server", way), sessions, calls=False)
            for way in ("processes", "threads")]


def gauges(stage):
    """What a stage says of itself: name → value."""
    address = f"http://127.0.0.1:{STAGES[stage]}/metrics"
    with urllib.request.urlopen(address, timeout=5) as answer:
        found = re.findall(r"^gala_(\w+)\{[^}]*\} (\S+)$", answer.read().decode(), re.MULTILINE)
    return {name: float(value) for name, value in found}


class Churn(Table):
    description, topic = PIPELINE, f"records/{SERVERS}"

    def start(self):
        super().start()
        self.seen = []  # (clock, stage → gauges)
        self.tap = start([self.build / "bin" / "gala", "--run-dir", self.pipeline.run, "tap",
                          "assemble", "--topic", "observations/sli"],
                         self.directory / "entities.jsonl")

    def look(self, until):
        while (left := until - time.monotonic()) > 0:
            self.seen.append((time.monotonic(), {stage: gauges(stage) for stage in STAGES}))
            super().look(time.monotonic() + min(1.0, left))

    def entities(self, port):
        """Ids of `sli` at that port."""
        text = (self.directory / "entities.jsonl").read_text(encoding="utf-8")
        return set(re.findall(rf'"entity_id":"([^"]*_sli_\d+_{port})"', text))

    def close(self, keep):
        end(getattr(self, "tap", None))
        super().close(keep)


def held(seen):
    """What the stages hold: name → how much."""
    kernel, assemble = seen["kernel"], seen["assemble"]
    return {"entities": sum(value for name, value in assemble.items()
                            if name.startswith("entities_") and name != "entities_evicted"),
            "instances": assemble["instances"],
            "MiB of the source": kernel["stage_resident_bytes"] / 2**20,
            "MiB of its maps": total(kernel, "map_bytes_") / 2**20,
            "MiB of the assembler": assemble["stage_resident_bytes"] / 2**20}


def total(values, prefix):
    return sum(value for name, value in values.items() if name.startswith(prefix))


def judge_growth(table):
    begin = table.seen[0][0]
    first, settled, last = (next(values for at, values in table.seen if at >= begin + seconds)
                            for seconds in (0, SETTLED_S, LOAD_S - 2))
    errors = []
    print(f"{'':24} {'before':>8} {f'{SETTLED_S:.0f} s':>8} {'end':>8}")
    for name, now in held(last).items():
        then = held(settled)[name]
        print(f"{name:24} {held(first)[name]:8.1f} {then:8.1f} {now:8.1f}")
        if now > MOST_GROWTH * then:
            errors.append(f"{name}: grows from {then:.1f} to {now:.1f}")
    if lost := total(last["kernel"], "lost_sli"):
        errors.append(f"sli has lost {lost:.0f} rows")
    return errors


def judge(table):
    errors = []
    for kind in table.kinds:
        one = Judgement(table, kind)
        entities = table.entities(table.places[kind.name].port)
        print(f"{kind.name:16} {one.seen['requests']} requests, {one.row.counts['requests']} "
              f"counted; p50 {(one.known(0.5) or 0) / 1e6:.3f} ms, sli "
              f"{(one.measured(0.5) or 0) / 1e6:.3f} ms; rows of {len(one.row.processes)} "
              f"processes, {len(entities)} entities")
        errors += [f"{kind.name}: {check}: {wrong}" for check, wrong in one.outcomes().items()
                   if wrong]
        if len(entities) != 1:
            errors.append(f"{kind.name}: {len(entities)} entities: {sorted(entities)[:5]}")
    return errors + judge_growth(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="a built tree")
    parser.add_argument("--keep", action="store_true", help="leave rows and logs behind")
    options = parser.parse_args()
    if reason := peers.what_forbids():
        peers.skip(reason)
    return peers.run_and_judge(Churn(options.build.resolve(), kinds(), LOAD_S), judge, options.keep)


if __name__ == "__main__":
    sys.exit(main())
