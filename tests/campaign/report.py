#!/usr/bin/env python3
"""The table of a campaign from its JSON lines.

  report.py results.jsonl…                          prints it
  report.py results.jsonl… --write docs/campaign.md puts it between the markers there
  report.py results.jsonl… --fit                    prints the confidence_lapse of infer that suits it"""
import argparse
import collections
import json
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "accuracy"))
from confidence import reliability  # noqa: E402

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def quantile(values, share):
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]


def percent(count, total):
    return f"{100 * count / total:.0f} %" if total else "–"


def seconds(value):
    return "–" if value is None else f"{value:.1f}"


def times(rows, key):
    values = [row[key] for row in rows if row[key] is not None]
    return f"{seconds(quantile(values, 50))} / {seconds(quantile(values, 95))}"


def line_of(name, rows):
    count = len(rows)
    detected = sum(row["detected"] for row in rows)
    first = sum(row["rank"] == 1 for row in rows)
    three = sum(row["rank"] is not None and row["rank"] <= 3 for row in rows)
    return (f"| {name} | {count} | {percent(detected, count)} | {percent(first, count)} | "
            f"{percent(three, count)} | {times(rows, 'seconds_to_event')} | "
            f"{times(rows, 'seconds_to_diagnosis')} |")


def confusion(row):
    if not row["detected"]:
        return "not detected" if row.get("felt", True) else "not detected (nor felt by the clients)"
    if row["first_cause"] is None:
        return "detected, not diagnosed"
    return row["first_cause"]["metric"]


def confusions(faults):
    lines = []
    for name, rows in faults.items():
        wrong = collections.Counter(confusion(row) for row in rows if row["rank"] != 1)
        if wrong:
            said = ", ".join(f"{metric} ({count}×)" for metric, count in wrong.most_common())
            lines.append(f"- **{name}**: {said}")
    return lines


def table(records):
    faults = collections.defaultdict(list)
    for record in records:
        if record["kind"] == "injection":
            faults[record["fault"]].append(record)
    everything = [row for rows in faults.values() for row in rows]
    lines = ["| fault | runs | detected | named first | in three | s to event p50 / p95 | "
             "s to diagnosis p50 / p95 |", "|---|---|---|---|---|---|---|"]
    lines += [line_of(name, faults[name]) for name in sorted(faults)]
    lines.append(line_of("**all**", everything))
    quiet = [record for record in records if record["kind"] == "quiet"]
    hours = sum(record["seconds"] for record in quiet) / 3600
    events = sum(record["kpi_events"] for record in quiet)
    diagnoses = sum(record["diagnoses"] for record in quiet)
    if hours:
        lines += ["", f"Healthy time: {hours * 60:.0f} minutes; {events} KPI events and {diagnoses} "
                  f"diagnoses without a fault ({events / hours:.1f} and {diagnoses / hours:.1f} an "
                  "hour)."]
    promised = [(row["first_cause"]["confidence"], row["rank"] == 1) for row in everything
                if row["first_cause"] and "confidence" in row["first_cause"]]
    if promised:
        lines += ["", "How sure the diagnoses were, and how often they were right:", "",
                  reliability(promised)]
    by_event = sorted({row["fault"] for row in everything if row["by_event"]})
    if by_event:
        lines += ["", "Named by an event of the thing itself, since no KPI bent: "
                  + ", ".join(by_event) + "."]
    wrong = confusions({name: faults[name] for name in sorted(faults)})
    if wrong:
        lines += ["", "What was said instead:", "", *wrong]
    return "\n".join(lines)


def read(paths):
    return [json.loads(line) for path in paths for line in pathlib.Path(path).read_text().splitlines()
            if line.strip()]


def write_between_markers(path, text):
    page = path.read_text()
    head, _, rest = page.partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        raise SystemExit(f"{path}: the markers {BEGIN} and {END} are missing")
    path.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def curve_of(description):
    """Offset and weight of the confidence, as the stage infer of a build describes them."""
    defaults = {field["name"]: field["default"]
                for field in json.loads(description.read_text())["fields"]}
    return float(defaults["confidence_offset"]), float(defaults["confidence_score"])


def fitted_lapse(answers, offset, weight):
    """With this share of wrong answers on top, the curve promises as many right ones as there are.
    `answers`: pairs of a score and whether it was right."""
    promised = sum(1 / (1 + math.exp(-(offset + weight * score))) for score, _ in answers)
    return max(0.0, 1 - sum(right for _, right in answers) / promised)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", help="files that campaign.py --output wrote")
    parser.add_argument("--write", type=pathlib.Path, metavar="PAGE")
    parser.add_argument("--fit", action="store_true")
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    parser.add_argument("--describes", type=pathlib.Path, metavar="FILE",
                        default=root / "build/release/share/gala/stages/infer.json",
                        help="what the stage infer says of itself, for its curve")
    options = parser.parse_args()
    if options.fit:
        answers = [(record["first_cause"].get("score", 0), record["rank"] == 1)
                   for record in read(options.results)
                   if record["kind"] == "injection" and record["first_cause"]]
        lapse = fitted_lapse(answers, *curve_of(options.describes))
        print(f"confidence_lapse = {lapse:.3f}")
        return
    text = table(read(options.results))
    if options.write:
        write_between_markers(options.write, text)
    else:
        print(text)


if __name__ == "__main__":
    main()
