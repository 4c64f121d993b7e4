#!/bin/bash
# Every figure that docs/benchmarks.md quotes, measured here: one edge against raw ZeroMQ, the cost of a row in
# each stage, what the default pipeline costs the host, and how fast and how rightly `gala demo` is diagnosed.
# Usage: tests/bench/run.sh [--json] [--demo RUNS] [--seconds S] [--pairs N]
#   --json      one JSON object instead of tables
#   --demo      runs of the demonstration for each fault (default 0; 20 take about two hours)
#   --seconds   length of each measured interval of the pipeline's cost (default 20)
#   --pairs     interleaved pairs with and without the pipeline (default 8)
# Needs root; builds build/release. Run it on an otherwise idle machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
  sed -n '2,9s/^# //p' "$0"
  exit 0
fi
source deploy/packages.sh
install_packages build run demo test >&2
cmake --preset release >&2
cmake --build --preset release >&2
exec python3 tests/bench/report.py --build build/release "$@"
