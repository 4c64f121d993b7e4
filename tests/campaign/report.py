#!/usr/bin/env python3
"""The table of a campaign from its JSON lines.

  report.py results.jsonl…                          prints it
  report.py results.jsonl… --write docs/campaign.md puts it between the markers there
  report.py results.jsonl… --fit                    prints the confidence_lapse that suits infer"""
import argparse
import collections
import json
import math
import pathlib
import sys

import truth

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "accuracy"))
from confidence import reliability  # noqa: E402

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def quantile(values, share):
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]


def share(count, total):
    return f"{count} ({100 * count / total:.0f} %)" if total else "–"


def seconds(value):
    return "–" if value is None else f"{value:.1f}"


def times(rows, key):
    values = [row[key] for row in rows if row[key] is not None]
    return f"{seconds(quantile(values, 50))} / {seconds(quantile(values, 95))}"


def verdict(row, version):
    return (row[version] or {}).get("verdict")


def rank(row):
    return (row["last_version"] or {}).get("rank")


# Heading → how many of these injections.
COLUMNS = {
    "detected": lambda row: row["detected"],
    "first, first version": lambda row: verdict(row, "first_version") == truth.RIGHT,
    "first, last version": lambda row: verdict(row, "last_version") == truth.RIGHT,
    "half right": lambda row: verdict(row, "last_version") == truth.HALF,
    "in three": lambda row: rank(row) is not None and rank(row) <= 3,
    "event only": lambda row: row["event_only"],
}
HEADINGS = ["fault", "runs", *COLUMNS, "s to event p50 / p95", "s to diagnosis p50 / p95",
            "false in quiet"]


def line_of(name, rows, false, count_of=lambda count, _total: str(count)):
    cells = [name, str(len(rows)),
             *(count_of(sum(map(counts, rows)), len(rows)) for counts in COLUMNS.values()),
             times(rows, "seconds_to_event"), times(rows, "seconds_to_diagnosis"), str(false)]
    return f"| {' | '.join(cells)} |"


def confusion(row):
    """What was said first instead of the injected thing."""
    if row["first_cause"] is not None:
        half = " (half right)" if verdict(row, "last_version") == truth.HALF else ""
        return row["first_cause"]["metric"] + half
    if row["event_only"]:
        return "an event only"
    if row["detected"]:
        return "detected, not diagnosed"
    return "not detected" if row.get("felt", True) else "not detected (nor felt by the clients)"


def confusions(faults):
    lines = []
    for name, rows in faults.items():
        wrong = collections.Counter(confusion(row) for row in rows
                                    if verdict(row, "last_version") != truth.RIGHT)
        if wrong:
            said = ", ".join(f"{metric} ({count}×)" for metric, count in wrong.most_common())
            lines.append(f"- **{name}**: {said}")
    return lines


def in_words(row):
    """One injection on one line."""
    first = row["first_cause"]
    versions = f"{verdict(row, 'first_version')} → {verdict(row, 'last_version')}"
    return (f"event {row['seconds_to_event']} s, diagnosis {row['seconds_to_diagnosis']} s, "
            + ("named by an event only" if row["event_only"] else f"{versions}, rank {rank(row)}")
            + ("" if row["felt"] else ", not felt by the clients")
            + (f": {first['metric']}: {first['text']}" if first else ""))


def by_fault(records, key):
    """Of injections or failures, sorted by name; of quiet times by the fault before them."""
    found = collections.defaultdict(list)
    for record in records:
        found[record[key]].append(record)
    return {name: found[name] for name in sorted(found, key=str)}


def healthy_lines(quiet):
    hours = sum(record["seconds"] for record in quiet) / 3600
    if not hours:
        return []
    events = sum(record["kpi_events"] for record in quiet)
    diagnoses = sum(record["diagnoses"] for record in quiet)
    return ["", f"Healthy time: {hours * 60:.0f} minutes; {events} KPI events and {diagnoses} "
            f"diagnoses without a fault ({events / hours:.1f} and {diagnoses / hours:.1f} an "
            "hour)."]


def confidence_lines(rows):
    promised = [(row["first_cause"]["confidence"], verdict(row, "last_version") == truth.RIGHT)
                for row in rows if row["first_cause"] and "confidence" in row["first_cause"]]
    if not promised:
        return []
    return ["", "How sure the diagnoses were, and how often they were right:", "",
            reliability(promised)]


def table(records):
    of_kind = by_fault(records, "kind")
    rows, quiet = of_kind.get("injection", []), of_kind.get("quiet", [])
    faults, after = by_fault(rows, "fault"), by_fault(quiet, "after")
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    lines += [line_of(name, found, sum(record["false"] for record in after.get(name, [])))
              for name, found in faults.items()]
    lines.append(line_of("**all**", rows, sum(record["false"] for record in quiet), share))
    lines += healthy_lines(quiet) + confidence_lines(rows)
    if wrong := confusions(faults):
        lines += ["", "What was said first instead:", "", *wrong]
    if failed := by_fault(of_kind.get("failed", []), "fault"):
        lines += ["", "Injections that failed and count nowhere: " + ", ".join(
            f"{name} ({len(found)}×: {found[0]['error'].splitlines()[0]})"
            for name, found in failed.items()) + "."]
    return "\n".join(lines)


def read(paths):
    return [json.loads(line) for path in paths
            for line in pathlib.Path(path).read_text().splitlines() if line.strip()]


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
        answers = [(record["first_cause"].get("score", 0),
                    verdict(record, "last_version") == truth.RIGHT)
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
