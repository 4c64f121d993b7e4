#!/usr/bin/env python3
"""Judges a taped campaign again: what the stage programs and the model of today say of it, in
minutes and without privileges. What the probes collect is as it was then.

  campaign.py --tape DIR --output DIR/results.jsonl
  rescore.py DIR                     prints the table
  rescore.py DIR --output FILE       and writes the JSON lines"""
import argparse
import json
import pathlib
import tempfile
import types

import recording
import report
import scoring
from faults import TRUTH, all_kinds
from world import HERE

# From a line that leaves its stage to the line in a journal that somebody reads.
JOURNAL_S = 0.1


def instant(line):
    return line["Timestamp"] / 1000 + JOURNAL_S


def fault_of(record, kinds):
    kind = kinds[record["fault"]]
    return types.SimpleNamespace(name=kind.name, family=record["family"], truth=TRUTH[kind.name],
                                 suffering=record["suffering"], injected=record["injected"])


def outcome_of(record, kinds, events, diagnoses):
    began, ended = record["began"], record["ended"]  # when the live score was taken
    closed = {event.get("event_id") for event in events
              if event["Attributes"].get("state") == "closed" and instant(event) < began}
    injection = scoring.Injection(fault_of(record, kinds), began, closed)
    for event in events:
        if began <= instant(event) <= ended:
            injection.on_event(event, instant(event))
    for diagnosis in diagnoses:
        if began <= instant(diagnosis) <= ended:
            injection.on_diagnosis(diagnosis, instant(diagnosis))
    return {**record, **injection.outcome(), "began": began}


def rescored(records, kinds, events, diagnoses):
    for record in records:
        if record["kind"] == "injection":
            yield outcome_of(record, kinds, events, diagnoses)
        elif record["kind"] == "quiet":
            began, ended = record["began"], record["began"] + record["seconds"]
            yield scoring.quiet_outcome(
                began, record["seconds"],
                *([line for line in lines if began <= instant(line) <= ended]
                  for lines in (events, diagnoses)), after=record["after"])
        else:
            yield record


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    root = HERE.parent.parent
    parser.add_argument("tape", type=pathlib.Path, help="a directory of campaign.py --tape")
    parser.add_argument("--results", type=pathlib.Path, help="default: results.jsonl in it")
    parser.add_argument("--build", type=pathlib.Path, default=root / "build/release")
    parser.add_argument("--pipeline", type=pathlib.Path,
                        default=root / "pipelines/single-host.toml")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--verbose", action="store_true", help="print every answer")
    options = parser.parse_args()
    records = report.read([options.results or options.tape / "results.jsonl"])
    with tempfile.TemporaryDirectory(prefix="gala-rescore-", dir=options.tape) as name:
        work = pathlib.Path(name)
        tapes = {path.stem: [path.resolve()] for path in sorted(options.tape.glob("*.rec"))}
        recording.replay(options.build.resolve() / "bin", options.pipeline.resolve(), tapes, work,
                         seconds=3600)
        events, diagnoses = (sorted(recording.said_in(work, journal), key=instant)
                             for journal in ("events", "diagnoses"))
    again = list(rescored(records, all_kinds(), events, diagnoses))
    if options.output:
        options.output.write_text("".join(json.dumps(record) + "\n" for record in again))
    if options.verbose:
        for record in again:
            print(json.dumps(record))
    print(report.table(again))


if __name__ == "__main__":
    main()
