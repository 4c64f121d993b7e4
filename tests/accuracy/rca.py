#!/usr/bin/env python3
"""Accuracy of root causes on public data: runs `gala eval rca` and the scorer, and writes the part
"Root cause" of docs/accuracy.md.

  tests/accuracy/rca.py [--data DIR] [--score FILE] [--bin DIR] [--write] [--fit]

DIR holds rca/<set>/<case>/ and rca/<set>/answers.csv, FILE is score.py; defaults: $GALA_EVAL_DATA
and $GALA_EVAL_SCORE. Without data the run is skipped (exit 0) and says so. Each set is measured as
it is, and once more without its alarms where these name no KPI; the rows before the alarm alone are
measured for false answers. --fit prints the confidence parameters of the stage infer that suit
these cases. Only Python's library is needed
here; the scorer needs python3-numpy.
"""
import argparse
import csv
import gzip
import io
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

from confidence import fit, rated, reliability

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(ROOT, "docs", "accuracy.md")
BEGIN, END = "<!-- generated: rca -->", "<!-- end of generated rca -->"
FIGURES = ("AC@1", "AC@3", "AC@5", "Avg@5", "metric")
# What counts as ahead (docs/accuracy.md says of what); "metric" is entity and metric first.
AHEAD = {"sockshop1": {"AC@1": 1.00, "Avg@5": 0.98, "metric": 0.92},
         "petshop_train": {"AC@1": 0.88, "AC@3": 0.93}}
# Best published on the set (BARO with the fault time known; graph traversal on all PetShop issues).
PUBLISHED = {"sockshop1": "AC@1 .96, Avg@5 .99 (BARO, told the time)",
             "petshop_train": "top-1 .654, top-3 .827 (traversal, all issues)"}


def open_text(path):
    return gzip.open(path, "rt") if path.endswith(".gz") else open(path)


def existing(path):
    return path if os.path.exists(path) else path + ".gz"


def explain(arguments, folder, out):
    gala = os.path.join(arguments.bin, "gala")
    text = subprocess.run([gala, "eval", "rca", "--in", folder, "--out", out], check=True,
                          capture_output=True, text=True).stdout
    return float(re.search(r"([\d.]+) s to explain", text).group(1))


def score(arguments, answers, out):
    text = subprocess.run([sys.executable, arguments.score, "rca", answers, out], check=True,
                          capture_output=True, text=True).stdout
    print(text)
    last = text.strip().splitlines()[-1]
    figures = {name: float(value) for name, value in re.findall(r"(AC@\d|Avg@5) ([\d.]+)", last)}
    metric = re.search(r"entity\+metric AC@1 ([\d.]+)", last)
    figures["metric"] = float(metric.group(1)) if metric else math.nan
    return int(re.search(r"cases (\d+)", last).group(1)), figures


def first_scores(out):
    """case → (entity, score) of rank 1."""
    with open(out) as file:
        return {row["case"]: (row["entity"], float(row["score"])) for row in csv.DictReader(file)
                if row["rank"] == "1"}


def judged(out, truth):
    """(score, right?) of each case's first answer."""
    return [(value, truth.get(case) == entity)
            for case, (entity, value) in first_scores(out).items()]


def alarm_of(case):
    path = os.path.join(case, "alarm.csv")
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return next(csv.DictReader(file), None)


def variant(folder, target, keep_alarm, until_alarm):
    """A copy of a set without its alarms, or only with what came before them (the alarm then is
    asked for the last row)."""
    for name in sorted(os.listdir(folder)):
        case = os.path.join(folder, name)
        if not os.path.isdir(case):
            continue
        alarm = alarm_of(case)
        os.makedirs(os.path.join(target, name))
        topology = os.path.join(case, "topology.csv")
        if os.path.exists(topology):
            shutil.copy(topology, os.path.join(target, name))
        with open_text(existing(os.path.join(case, "metrics.csv"))) as file:
            lines = file.read().splitlines()
        if until_alarm:
            # Two rows of a margin: the fault may be a little older than its alarm.
            lines = lines[:1] + [line for line in lines[1:]
                                 if float(line.split(",", 1)[0]) < float(alarm["time"])][:-2]
        with open(os.path.join(target, name, "metrics.csv"), "w") as file:
            file.write("\n".join(lines) + "\n")
        if keep_alarm and alarm:
            with open(os.path.join(target, name, "alarm.csv"), "w") as file:
                writer = csv.writer(file)
                writer.writerow(["time", "entity", "metric"])
                time = lines[-3].split(",", 1)[0] if until_alarm else alarm["time"]
                writer.writerow([time, alarm["entity"], alarm["metric"]])


