#!/usr/bin/env python3
"""The rows of sli against what clients have measured themselves, for every kind of server.

Starts the collector with the probe sli, and servers of all kinds with their clients, in a network
of its own; all at the same time, so that it takes a minute. Kinds that are wrong there are tried
once more without the others, since forty kinds share two cores. Prints a table: kind × (requests,
p50, p95 as the clients and as the probe have them, longest wait). docs/requests.md explains. Needs
root.

  table_test.py BUILD                      all kinds
  table_test.py BUILD --kinds push,unix    some of them
  table_test.py BUILD --keep               leaves the rows and logs behind"""
import argparse
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import peers
import shortfalls
import witness
from kinds import all_kinds
from rows import CLIENTS, SERVERS, Rows, wait_until_it_sees

from pipeline import Pipeline

LOAD_S = 30.0
CONTROL_AFTER_S, CONTROL_S = 12.0, 7.0
# The model's checks tell a wait above 1 s that lasts for another; sooner, nobody judges it.
WAIT_S = 1.5
LEAST_ALARM_S = 3.0

PIPELINE = """[pipeline]
name   = "requests"
period = "1s"
[stages.kernel]
run    = "ebpf-source"
probes = ["sli"]
"""


class Table:
    description, topic = PIPELINE, None

    def __init__(self, build, kinds, load_s):
        self.build, self.load_s = build, load_s
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gala-requests-"))
        self.directory.chmod(0o755)  # PostgreSQL is another user
        self.peers = peers.Peers(self.directory)
        self.pipeline = self.rows = None
        self.skipped = {kind.name: reason for kind in kinds if (reason := kind.obstacle())}
        self.kinds = [kind for kind in kinds if kind.name not in self.skipped]
        self.places = {kind.name: self.place(kind, peers.FIRST_PORT + number)
                       for number, kind in enumerate(kinds)}
        self.pids = {}
        self.control_began = 0.0

    def place(self, kind, port):
        path = kind.path and kind.path.format(port=port)
        return peers.Place(kind.name, port, self.directory, self.build, kind.family, path)

    def serve(self, kind):
        def server(place):
            if kind.other_network:
                peers.own_network()
            kind.server(place)
        self.pids[kind.name] = self.peers.serve(self.places[kind.name], server)

    def ask(self, kind):
        place = self.places[kind.name]

        def client():
            peers.run_first()
            if kind.other_network:
                peers.enter_network(self.pids[kind.name])
            seen = witness.Witness()
            try:
                kind.call(place, seen)
            finally:
                place.testify(seen)
        self.peers.fork(f"{kind.name} client", client)

    def start(self):
        for kind in self.kinds:
            if kind.older:
                self.serve(kind)
            if kind.connected:
                self.ask(kind)
                peers.wait_until(lambda: self.places[kind.name].marked("connected"), kind.name)
        file = self.directory / "pipeline.toml"
        file.write_text(self.description)
        self.pipeline = Pipeline(self.build, file, self.directory)
        self.rows = Rows(self.pipeline, topic=self.topic)
        wait_until_it_sees(self.rows)
        for kind in self.kinds:
            if not kind.older:
                self.serve(kind)
            if not kind.connected:
                self.ask(kind)

    def look(self, until):
        """Reads rows until the clock (monotonic) has come so far."""
        while (left := until - time.monotonic()) > 0:
            self.rows.read()
            if ended := self.pipeline.ended_stage():
                raise RuntimeError(f"{ended} has ended: {self.pipeline.last_words(ended)}")
            time.sleep(min(left, 0.2))
        self.rows.read()

    def control(self, number, mark):
        for kind in self.kinds:
            if kind.control == "stop":
                self.peers.signal(f"{kind.name} server", number)
            elif kind.control == "mute" and mark:
                self.places[kind.name].mark("mute")

    def run(self):
        begin = time.monotonic()
        end = begin + self.load_s
        written = self.directory / "begin"
        written.write_text(str(end))
        written.rename(self.directory / "go")
        self.look(begin + CONTROL_AFTER_S)
        self.control_began = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.control(signal.SIGSTOP, True)
        self.look(begin + CONTROL_AFTER_S + CONTROL_S)
        self.control(signal.SIGCONT, False)
        self.look(end)
        self.peers.wait([f"{kind.name} client" for kind in self.kinds], 20)
        # The last replies are complete once nothing has followed them for a window.
        peers.wait_until(self.rows.reach(time.clock_gettime(time.CLOCK_BOOTTIME) + 2),
                         "rows of the last window", 60)

    def close(self, keep):
        self.peers.close()
        for part in (self.rows, self.pipeline):
            if part is not None:
                part.close()
        if keep:
            print(f"kept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


def shown(port):
    """Names of sockets may be anything: rows have a question mark for what is not printable."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in port) \
        if isinstance(port, str) else port


class Judgement:
    """One kind's figures, and what is wrong with them."""

    def __init__(self, table, kind):
        self.kind = kind
        place = table.places[kind.name]
        self.seen = place.witnessed() or {"requests": 0, "times_ns": [], "rests_ns": []}
        self.workers = place.workers()
        port = shown(place.port_of_row())
        self.intruders = self.workers & table.rows.processes(SERVERS) if kind.absent else set()
        self.row = table.rows.sums[(SERVERS, port)]
        self.calls = table.rows.sums[(CLIENTS, port)]
        longest = table.rows.longest_wait
        self.waits = {side: longest(side, port) for side in (SERVERS, CLIENTS)}
        begin = table.control_began
        self.alarms = {side: longest(side, port, begin, begin + CONTROL_S + 2)
                       for side in (SERVERS, CLIENTS)}

    def measured(self, share):
        part = self.kind.part or "latency"
        return witness.quantile(self.row.buckets[part], self.row.maxima[part], share)

    def known(self, share):
        times = self.seen["times_ns"]
        return witness.exact_quantile(times, share)[1] if times else None

    def outcomes(self):
        """Check → what is wrong, "" when it holds."""
        if self.kind.absent:
            return {"absent": f"{len(self.intruders)} rows" if self.intruders else ""}
        found = {"requests": self._requests()}
        if self.kind.part:
            found["times"] = self._times()
        if self.seen["rests_ns"]:
            found["receiving"] = self._differs(self.seen["rests_ns"], self.row, "receiving")
        if self.kind.part == "latency" and self.kind.calls:
            found["calls"] = self._differs(self.seen["times_ns"], self.calls, "latency")
        if self.kind.control:
            found["alarm"] = self._alarm()
        else:
            found["quiet"] = self._quiet()
        if self.kind.counted and self.row.processes:
            strangers = self.row.processes - self.workers
            found["owner"] = f"{len(strangers)} rows of other processes" if strangers else ""
        return found

    def _requests(self):
        counted, sent = self.row.counts["requests"], self.seen["requests"]
        if not sent:
            return "its clients have sent nothing"
        if self.kind.counted and not witness.counts_agree(sent, counted):
            return f"{counted} of {sent} are counted"
        if self.kind.part is None and not self.kind.control:
            return self._pretends()
        return ""

    def _pretends(self):
        """What is timed though nobody can tell its time must stay below what the clients saw."""
        times = self.seen["times_ns"]
        longest = self.row.maxima["latency"] if self.row.counts["measured"] else 0
        if longest > (times[-1] * 1.05 if times else 0):
            return f"a request of {_ms(longest)} ms is timed"
        return ""

    def _times(self):
        return self._differs(self.seen["times_ns"], self.row, self.kind.part)

    @staticmethod
    def _differs(times, row, part):
        """What the clients know against a histogram of the probe."""
        buckets, maximum = row.buckets[part], row.maxima[part]
        if not times or not sum(buckets.values()):
            return "nothing is timed"
        return ", ".join(
            f"p{share * 100:.0f} {_ms(witness.exact_quantile(times, share)[1])} is "
            f"{_ms(witness.quantile(buckets, maximum, share))}" for share in (0.5, 0.95)
            if not witness.agree(times, buckets, maximum, share))

    def _quiet(self):
        wrong = [f"{side.partition('.')[2]} wait {wait:.1f} s" for side, wait in self.waits.items()
                 if wait >= WAIT_S]
        if count := self.calls.counts["unanswered"]:
            wrong.append(f"{count} calls unanswered")
        return ", ".join(wrong)

    def _alarm(self):
        longest = self.alarms[SERVERS]
        return "" if longest >= LEAST_ALARM_S else f"the longest wait is {longest:.1f} s"


def _ms(nanoseconds):
    return "–" if nanoseconds is None else f"{nanoseconds / 1e6:.3f}"


def print_table(judged, verdicts):
    print(f"{'kind':20} {'requests':>13} {'p50 ms':>19} {'p95 ms':>21} {'longest wait s':>15}")
    print(f"{'':20} {'sent':>6} {'seen':>6} {'client':>9} {'sli':>9} {'client':>10} {'sli':>10} "
          f"{'server':>8} {'call':>6}")
    for name, one in judged.items():
        p50, p95 = (_ms(one.known(share)) for share in (0.5, 0.95))
        print(f"{name:20} {one.seen['requests']:6} {one.row.counts['requests']:6} "
              f"{p50:>9} {_ms(one.measured(0.5)):>9} {p95:>10} {_ms(one.measured(0.95)):>10} "
              f"{one.waits[SERVERS]:8.1f} {one.waits[CLIENTS]:6.1f}  {verdicts[name]}")


def report(table, all_names):
    known = shortfalls.listed("table")
    judged = {kind.name: Judgement(table, kind) for kind in table.kinds}
    outcomes = {(name, check): wrong for name, one in judged.items()
                for check, wrong in one.outcomes().items()}
    verdicts = {}
    for name in judged:
        wrong = {check for (kind, check), text in outcomes.items() if kind == name and text}
        verdicts[name] = " ".join(("known: " if (name, check) in known else "WRONG: ") + check
                                  for check in sorted(wrong)) or "ok"
    print_table(judged, verdicts)
    for name, reason in table.skipped.items():
        print(f"{name:20} skipped: {reason}")
    for (kind, check), reason in known.items():
        if outcomes.get((kind, check)):
            print(f"known shortfall: {kind}: {check}: {outcomes[kind, check]} ({reason})")
    return shortfalls.judge(outcomes, known) + shortfalls.unknown(known, all_names)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="a built tree")
    parser.add_argument("--kinds", help="names with commas between (default: all)")
    parser.add_argument("--seconds", type=float, default=LOAD_S, help="of load (default 30)")
    parser.add_argument("--keep", action="store_true", help="leave rows and logs behind")
    options = parser.parse_args()
    if reason := peers.what_forbids():
        peers.skip(reason)
    kinds = all_kinds()
    names = [kind.name for kind in kinds]
    if options.kinds:
        kinds = [kind for kind in kinds if kind.name in options.kinds.split(",")]
    peers.own_network()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    table = Table(options.build.resolve(), kinds, options.seconds)
    try:
        table.start()
        table.run()
        errors = report(table, names)
    finally:
        table.close(options.keep)
    print(f"{len(kinds) - len(table.skipped)} kinds, {len(errors)} errors")
    for error in errors:
        print(f"{'ERROR' if options.kinds else 'once more, alone'}: {error}")
    if not errors or options.kinds:
        return 1 if errors else 0
    wrong = sorted({error.split(":")[0] for error in errors})
    return subprocess.run([sys.executable, __file__, options.build, "--kinds", ",".join(wrong)],
                          check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
