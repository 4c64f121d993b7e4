#!/usr/bin/env python3
"""Servers that only look wrong beside servers that are wrong, and the whole pipeline.

Starts pipelines/single-host.toml and the members of members.py, all at once, in a network of its
own. After the checks have learned what is usual, members turn: queues run empty, pushes begin,
clients become slow. Nothing may be said of that. Then faults begin: each must be an event within
10 s. Takes two minutes; prints a line for each member. docs/requests.md explains. Needs root.

  pipeline_test.py BUILD [PIPELINE] [--members a,b] [--keep]"""
import argparse
import collections
import contextlib
import dataclasses
import json
import math
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import peers
import shortfalls
from members import all_members

from children import end, start
from pipeline import Pipeline

# Learning: the warmup of the model's checks is 30 s.
USUAL_S, TURNED_S, ALONE_S, FAULTY_S = 45.0, 40.0, 15.0, 13.0
STOPPED_S = 11.0
TOLD_WITHIN_S = 10.0
SERVICE = ("sli", "call", "service")


@dataclasses.dataclass
class Said:
    """One line about one of our ports."""
    at: float          # when it was read
    started: float     # when what it tells began
    port: int
    entity: str
    severity: str
    text: str
    keywords: tuple = ()  # of the causes of a diagnosis, the likeliest first


def said_by_event(event, now):
    labels = event["Resource"].get("labels") or {}
    return Said(now, event["Attributes"].get("started", 0) / 1000, _port(labels),
                event["Attributes"].get("entity", ""), event.get("SeverityText", ""),
                event["Resource"].get("description", ""))


def said_by_diagnosis(diagnosis, now):
    kpi = diagnosis["Resource"]["abnormal_kpi"]
    causes = diagnosis["Resource"].get("cause_metrics") or []
    return Said(now, diagnosis["Attributes"].get("bent", 0) / 1000, _port(kpi["metric_labels"]), "",
                diagnosis.get("SeverityText", ""), diagnosis["Resource"].get("desc", ""),
                tuple(cause.get("keyword", "") for cause in causes))


def _port(labels):
    with contextlib.suppress(TypeError, ValueError):
        return int(labels.get("server_port", 0))
    return 0


