#!/usr/bin/env python3
"""The fault campaign: real faults beside real applications, and what the pipeline says of each.

Starts Redis, memcached, PostgreSQL, nginx and three services under load in a network of their own,
and the pipeline beside them; injects faults in random order with quiet time between, and scores
what the pipeline says. Needs root. Nothing is left behind, also when it is killed.
docs/campaign.md explains.

  campaign.py --build build/release                       each kind of fault once
  campaign.py --faults cpu-hog,slow-disk --repeats 5      some of them
  campaign.py --repeats 3 --output FILE --at-most 45      three of each, as far as 45 minutes reach
  campaign.py --repeats 3 --output FILE --resume          the rest of them
  campaign.py --faults none --healthy 60                  an hour without faults
  campaign.py --list                                      what there is"""
import argparse
import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import traceback

import recording
import report
import scoring
from applications import Applications, missing_programs
from faults import all_kinds
from load_control import Load
from pipeline import Pipeline
from world import HERE, World

# What a recording holds of the time before: the baselines of the model need 30 s.
RECORDED_BEFORE_S = 38.0
RECOVERY_S = 20.0


class CannotGoOn(Exception):
    """A stage or an application is gone: what follows would say nothing of the pipeline."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse(kinds):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    root = HERE.parent.parent
    parser.add_argument("--build", type=pathlib.Path, default=root / "build/release",
                        help="a built tree (default: build/release)")
    parser.add_argument("--pipeline", type=pathlib.Path,
                        default=root / "pipelines/single-host.toml")
    parser.add_argument("--faults", default="all", help="names with commas between, all or none")
    parser.add_argument("--repeats", type=int, default=1, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settle", type=float, default=45, metavar="S",
                        help="before the first fault (default 45)")
    parser.add_argument("--quiet", type=float, default=6, metavar="S",
                        help="at least, between two faults (default 6)")
    parser.add_argument("--healthy", type=float, default=0, metavar="MINUTES",
                        help="of varying load without a fault, at the end")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE",
                        help="JSON lines, appended as they come")
    parser.add_argument("--resume", action="store_true",
                        help="leave out what FILE has already; failed injections are tried again")
    parser.add_argument("--at-most", type=float, metavar="MINUTES",
                        help="begin no injection after that time")
    parser.add_argument("--record", type=pathlib.Path, metavar="DIR",
                        help="record what leaves the sources, one directory for each kind")
    parser.add_argument("--tape", type=pathlib.Path, metavar="DIR",
                        help="record what leaves the sources all the time, for rescore.py")
    parser.add_argument("--before", metavar="COMMAND", help="runs before each measured stretch")
    parser.add_argument("--after", metavar="COMMAND", help="runs after it")
    parser.add_argument("--json", action="store_true", help="print the JSON lines, no table")
    parser.add_argument("--keep", action="store_true", help="keep logs and journals")
    parser.add_argument("--list", action="store_true", help="print the kinds of fault and end")
    options = parser.parse_args()
    wanted = {"all": list(kinds), "none": []}.get(options.faults, options.faults.split(","))
    if unknown := [name for name in wanted if name not in kinds]:
        parser.error(f"no such fault: {', '.join(unknown)}; there are {', '.join(kinds)}")
    options.faults = wanted
    if options.resume and not options.output:
        parser.error("--resume: which file? --output names it")
    if options.tape and options.record:
        parser.error("--tape and --record: one at a time")
    options.build, options.pipeline = options.build.resolve(), options.pipeline.resolve()
    return options


def plan(options, done):
    """Names of the faults to inject, in order: each round has every kind once. `done`: what was
    made before."""
    dice = random.Random(options.seed)
    order = []
    for _ in range(options.repeats):
        order += dice.sample(options.faults, len(options.faults))
    left = collections.Counter(record["fault"] for record in done if record["kind"] == "injection")
    todo = []
    for name in order:
        if left[name] > 0:
            left[name] -= 1
        else:
            todo.append(name)
    return todo


class Campaign:
    def __init__(self, options, kinds):
        self.options = options
        self.kinds = kinds
        resumed = options.resume and options.output.exists()
        self.records = report.read([options.output]) if resumed else []
        self.todo = plan(options, self.records)
        # A campaign that goes on does not aim as the first part did.
        self.dice = random.Random(f"{options.seed} {len(self.records)}")
        self.began = time.monotonic()
        self.closed = set()
        self.after = None
        self.world = World(options.keep)
        self.applications = self.load = self.pipeline = None
        self.recordings = []

    def prepare(self):
        self.applications = Applications(self.world, self.options.build)
        self.load = Load(self.world, self.options.seed)
        self.pipeline = Pipeline(self.options.build, self.options.pipeline, self.world.directory)
        say(f"{len(self.applications.all)} applications under load, {len(self.pipeline.stages)} "
            f"stages; {self.options.settle:.0f} s to settle; {self.world.directory}")
        self.applications.fill_cache()
        self.applications.keep_programs([self.load.pid, self.applications.names.pid])
        if self.options.tape:
            self.options.tape.mkdir(parents=True, exist_ok=True)
            for source in self.pipeline.sources:
                self.pipeline.record(source, self.options.tape / f"{source}.rec")
        self.look(self.options.settle)

    def close(self):
        for part in (self.pipeline, self.load, self.applications, self.world):
            if part is not None:
                part.close()

    def look(self, seconds, until=lambda: False, injection=None, tick=lambda: None):
        """Reads the journals for that long; what they say goes to the injection, and is
        returned."""
        deadline = time.monotonic() + seconds
        said = {"events": [], "diagnoses": []}
        while time.monotonic() < deadline and not until():
            now = time.time()
            for event in self.pipeline.events.read():
                said["events"].append(event)
                if injection:
                    injection.on_event(event, now)
                if event["Attributes"].get("state") == "closed":
                    self.closed.add(event.get("event_id"))
            for diagnosis in self.pipeline.diagnoses.read():
                said["diagnoses"].append(diagnosis)
                if injection:
                    injection.on_diagnosis(diagnosis, now)
            self.check_alive()
            tick()
            time.sleep(0.1)
        return said

    def check_alive(self):
        if ended := self.pipeline.ended_stage():
            raise CannotGoOn(f"{ended} has ended; see {self.pipeline.log} (--keep)\n"
                             f"{self.pipeline.last_words(ended)}")
        if ended := self.applications.ended():
            raise RuntimeError(f"{ended} has ended; see {self.world.log_directory} (--keep)")
        if said := self.load.ended():
            raise RuntimeError(f"the clients have ended: {said}")

    def tell(self, record):
        self.records.append(record)
        line = json.dumps(record)
        if self.options.output:
            with open(self.options.output, "a") as file:
                file.write(line + "\n")
        if self.options.json:
            print(line, flush=True)

    def inject(self, name):
        fault = self.kinds[name](self.world, self.applications, self.load, self.dice)
        before = self.load.felt(5)
        began = time.time()
        try:
            fault.inject()
            injection = scoring.Injection(fault, fault.began or began, self.closed)
            self.look(fault.at_most_s, lambda: injection.is_over(time.time()), injection,
                      fault.tick)
            during = self.load.felt(time.time() - injection.began)
        finally:
            fault.remove()
        # What was said until now may still be made better.
        self.look(1, injection=injection)
        record = {"kind": "injection", **injection.outcome(), "ended": round(time.time(), 3),
                  "felt": self.load.differs(before, during, fault.suffering),
                  "clients": {"before": before, "during": during}}
        self.tell(record)
        if self.options.record:
            self.keep_recording(fault, injection)
        say("  " + report.in_words(record))
        self.look(RECOVERY_S, lambda: not injection.open, injection)
        self.look(2)

    def attempt(self, name):
        """Quiet time, then a fault. An injection that fails is told of; the campaign goes on."""
        quiet = self.options.quiet
        try:
            if self.options.record:
                self.start_recording()
                quiet = max(quiet, RECORDED_BEFORE_S)
            self.quiet(quiet + self.dice.uniform(0, 4))
            self.inject(name)
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as failure:
            self.tell({"kind": "failed", "fault": name, "began": round(time.time(), 3),
                       "error": str(failure)})
            say(f"  FAILED: {failure}")
            if self.options.keep:
                traceback.print_exc()
            self.revive()
        self.after = name

    def revive(self):
        """Starts again what a failed injection has ended."""
        if self.load.ended():
            self.load.start()
        while ended := self.applications.ended():
            say(f"  {ended} is started again")
            try:
                self.applications.start_what_ended(ended)
            except (OSError, RuntimeError) as failure:
                raise CannotGoOn(f"{ended} does not start again: {failure}") from failure

    def start_recording(self):
        """From the sources: smaller than what the assembler makes of it, and it is replayed too."""
        self.pipeline.stop_recording()
        self.recordings = [self.world.directory / f"{source}.rec"
                           for source in self.pipeline.sources]
        for path in self.recordings:
            path.unlink(missing_ok=True)
            self.pipeline.record(path.stem, path)

    def keep_recording(self, fault, injection):
        self.pipeline.stop_recording()
        directory = self.options.record / fault.name
        directory.mkdir(parents=True, exist_ok=True)
        boot_offset = time.clock_gettime(time.CLOCK_BOOTTIME) - time.time()
        from_s = injection.began + boot_offset - RECORDED_BEFORE_S
        for path in self.recordings:
            recording.cut(path, directory / f"{path.name}.xz", int(from_s * 1e9),
                          time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        recording.write_truth(directory, fault, injection.began,
                              {str(scoring.PORTS[name]) for name in fault.suffering})

    def quiet(self, seconds):
        """Time in which nothing may be said of our applications."""
        began = time.time()
        said = self.look(seconds)
        outcome = scoring.quiet_outcome(began, time.time() - began, said["events"],
                                        said["diagnoses"], self.after)
        self.tell(outcome)
        for text in outcome["texts"]:
            say(f"  without a fault: {text}")

    def stretch(self, work):
        """A measured piece of time, between the commands that hold other work back."""
        if self.options.before:
            subprocess.run(self.options.before, shell=True, check=True)
        try:
            work()
        finally:
            if self.options.after:
                subprocess.run(self.options.after, shell=True, check=True)

    def time_is_up(self):
        at_most = self.options.at_most
        return at_most is not None and time.monotonic() - self.began > at_most * 60

    def run(self):
        for number, name in enumerate(self.todo, 1):
            if self.time_is_up():
                say(f"time is up: {len(self.todo) - number + 1} injections are left for --resume")
                break

            def measured(name=name, number=number):
                say(f"[{number}/{len(self.todo)}] {name}: {self.kinds[name].about}")
                self.attempt(name)
            self.stretch(measured)
        self.healthy()

    def healthy(self):
        left = self.options.healthy * 60
        while left > 0:
            def minute(seconds=min(left, 60)):
                self.load.order(f"factor {self.dice.uniform(0.7, 1.3):.2f}")
                self.quiet(seconds)
            self.stretch(minute)
            left -= 60
            self.after = None


def interrupted(_signal, _frame):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what follows is cleaning up
    raise KeyboardInterrupt


def main():
    kinds = all_kinds()
    options = parse(kinds)
    if options.list:
        for name, kind in kinds.items():
            print(f"{name:24} {kind.about}")
        return 0
    if os.geteuid() != 0:
        say("this needs root: network namespaces, control groups, BPF")
        return 2
    if missing := missing_programs():
        say(f"install first: apt-get install {' '.join(missing)}")
        return 2
    signal.signal(signal.SIGTERM, interrupted)
    campaign = Campaign(options, kinds)
    try:
        campaign.prepare()
        campaign.run()
    except KeyboardInterrupt:
        say("interrupted; --resume goes on" if options.output else "interrupted")
        return 1
    except CannotGoOn as ended:
        say(str(ended))
        return 1
    finally:
        campaign.close()
        if campaign.records and not options.json:
            print(report.table(campaign.records))
    return 0


if __name__ == "__main__":
    sys.exit(main())
