#!/usr/bin/env python3
"""Every protocol that l7-source knows, spoken by real servers and real clients, through the probe.

What the stage tells must be what the clients know themselves: requests exact to 1 %, errors by
class exact, p50 and p95 within 5 % or 150 µs, the kinds of requests by their names, and no value,
key or parameter in any row. Prints a table. A server that is not here is told with its reason;
deploy/packages.txt and tests/l7/install.sh bring them all. Needs root.

  peers_test.py BUILD [--only NAME,…] [--keep]"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import traceback

import observed
from peer import SECRET, Load, Place, install
from peers import skip, what_forbids, own_network  # tests/requests
from witness import exact_quantile, quantile, RELATIVE

import cache_peers
import dns_peers
import http_peers
import message_peers
import rpc_peers
import sql_peers

FIRST_PORT = 27300
# Another program may take the CPU from a client: its figures are then not the server's.
TRIES = 3
COUNT_RELATIVE = 0.01
# Of answers that are there at once, a client in Python sees mostly its own waking up.
ABSOLUTE_NS = 150_000


def run_first():
    """Before everybody else, but not what is started here: a client must not measure how long it
    waits for a CPU itself."""
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def all_peers():
    return [peer for module in (http_peers, rpc_peers, cache_peers, sql_peers, message_peers,
                                dns_peers) for peer in module.PEERS]


class Verdict:
    """One row of the table, and what is wrong with it."""

    def __init__(self, peer):
        self.peer, self.cells, self.wrong = peer, [], []

    def compare(self, load, place, rows):
        apis = rows.apis_of(place.port, self.peer.protocol)
        total = rows.servers[(place.port, self.peer.protocol)]
        self._counts(load, apis, total)
        self._quantiles(load, apis)
        others = [spoken for (port, spoken) in rows.servers
                  if port == place.port and spoken != self.peer.protocol]
        self.expect(not others, f"taken for {others}, too")

    def expect(self, holds, words):
        if not holds:
            self.wrong.append(words)

    def _counts(self, load, apis, total):
        asked = sum(load.apis.values())
        told = sum(apis[api].counts["requests"] for api in load.apis if api in apis)
        if not self.peer.chatter:
            told = total.counts["requests"]
        self.expect(abs(told - asked) <= COUNT_RELATIVE * asked, f"{told} requests, not {asked}")
        self.cells += [f"{asked} / {told}"]
        for api, count in load.apis.items():
            found = apis[api].counts["requests"] if api in apis else 0
            self.expect(abs(found - count) <= COUNT_RELATIVE * count,
                        f"{found} of {api!r}, not {count}")
        surplus = {api: found.counts["requests"] for api, found in apis.items()
                   if api not in load.apis and found.counts["requests"]}
        self.expect(self.peer.chatter or not surplus, f"nobody asked {surplus}")
        if self.peer.chatter:
            total = observed.Sum()
            for api in load.apis:
                total += apis.get(api, observed.Sum())
        for kind in ("client", "server"):
            found = total.counts[f"{kind}_errors"]
            self.expect(found == load.errors[kind],
                        f"{found} errors of the {kind}, not {load.errors[kind]}")
        for name, count in load.extra.items():
            self.expect(total.counts[name] == count, f"{total.counts[name]} {name}, not {count}")
        self.cells.append(f"{load.errors['client']}+{load.errors['server']} / "
                          f"{total.counts['client_errors']}+{total.counts['server_errors']}")

    def _quantiles(self, load, apis):
        judged = self.peer.judged or tuple(load.times)
        times = sorted(time for api in judged for time in load.times[api])
        ours = observed.Sum()
        for api in judged:
            if api in apis:
                ours += apis[api]
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            measured = quantile(ours.buckets, ours.maximum, share)
            if measured is None or not times:
                self.expect(False, f"no {name}")
                self.cells.append("-")
                continue
            low, high = exact_quantile(times, share)
            fits = (low - max(RELATIVE * low, ABSOLUTE_NS) <= measured
                    <= high + max(RELATIVE * high, ABSOLUTE_NS))
            self.expect(fits, f"{name} is {measured / 1e6:.3f} ms, the client's {low / 1e6:.3f} "
                              f"to {high / 1e6:.3f} ms")
            self.cells.append(f"{(low + high) / 2e6:.3f} / {measured / 1e6:.3f}")


def try_once(peer, number, directory, rows):
    verdict = Verdict(peer)
    place = Place(f"{peer.name}-{number}", FIRST_PORT + number, directory, rows.pipeline.build)
    try:
        load = Load()
        peer.serve(place)
        peer.talk(place, load)
        rows.settle(place.port, peer.protocol, sum(load.apis.values()))
        verdict.compare(load, place, rows)
        verdict.expect(rows.ended() is None, f"stage {rows.ended()} has ended")
    except Exception:  # a peer that fails is a row of the table, too
        verdict.wrong.append(traceback.format_exc(limit=4) + place.log())
    finally:
        place.close()
    verdict.expect(SECRET not in rows.text(), "a value has left the stage")
    return verdict


def try_peer(peer, number, directory, rows):
    for attempt in range(TRIES):
        verdict = try_once(peer, number + 100 * attempt, directory, rows)
        if not verdict.wrong:
            break
        print(f"{peer.name}: try {attempt + 1}: " + "; ".join(verdict.wrong), flush=True)
    return verdict


def table(verdicts, missing):
    head = ("server", "protocol", "requests", "errors client+server", "p50 ms", "p95 ms")
    lines = [head] + [(v.peer.name, v.peer.protocol, *v.cells) for v in verdicts]
    lines += [(peer.name, peer.protocol, reason) for peer, reason in missing]
    print("\nEach cell: the client's figure / l7-source's.")
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if reason := what_forbids():
        skip(reason)
    install()
    own_network()
    wanted = [name for name in options.only.split(",") if name]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="gala-l7-"))
    directory.chmod(0o755)
    verdicts, missing = [], []
    rows = observed.Observed(options.build.resolve(), directory)
    run_first()
    try:
        for number, peer in enumerate(all_peers()):
            if wanted and not any(name in peer.name for name in wanted):
                continue
            if reason := peer.what_is_missing():
                missing.append((peer, reason))
            else:
                verdicts.append(try_peer(peer, number, directory, rows))
    finally:
        rows.close()
    table(verdicts, missing)
    if options.keep:
        print(f"kept: {directory}")
    else:
        shutil.rmtree(directory)
    failed = [v.peer.name for v in verdicts if v.wrong]
    if failed:
        print("wrong: " + ", ".join(failed))
    if not verdicts:
        skip("no server is here")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
