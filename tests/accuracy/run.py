#!/usr/bin/env python3
"""Accuracy on public data, beside what is published: runs `gala eval detect` and the scorer, prints
the table and writes it into docs/accuracy.md.

  tests/accuracy/run.py [--data DIR] [--score FILE] [--bin DIR] [--write]

DIR holds detect/<set>/<series>/ and rca/<set>/<case>/, FILE is score.py; defaults: $GALA_EVAL_DATA
and $GALA_EVAL_SCORE. Without data the run is skipped (exit 0) and says so. --write replaces the
generated part of docs/accuracy.md. Needs python3-numpy.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(ROOT, "docs", "accuracy.md")
BEGIN, END = "<!-- generated: detect -->", "<!-- end of generated -->"
FIGURES = ["AUC-PR", "best F1", "VUS-PR", "recall", "false/1000", "hit@100%", "hit@150%"]
# What counts as ahead (docs/accuracy.md says of what), where something is published for the set.
AHEAD = {
    "smd": {"VUS-PR": 0.64},
    "asd": {"VUS-PR": 0.65, "best F1": 0.55, "hit@100%": 0.89},
    "wsd": {"VUS-PR": 0.445},
}


def measure(arguments, folder, scores, flags):
    """The means over the series of one set, by name of the figure."""
    gala = os.path.join(arguments.bin, "gala")
    subprocess.run([gala, "eval", "detect", "--in", folder, "--out", scores, *flags], check=True,
                   stdout=subprocess.DEVNULL)
    text = subprocess.run([sys.executable, arguments.score, "detect", folder, scores], check=True,
                          capture_output=True, text=True).stdout
    print(text)
    mean = re.search(r"^MEAN of (\d+)\s+(.*)$", text, re.M)
    return int(mean.group(1)), dict(zip(FIGURES, (float(x) for x in mean.group(2).split())))


def row_of(name, count, figures):
    cells = [f"{figures[f]:.3f}" if figures[f] == figures[f] else "–" for f in FIGURES]
    return f"| {name} | {count} | " + " | ".join(cells) + " |"


def table(arguments):
    lines = ["| set | series | " + " | ".join(FIGURES) + " |", "|---|---|" + "---|" * len(FIGURES)]
    behind = []
    detect = os.path.join(arguments.data, "detect")
    for name in sorted(os.listdir(detect)):
        with tempfile.TemporaryDirectory() as scores:
            count, figures = measure(arguments, os.path.join(detect, name), scores, [])
            lines.append(row_of(name, count, figures))
            _, cold = measure(arguments, os.path.join(detect, name), scores, ["--no-training"])
            lines.append(row_of(name + ", no training", count, cold))
        aims = AHEAD.get(name, {})
        if aims:
            cells = [f"> {aims[f]}" if f in aims else "" for f in FIGURES]
            lines.append(f"| {name}, ahead | | " + " | ".join(cells) + " |")
        behind += [f"{name} {f}: {figures[f]:.3f}, aim > {aim}" for f, aim in aims.items()
                   if not figures[f] > aim]
    return "\n".join(lines), behind


def write_document(text):
    with open(DOCUMENT) as file:
        whole = file.read()
    head, rest = whole.split(BEGIN)
    with open(DOCUMENT, "w") as file:
        file.write(head + BEGIN + "\n" + text + "\n" + END + rest.split(END)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("GALA_EVAL_DATA", ""))
    parser.add_argument("--score", default=os.environ.get("GALA_EVAL_SCORE", ""))
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "release", "bin"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if not os.path.isdir(arguments.data) or not os.path.isfile(arguments.score):
        print("skipped: no evaluation data; give --data and --score, or set GALA_EVAL_DATA and "
              "GALA_EVAL_SCORE")
        return 0
    try:
        import numpy  # noqa: F401: the scorer's
    except ImportError:
        print("skipped: the scorer needs python3-numpy")
        return 0
    text, behind = table(arguments)
    print(text)
    if arguments.write:
        write_document(text)
    for line in behind:
        print("behind:", line)
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