class Run:
    def __init__(self, build, pipeline_file, members):
        self.build, self.file = build, pipeline_file
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gala-requests-"))
        self.peers = peers.Peers(self.directory)
        self.members = members
        self.places = {member.name: peers.Place(member.name, peers.FIRST_PORT + 100 + number,
                                                self.directory, build)
                       for number, member in enumerate(members)}
        self.pipeline = self.tap = None
        self.faulty = {}  # member → when its fault began
        self.events, self.diagnoses = [], []

    def serve(self, member):
        self.peers.serve(self.places[member.name], member.server)

    def start(self):
        for member in self.members:
            if member.older:
                self.serve(member)
        self.pipeline = Pipeline(self.build, self.file, self.directory)
        opened = self.pipeline.run / self.pipeline.name
        for stage in ("kernel", "assemble"):
            peers.wait_until(lambda stage=stage: any(opened.glob(f"{stage}.*.tap")),
                             f"output of stage {stage}", 60)
        self.tap = start([self.build / "bin" / "gala", "--run-dir", self.pipeline.run, "tap",
                          "assemble", "--topic", "observations/sli"], self.directory / "sli.jsonl")
        for member in self.members:
            place = self.places[member.name]
            if not member.older:
                self.serve(member)
            self.peers.fork(f"{member.name} client", lambda m=member, p=place: self.ask(m, p))

    @staticmethod
    def ask(member, place):
        peers.run_first()
        member.clients(place)

    def look(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            now = time.time()
            self.events += [said_by_event(event, now) for event in self.pipeline.events.read()]
            self.diagnoses += [said_by_diagnosis(one, now)
                               for one in self.pipeline.diagnoses.read()]
            if ended := self.pipeline.ended_stage():
                raise RuntimeError(f"{ended} has ended: {self.pipeline.last_words(ended)}")
            time.sleep(min(left, 0.1))

    def run(self):
        total = USUAL_S + TURNED_S + ALONE_S + FAULTY_S
        until = self.directory / "until"
        until.write_text(str(time.monotonic() + total))
        until.rename(self.directory / "go")
        self.look(USUAL_S)
        (self.directory / "turn").touch()
        self.look(TURNED_S)
        self.begin_faults(alone=True)
        self.look(ALONE_S)
        self.begin_faults(alone=False)
        self.look(STOPPED_S)
        self.signal_stopped(signal.SIGCONT)
        self.look(FAULTY_S - STOPPED_S)
        (self.directory / "over").touch()

    def begin_faults(self, alone):
        for member in self.members:
            if member.fault and member.alone == alone:
                self.faulty[member.name] = time.time()
                self.places[member.name].mark("fault")
        if not alone:
            self.signal_stopped(signal.SIGSTOP)

    def signal_stopped(self, number):
        for member in self.members:
            if member.fault == "stop":
                self.peers.signal(f"{member.name} server", number)

    def sli(self):
        """Port → (entities, requests) as the assembler has them."""
        entities, requests = collections.defaultdict(set), collections.Counter()
        for line in (self.directory / "sli.jsonl").read_text(errors="replace").splitlines():
            row = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if row.get("entity") == "sli" and str(row["server_port"]).isdigit():
                port = int(row["server_port"])
                entities[port].add(row["entity_id"])
                requests[port] += int(row.get("requests") or 0)
        return entities, requests

    def close(self, keep):
        self.peers.close()
        if self.tap is not None:
            end(self.tap)
        if self.pipeline is not None:
            self.pipeline.close()
        if keep:
            print(f"kept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


class Judgement:
    def __init__(self, run, member, sli):
        self.member = member
        self.faulty = run.faulty.get(member.name, math.inf)
        self.port = run.places[member.name].port
        self.events = [said for said in run.events if said.port == self.port]
        self.diagnoses = [said for said in run.diagnoses if said.port == self.port]
        entities, requests = sli
        self.entities, self.requests = len(entities[self.port]), requests[self.port]

    def outcomes(self):
        found = {"quiet": self._quiet()}
        if self.member.fault:
            found["told"] = "" if self.told_after() is not None else \
                f"no event within {TOLD_WITHIN_S:.0f} s"
        if self.member.cause:
            found["cause"] = self._cause()
        if self.member.requests_per_s:
            found["requests"] = self._requests()
        if self.member.entities:
            found["entities"] = "" if 0 < self.entities <= self.member.entities else \
                f"{self.entities} entities of sli"
        return found

    def _before(self, said):
        return said.started < self.faulty - 1

    def _quiet(self):
        wrong = [said for said in self.diagnoses if self._before(said) and
                 (not self.member.blames or said.keywords[:1] in
                  [(word,) for word in self.member.blames])]
        if not self.member.blames:
            wrong += [said for said in self.events
                      if self._before(said) and said.entity in SERVICE
                      and said.severity != "INFO"]
        # An event that lasts is told again and again; who reads this needs the first words.
        return "; ".join(list({said.text.split(":")[0]: said.text for said in wrong}.values())[:2])

    def told_after(self):
        """Seconds from the fault to the first event of the service, or None."""
        after = [said.at - self.faulty for said in self.events if said.entity in SERVICE and
                 not self._before(said) and said.at - self.faulty <= TOLD_WITHIN_S]
        return min(after, default=None)

    def _cause(self):
        after = [said for said in self.diagnoses if not self._before(said)]
        if not after:
            return "no diagnosis"
        return "" if self.member.cause in after[-1].keywords else f"blames {after[-1].keywords}"

    def _requests(self):
        low, high = self.member.requests_per_s
        rate = self.requests / (USUAL_S + TURNED_S)
        return "" if low <= rate <= high else f"{rate:.1f} requests/s"


def report(run, all_names):
    known = shortfalls.listed("pipeline")
    sli = run.sli()
    outcomes = {}
    print(f"{'member':18} {'kind':20} {'entities':>8} {'requests':>8} {'told s':>6}")
    for member in run.members:
        one = Judgement(run, member, sli)
        found = one.outcomes()
        outcomes.update({(member.name, check): wrong for check, wrong in found.items()})
        told = one.told_after() if member.fault else None
        print(f"{member.name:18} {member.of:20} {one.entities:8} {one.requests:8} "
              f"{'' if told is None else f'{told:.1f}':>6}  "
              + (" ".join(check if (member.name, check) in known else check.upper()
                          for check, wrong in found.items() if wrong) or "ok"))
    for key, reason in known.items():
        if outcomes.get(key):
            print(f"known shortfall: {key[0]}: {key[1]}: {outcomes[key]} ({reason})")
    return shortfalls.judge(outcomes, known) + shortfalls.unknown(known, all_names)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    parser.add_argument("build", type=pathlib.Path, help="a built tree")
    parser.add_argument("pipeline", type=pathlib.Path, nargs="?",
                        default=root / "pipelines/single-host.toml")
    parser.add_argument("--members", help="names with commas between (default: all)")
    parser.add_argument("--keep", action="store_true", help="leave journals and logs behind")
    options = parser.parse_args()
    if reason := peers.what_forbids():
        peers.skip(reason)
    members = all_members()
    names = [member.name for member in members]
    if options.members:
        members = [member for member in members if member.name in options.members.split(",")]
    peers.own_network()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    run = Run(options.build.resolve(), options.pipeline.resolve(), members)
    try:
        run.start()
        run.run()
        errors = report(run, names)
    finally:
        run.close(options.keep)
    for error in errors:
        print(f"ERROR: {error}")
    print(f"{len(members)} members, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
