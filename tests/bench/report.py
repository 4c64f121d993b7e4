#!/usr/bin/env python3
"""Runs the benchmarks of a build and prints their figures, as tables or as one JSON object."""
import argparse
import json
import pathlib
import sys

from started import end_on_signals, output_of

HERE = pathlib.Path(__file__).resolve().parent
FAULTS = ["cpu", "disk", "net", "accept-queue", "app"]


def run(*command):
    print("$", *command, file=sys.stderr, flush=True)
    return output_of(*command)


def stage_rows(binaries):
    """Google Benchmark programs: nanoseconds of CPU an item, by benchmark."""
    rows = {}
    for program in sorted(binaries.glob("*_bench")):
        report = json.loads(run(program, "--benchmark_format=json", "--benchmark_min_time=0.3"))
        for one in report["benchmarks"]:
            rate = one.get("items_per_second")
            rows[one["name"]] = {"ns_per_item": round(1e9 / rate, 1) if rate else None,
                                 "ms": round(one["cpu_time"] * UNIT_MS[one["time_unit"]], 3)}
    return rows


UNIT_MS = {"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] if ordered else None


def demo(binaries, fault, runs):
    lines = []
    for _ in range(runs):
        # It fails when the fault is not found; its last line says what was.
        printed = output_of(binaries / "gala", "demo", "--fault", fault, "--json", check=False)
        lines.append(json.loads(printed.splitlines()[-1]))
    ranks = [(one["last_version"] or {}).get("rank") for one in lines]
    diagnosed = [one["seconds_to_diagnosis"] for one in lines
                 if one.get("seconds_to_diagnosis") is not None]
    noticed = [one["seconds_to_event"] for one in lines if one.get("seconds_to_event") is not None]
    return {"runs": runs, "detected": len(noticed), "diagnosed": len(diagnosed),
            "named_first": sum(rank == 1 for rank in ranks),
            "named_in_three": sum(bool(rank) and rank <= 3 for rank in ranks),
            "seconds_to_event_p50": percentile(noticed, 0.5),
            "seconds_to_diagnosis_p50": percentile(diagnosed, 0.5),
            "seconds_to_diagnosis_p95": percentile(diagnosed, 0.95)}


def table(title, rows, columns):
    print(f"\n{title}\n")
    widths = [max(len(str(name)) for name in [columns[0], *rows])] + [
        max(len(column), *(len(str(row.get(column, ""))) for row in rows.values()))
        for column in columns[1:]]
    for cells in [columns, *([name, *(row.get(column, "") for column in columns[1:])]
                             for name, row in rows.items())]:
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(cells, widths)))


def show(results):
    table("One edge against plain PUSH/PULL", {"edge": results["edge"]},
          ["", "message_bytes", "raw_mb_per_s", "edge_mb_per_s", "edge_rows_per_s", "ratio_median",
           "ratio_min", "ratio_max"])
    table("Cost in each stage (CPU)", results["stages"], ["benchmark", "ns_per_item", "ms"])
    cost = {name: {"value": value} for name, value in results["pipeline"].items()
            if not isinstance(value, dict)}
    table("The default pipeline beside Redis", cost, ["figure", "value"])
    if results["demo"]:
        table("Injected faults", results["demo"],
              ["fault", *next(iter(results["demo"].values()))])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--demo", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=8)
    arguments = parser.parse_args()
    end_on_signals()
    binaries = (arguments.build / "bin").resolve()
    results = {
        "edge": json.loads(run(binaries / "edge_throughput")),
        "stages": stage_rows(binaries),
        "pipeline": json.loads(run(sys.executable, HERE / "pipeline_cost.py", "--build",
                                   arguments.build, "--seconds", arguments.seconds,
                                   "--pairs", arguments.pairs)),
        "demo": {fault: demo(binaries, fault, arguments.demo) for fault in FAULTS}
        if arguments.demo else {},
    }
    if arguments.json:
        print(json.dumps(results))
    else:
        show(results)


if __name__ == "__main__":
    main()
