#!/bin/bash
# From a fresh Debian 12 to a running pipeline: packages, build, start. Run again, it only does what
# is missing. Usage: deploy/quickstart.sh [--pipeline FILE] [--state-dir DIR] [--run-dir DIR]
#   --targets prints what it would build, and does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/packages.sh

pipeline=pipelines/single-host.toml
directories=()

usage() {
  sed -n '2,4s/^# //p' "$0"
}

parse_options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) usage; exit 0 ;;
      --targets) program_targets; exit 0 ;;
      --pipeline | --state-dir | --run-dir)
        if [ $# -lt 2 ]; then
          echo "$1 needs a value" >&2
          exit 2
        fi
        if [ "$1" = --pipeline ]; then pipeline="$2"; else directories+=("$1" "$2"); fi
        shift 2 ;;
      *) echo "unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
  done
  if [ ! -f "$pipeline" ]; then
    echo "there is no $pipeline" >&2
    exit 2
  fi
}

step() {
  printf '\n[%s/3] %s\n' "$1" "$2"
}

check_system() {
  if ! command -v apt-get >/dev/null; then
    echo "this script is for Debian 12;" \
      "elsewhere install what deploy/packages.txt lists, then build" >&2
    exit 1
  fi
}

# The programs and what they read, not the tests. A folder of stages/ is a program.
program_targets() {
  echo gala gala_model gala_bpf
  local main
  for main in stages/*/main.cpp; do
    echo "gala-$(basename "$(dirname "$main")")"
  done
}

build() {
  local log=build/release/quickstart.log
  mkdir -p build/release
  if ! cmake --preset release >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "configuring failed; the whole log is $log" >&2
    return 1
  fi
  # shellcheck disable=SC2046 # one word a target
  NINJA_STATUS='  %f of %t, %e s  ' cmake --build build/release --parallel "$(build_jobs)" \
    --target $(program_targets)
}

main() {
  parse_options "$@"
  check_system
  step 1 "packages (deploy/packages.txt)"
  install_packages build run demo
  step 2 "build (build/release; the first time takes some minutes)"
  build
  step 3 "start $pipeline under supervisord"
  as_root build/release/bin/gala run "$pipeline" --detach ${directories[@]+"${directories[@]}"}
}

main "$@"
