#!/bin/bash
# Everything that is tested, in one command, on a clean clone: installs packages, then runs parts.
#   rules  what needs no build: syntax, format, tests/tidy, message schemas
#   tests  build, tests, pipelines, reference pages
#   lint   clang-tidy-19 on what changed
#   asan   unit tests under the sanitizers of addresses and undefined behaviour
#   tsan   unit tests of what has threads under the thread sanitizer
#   fuzz   every fuzz target over its kept inputs, then for a minute
# Usage: tests/run.sh [--full | --only PART,…] [--keep-going] [--preset dev|release]
#                     [--filter REGEX] [--fuzz SECONDS]
#   --full        all parts; without it, rules and tests
#   --only        these parts
#   --fuzz SECONDS  of each fuzz target's own inputs; 60 without it
#   --keep-going  begins a part also when one before it has failed
#   --filter      only tests (of lint: files, of fuzz: targets) whose names match; without --only,
#                 only the part tests
# Ends with "N passed, N failed, N skipped" and how to run each failure again; exit 1 after one.
# REQUIRE_KERNEL=1 makes kernel tests fail, instead of skip, where they are not permitted.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/packages.sh

preset=dev
filter=""
parts=(rules tests)
keep_going=no
fuzz_seconds=60
passed=0
failed=0
skipped=0
failures=()

parse_options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) sed -n '2,/^set/s/^# //p' "$0"; exit 0 ;;
      --full) parts=(rules tests lint asan tsan fuzz); shift ;;
      --only)
        IFS=, read -r -a parts <<<"${2:?--only needs a part}"
        [[ "$2" =~ ^(rules|tests|lint|asan|tsan|fuzz|,)+$ ]] ||
          { echo "unknown part in $2 (see --help)" >&2; exit 2; }
        shift 2 ;;
      --fuzz) fuzz_seconds="${2:?--fuzz needs seconds}"; shift 2 ;;
      --keep-going) keep_going=yes; shift ;;
      --preset) preset="${2:?--preset needs a name}"; shift 2 ;;
      --filter) filter="${2:?--filter needs an expression}"; shift 2 ;;
      *) echo "unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
  done
  if [ -n "$filter" ] && [ "${#parts[@]}" -gt 1 ]; then
    parts=(tests)
  fi
}

# begin PART ABOUT
part=""
part_began=0
begin() {
  end_part
  part="$1"
  part_began=$SECONDS
  printf '\n== %s: %s ==\n' "$1" "$2"
}

end_part() {
  if [ -n "$part" ]; then
    echo "-- $part: $((SECONDS - part_began)) s"
  fi
}

# fail NAME [FILTER]: FILTER is what --filter needs to run this alone.
fail() {
  local again="tests/run.sh --only $part${2:+ --filter '$2'}"
  if [ "$preset" != dev ]; then
    again+=" --preset $preset"
  fi
  failed=$((failed + 1))
  failures+=("$1"$'\n'"    again: $again")
}

