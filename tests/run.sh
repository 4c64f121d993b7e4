#!/bin/bash
# Everything that is tested, in one command, on a clean clone: packages, format, build, tests, message
# schemas, pipelines, reference pages. Ends with "N passed, N failed, N skipped"; exit 1 when one failed.
# Usage: tests/run.sh [--tidy] [--asan] [--preset dev|release] [--filter REGEX]
#   --tidy    also clang-tidy-19 over all sources (long)
#   --asan    also the unit tests under address and undefined-behaviour sanitizers
#   --filter  only the tests whose names match (then no other checks)
# REQUIRE_KERNEL=1 makes kernel tests fail, instead of skip, where this machine does not permit them.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/packages.sh

preset=dev
filter=""
with_tidy=no
with_asan=no
passed=0
failed=0
skipped=0
failures=()

parse_options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) sed -n '2,8s/^# //p' "$0"; exit 0 ;;
      --tidy) with_tidy=yes; shift ;;
      --asan) with_asan=yes; shift ;;
      --preset) preset="${2:?--preset needs a name}"; shift 2 ;;
      --filter) filter="${2:?--filter needs an expression}"; shift 2 ;;
      *) echo "unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
  done
}

heading() {
  printf '\n== %s ==\n' "$1"
}

record() {
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok: $1"
  else
    failed=$((failed + 1))
    failures+=("$1")
    echo "FAILED: $1"
  fi
}

skip() {
  skipped=$((skipped + 1))
  echo "skipped: $1 ($2)"
}

# check NAME COMMAND…: one check that passes or fails.
check() {
  local name="$1" status=0
  shift
  "$@" || status=$?
  record "$name" "$status"
}

cpp_files() {
  git ls-files --cached --others --exclude-standard -- '*.cpp' '*.h' '*.c'
}

check_format() {
  cpp_files | xargs --no-run-if-empty clang-format-19 --dry-run --Werror
}

build() {
  cmake --preset "$1" >"build/$1-configure.log" 2>&1 ||
    { tail -n 40 "build/$1-configure.log"; return 1; }
  NINJA_STATUS='[%f/%t %e s] ' cmake --build "build/$1" --parallel "$(build_jobs)"
}

# From ctest's JUnit file: "passed failed skipped" on the first line, then one line for each test that
# was skipped or failed, with the reason that a skipped test gave.
summarise() {
  awk '
    /<testcase / { match($0, /name="[^"]*"/); name = substr($0, RSTART + 6, RLENGTH - 7); reason = "" }
    /status="run"/ { passed++ }
    /status="fail"/ { failed++; lines = lines "FAILED: " name "\n" }
    /status="(notrun|disabled)"/ { skipped++; waiting = 1 }
    after_skip && waiting { reason = $0; after_skip = 0 }
    /: Skipped$/ { after_skip = 1 }
    /<\/testcase>/ && waiting {
      lines = lines "skipped: " name " (" (reason == "" ? "no reason given" : reason) ")\n"
      waiting = 0; after_skip = 0
    }
    END { printf "%d %d %d\n%s", passed, failed, skipped, lines }' "$1"
}

# run_tests PRESET [ctest option…]
run_tests() {
  local directory="build/$1" report summary counts status=0
  shift
  report="$PWD/$directory/tests.xml"
  rm -f "$report"
  ctest --test-dir "$directory" --parallel "$(nproc)" --timeout 300 --output-on-failure \
    --no-tests=error --output-junit "$report" "$@" >"$directory/tests.log" 2>&1 || status=$?
  if [ ! -s "$report" ]; then
    tail -n 40 "$directory/tests.log"
    record "ctest in $directory" 1
    return
  fi
  if [ "$status" -ne 0 ]; then
    # The output of what failed, without the lines of what passed.
    grep -v ' Passed \| *Start ' "$directory/tests.log" | head -n 400 || true
  fi
  summary="$(summarise "$report")"
  read -r -a counts <<<"$(head -n 1 <<<"$summary")"
  passed=$((passed + counts[0]))
  failed=$((failed + counts[1]))
  skipped=$((skipped + counts[2]))
  tail -n +2 <<<"$summary"
  while read -r line; do
    failures+=("${line#FAILED: }")
  done < <(grep '^FAILED: ' <<<"$summary" || true)
  # A crash of ctest itself, or an empty list, must not look like success.
  if [ "$status" -ne 0 ] && [ "${counts[1]}" -eq 0 ]; then
    record "ctest in $directory (exit $status)" 1
  fi
  echo "${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped in $directory"
}

# A reader of the last release must understand what this tree writes, and the other way round.
check_schemas() {
  local schema status=0
  for schema in tests/wire-baseline/*.fbs; do
    if [ ! -e "schemas/wire/$(basename "$schema")" ]; then
      echo "schemas/wire/$(basename "$schema") is gone, but the last release has it"
      status=1
      continue
    fi
    flatc --conform "$schema" --conform-includes tests/wire-baseline -I schemas/wire \
      "schemas/wire/$(basename "$schema")" || status=1
  done
  return "$status"
}

check_pipelines() {
  local pipeline status=0
  for pipeline in pipelines/*.toml; do
    "build/$preset/bin/gala" check "$pipeline" || status=1
  done
  return "$status"
}

check_scripts() {
  local script status=0
  for script in deploy/*.sh tests/*.sh .ci/run; do
    bash -n "$script" || status=1
  done
  return "$status"
}

check_tidy() {
  git ls-files -- 'runtime/*.cpp' 'stages/*.cpp' |
    xargs --no-run-if-empty --max-procs="$(build_jobs)" --max-args=4 \
      clang-tidy-19 --quiet --warnings-as-errors='*' -p "build/$preset"
}

main() {
  parse_options "$@"
  heading "packages"
  install_packages build run demo test
  mkdir -p build

  heading "build ($preset)"
  check "build of $preset" build "$preset"
  if [ "$failed" -eq 0 ]; then
    heading "tests"
    run_tests "$preset" ${filter:+--tests-regex "$filter"}
  else
    skip "tests" "the build failed"
  fi
  if [ -z "$filter" ]; then
    heading "checks"
    check "format (clang-format-19)" check_format
    check "shell syntax" check_scripts
    check "message schemas conform to tests/wire-baseline" check_schemas
    check "gala check of pipelines/*.toml" check_pipelines
    check "reference pages are current (gala docs --check)" "build/$preset/bin/gala" docs --check
    if [ -d "${GALA_EVAL_DATA:-}" ]; then
      check "accuracy on public data" tests/accuracy/run.py --bin "build/$preset/bin"
    else
      skip "accuracy on public data" "GALA_EVAL_DATA names no folder"
    fi
    if [ "$with_tidy" = yes ]; then
      check "clang-tidy-19" check_tidy
    else
      skip "clang-tidy-19" "only with --tidy"
    fi
  fi
  if [ "$with_asan" = yes ]; then
    heading "sanitizers"
    check "build of asan" build asan
    # What starts many processes or loads probes is too slow, or not permitted, under a sanitizer.
    run_tests asan --exclude-regex '^(kernel|pipeline|demo|kafka)\.'
  fi

  heading "result"
  if [ "$failed" -gt 0 ]; then
    printf 'failed: %s\n' "${failures[@]}"
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

main "$@"
