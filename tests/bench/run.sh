#!/bin/bash
# Measures every figure that docs/results.md quotes: one edge against raw ZeroMQ, a row in each
# stage, the default pipeline beside Redis, how fast and how rightly `gala demo` is diagnosed.
# Usage: tests/bench/run.sh [--json] [--demo RUNS] [--seconds S] [--pairs N]
#   --json      one JSON object instead of tables
#   --demo      runs of the demonstration for each fault (default 0; 20 take about two hours)
#   --seconds   length of each measured interval of the pipeline's cost (default 20)
#   --pairs     interleaved pairs with and without the pipeline (default 8)
# Needs root and an otherwise idle machine. It installs what it needs (deploy/packages.txt: bench),
# builds build/release, and ends what it starts, also after an error, Ctrl-C or SIGTERM.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
  sed -n '2,10s/^# //p' "$0"
  exit 0
fi
source deploy/packages.sh
install_packages build run demo bench >&2
cmake --preset release >&2
cmake --build --preset release >&2
exec python3 tests/bench/report.py --build build/release "$@"