# record NAME STATUS [FILTER]
record() {
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok: $1"
  else
    echo "FAILED: $1"
    fail "$1" "${3:-}"
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

# each NAME FUNCTION ITEM…: a check of each item, as many at a time as there are cores. Prints the
# last line of what FUNCTION says, or more when it fails; with exit 77 that line says why it skips.
each() {
  local name="$1" function="$2" item pid log status
  local -A running=()
  shift 2
  mkdir -p "build/$part"
  for item in "$@" ""; do
    while [ "${#running[@]}" -gt 0 ] &&
      { [ -z "$item" ] || [ "${#running[@]}" -ge "$(build_jobs)" ]; }; do
      status=0
      wait -n -p pid "${!running[@]}" || status=$?
      finish_item "$name" "${running[$pid]}" "$status"
      unset "running[$pid]"
    done
    if [ -n "$item" ]; then
      log="$(log_of "$item")"
      "$function" "$item" >"$log" 2>&1 &
      running[$!]="$item"
    fi
  done
}

log_of() {
  echo "build/$part/${1//\//-}.log"
}

# finish_item NAME ITEM STATUS
finish_item() {
  local log last
  log="$(log_of "$2")"
  last="$(tail -n 1 "$log")"
  if [ "$3" -eq 77 ]; then
    skip "$1 $2" "$last"
    return
  fi
  if [ "$3" -ne 0 ]; then
    tail -n 60 "$log"
    last="exit $3, all of it in $log"
  fi
  record "$1 $2${last:+ ($last)}" "$3" "$2"
}

cpp_files() {
  git ls-files --cached --others --exclude-standard -- '*.cpp' '*.h' '*.c'
}

check_format() {
  cpp_files | xargs --no-run-if-empty clang-format-19 --dry-run --Werror
}

# build PRESET TARGET
build() {
  cmake --preset "$1" >"build/$1-configure.log" 2>&1 ||
    { tail -n 40 "build/$1-configure.log"; return 1; }
  NINJA_STATUS='[%f/%t %e s] ' cmake --build "build/$1" --target "$2" --parallel "$(build_jobs)"
}

# From ctest's JUnit file: "passed failed skipped" on the first line, then one line for each test
# that was skipped or failed, with the reason that a skipped test gave.
summarise() {
  awk '
    /<testcase / {
      match($0, /name="[^"]*"/)
      name = substr($0, RSTART + 6, RLENGTH - 7)
      reason = ""
    }
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
  local directory="build/$1" report summary counts line status=0
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
  skipped=$((skipped + counts[2]))
  tail -n +2 <<<"$summary"
  while read -r line; do
    fail "$line in $directory" "^$line\$"
  done < <(sed -n 's/^FAILED: //p' <<<"$summary")
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
  while read -r script; do
    bash -n "$script" || status=1
  done < <(git ls-files '*.sh' .ci/run)
  return "$status"
}

# What a pull request would show: .cpp files of the commits since the newest tag, else of the last
# day, else of the last commit; those of the newest commits first, at most 24 (20 s of a core each).
# Unit tests are left out: clang-tidy does not see what GoogleTest's ASSERT_* guarantee. So is
# main.cpp of stages: clang does not compile stage.h's dispatch for a source, which has no on().
changed_sources() {
  local range tag source count=0
  if tag="$(git describe --tags --abbrev=0 2>/dev/null)"; then
    range=("$tag..HEAD")
  elif [ -n "$(git log --since=24.hours --format=%h --max-count=1)" ]; then
    range=(--since=24.hours)
  else
    range=(--max-count=1)
  fi
  while read -r source && [ "$count" -lt 24 ]; do
    if [ -e "$source" ]; then
      echo "$source"
      count=$((count + 1))
    fi
  done < <(git log "${range[@]}" --name-only --format= -- 'runtime/*.cpp' 'stages/*.cpp' \
    ':!*_test.cpp' ':!stages/*/main.cpp' |
    awk '!seen[$0]++')
}

# Files that have not begun when the time is up are skipped: those of the newest commits came first.
lint_one() {
  if [ "$SECONDS" -ge "$lint_until" ]; then
    echo "no time is left; alone: clang-tidy-19 -p build/$preset $1"
    return 77
  fi
  timeout 300 clang-tidy-19 --quiet --warnings-as-errors='*' -p "build/$preset" "$1" 2>&1 |
    sed '/warnings\? generated/d'
}

# Unit tests of one sanitizer's build. What crosses folders starts many processes or loads probes:
# too slow, or not permitted, under a sanitizer; its tests are named after the folders of tests/.
run_sanitized() {
  local across before="$failed"
  check "build of $1" build "$1" "$2"
  if [ "$failed" -gt "$before" ]; then
    return
  fi
  across="$(printf '%s|' tests/*/ | sed 's,tests/,,g; s,/,,g')kernel"
  run_tests "$1" --exclude-regex "_NOT_BUILT|^($across)\\." --label-exclude kernel \
    ${filter:+--tests-regex "$filter"}
}

fuzz_kept() {
  "build/asan/bin/$1" -runs=0 -timeout=10 -rss_limit_mb=1024 "tests/fuzz/corpus/$1"
}

# A target's own inputs for a while. What it finds stays in build/.
fuzz_on() {
  local found="build/fuzz/found/$1"
  mkdir -p "$found"
  timeout $((fuzz_seconds + 60)) "build/asan/bin/$1" -max_total_time="$fuzz_seconds" \
    -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$found/" "$found" "tests/fuzz/corpus/$1"
}

part_rules() {
  begin rules "what needs no build"
  check "shell syntax" check_scripts
  check "format (clang-format-19)" check_format
  check "the tree keeps its rules (tests/tidy)" tests/tidy/tidy.py
  check "message schemas conform to tests/wire-baseline" check_schemas
}

part_tests() {
  begin tests "build of $preset, and its tests"
  check "build of $preset" build "$preset" all
  if [ "$failed" -gt 0 ] && [ ! -x "build/$preset/bin/gala" ]; then
    skip "tests" "the build failed"
    return
  fi
  echo "-- built after $((SECONDS - part_began)) s"
  run_tests "$preset" ${filter:+--tests-regex "$filter"}
  if [ -n "$filter" ]; then
    return
  fi
  check "gala check of pipelines/*.toml" check_pipelines
  check "reference pages are current (gala docs --check)" "build/$preset/bin/gala" docs --check
  if [ -d "${GALA_EVAL_DATA:-}" ]; then
    check "accuracy on public data" tests/accuracy/run.py --bin "build/$preset/bin"
  else
    skip "accuracy on public data" "GALA_EVAL_DATA names no folder"
  fi
}

part_lint() {
  local sources lint_until=$((SECONDS + 120))
  begin lint "clang-tidy-19 on what changed"
  # It reads how files are compiled, and generated headers.
  check "generated headers" build "$preset" gala_wire_headers
  mapfile -t sources < <(changed_sources | grep -E -- "${filter:-.}" || true)
  each "clang-tidy-19" lint_one "${sources[@]}"
}

part_asan() {
  begin asan "unit tests under the sanitizers of addresses and of undefined behaviour"
  run_sanitized asan unit_tests
}

part_tsan() {
  begin tsan "unit tests of what has threads under the thread sanitizer"
  run_sanitized tsan threaded_tests
}

part_fuzz() {
  local targets before="$failed"
  begin fuzz "every fuzz target over its kept inputs, then $fuzz_seconds s on its own"
  check "build of fuzz targets" build asan fuzz_targets
  if [ "$failed" -gt "$before" ]; then
    return
  fi
  mapfile -t targets < <(basename --suffix=.cpp -a tests/fuzz/*_fuzz.cpp |
    grep -E -- "${filter:-.}" || true)
  each "kept inputs of" fuzz_kept "${targets[@]}"
  each "$fuzz_seconds s of" fuzz_on "${targets[@]}"
}

main() {
  local name
  parse_options "$@"
  part=packages
  install_packages build run demo test bench
  if [[ " ${parts[*]} " =~ \ (lint|asan|tsan|fuzz)\  ]]; then
    install_packages full
  fi
  mkdir -p build
  # Reports with functions and lines; clang 19 looks for a symbolizer of its own version only.
  export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer
  export TSAN_OPTIONS="external_symbolizer_path=$ASAN_SYMBOLIZER_PATH"
  export UBSAN_OPTIONS="print_stacktrace=1:external_symbolizer_path=$ASAN_SYMBOLIZER_PATH"
  for name in "${parts[@]}"; do
    if [ "$failed" -gt 0 ] && [ "$keep_going" = no ]; then
      skip "$name" "a part before it failed; --keep-going goes on"
    else
      "part_$name"
    fi
  done
  end_part

  printf '\n== result after %d s ==\n' "$SECONDS"
  if [ "$failed" -gt 0 ]; then
    printf 'failed: %s\n' "${failures[@]}"
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

main "$@"