def row_of(name, count, figures, seconds):
    cells = ["–" if math.isnan(figures[key]) else f"{figures[key]:.3f}" for key in FIGURES]
    return f"| {name} | {count} | " + " | ".join(cells) + f" | {1000 * seconds / count:.0f} |"


def measure(arguments):
    rows = ["| set | cases | AC@1 | AC@3 | AC@5 | Avg@5 | entity and metric first | ms a case |",
            "|---|---|---|---|---|---|---|---|"]
    normal = []
    behind = []
    points = []
    base = os.path.join(arguments.data, "rca")
    for name in sorted(os.listdir(base)):
        folder = os.path.join(base, name)
        answers = os.path.join(folder, "answers.csv")
        if not os.path.exists(answers):
            continue
        with open(answers) as file:
            truth = {row["case"]: row["entity"] for row in csv.DictReader(file)}
        kpi = any((alarm_of(os.path.join(folder, case)) or {}).get("entity") for case in truth)
        with tempfile.TemporaryDirectory() as work:
            out = os.path.join(work, "ranks.csv")
            seconds = explain(arguments, folder, out)
            count, figures = score(arguments, answers, out)
            rows.append(row_of(name, count, figures, seconds))
            points += judged(out, truth)
            if not kpi:
                untold = os.path.join(work, "untold")
                variant(folder, untold, False, False)
                seconds = explain(arguments, untold, out)
                count, figures = score(arguments, answers, out)
                rows.append(row_of(name + ", no time told", count, figures, seconds))
                points += judged(out, truth)
            aims = AHEAD.get(name, {})
            if aims:
                cells = [f"≥ {aims[key]}" if key in aims else "" for key in FIGURES]
                rows.append(f"| {name}, ahead | | " + " | ".join(cells) +
                            f" | {PUBLISHED.get(name, '')} |")
            behind += [f"{name} {key}: {figures[key]:.3f}, aim {aim}" for key, aim in aims.items()
                       if figures[key] < aim]
            before = os.path.join(work, "before")
            variant(folder, before, kpi, True)
            explain(arguments, before, out)
            named = first_scores(out)
            normal.append(f"{name}: {count - len(named)} of {count}")
            points += [(value, False) for _, value in named.values()]
    quiet = ("Rows before the alarm only, where \"no cause\" is right, left without a cause: " +
             "; ".join(normal) + ".")
    return "\n".join(rows) + "\n\n" + quiet, behind, points


def write(text):
    part = f"{BEGIN}\n{text}\n{END}"
    old = io.open(DOCUMENT, encoding="utf-8").read() if os.path.exists(DOCUMENT) else "# Accuracy\n"
    if BEGIN in old:
        new = old[:old.index(BEGIN)] + part + old[old.index(END) + len(END):]
    else:
        new = old.rstrip() + "\n\n## Root cause\n\n" + part + "\n"
    io.open(DOCUMENT, "w", encoding="utf-8").write(new)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("GALA_EVAL_DATA", ""))
    parser.add_argument("--score", default=os.environ.get("GALA_EVAL_SCORE", ""))
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "release", "bin"))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--fit", action="store_true")
    arguments = parser.parse_args()
    there = os.path.isdir(os.path.join(arguments.data, "rca")) and os.path.exists(arguments.score)
    if not there:
        print("skipped: no data; give --data and --score")
        return 0
    table, behind, points = measure(arguments)
    a, b = fit(points)
    table += ("\n\nConfidence, fitted on these answers and so a little too good on them:\n\n" +
              reliability(rated(points, a, b)))
    print(table)
    if arguments.fit:
        print(f"confidence_offset {a:.2f}, confidence_score {b:.2f}")
    if arguments.write:
        write(table)
    for line in behind:
        print("behind:", line)
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
