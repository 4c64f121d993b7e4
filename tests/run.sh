#!/bin/bash
# Everything that is tested, in one command, on a clean clone: packages, then what needs no build
# (syntax, format, tests/tidy, message schemas), the build, the tests, pipelines, reference pages.
# Ends with "N passed, N failed, N skipped"; exit 1 when one failed.
# Usage: tests/run.sh [--full] [--keep-going] [--preset dev|release] [--filter REGEX]
#   --full        also clang-tidy-19 on what changed, sanitizers, fuzzing
#   --keep-going  build and test also when what needs no build has failed
#   --filter      only the tests whose names match (then no other checks)
# REQUIRE_KERNEL=1 makes kernel tests fail, instead of skip, where they are not permitted.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/packages.sh

preset=dev
filter=""
full=no
keep_going=no
passed=0
failed=0
skipped=0
failures=()

parse_options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) sed -n '2,9s/^# //p' "$0"; exit 0 ;;
      --full) full=yes; shift ;;
      --keep-going) keep_going=yes; shift ;;
      --preset) preset="${2:?--preset needs a name}"; shift 2 ;;
      --filter) filter="${2:?--filter needs an expression}"; shift 2 ;;
      *) echo "unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
  done
}

# heading NAME: begins a part and says how long the one before took.
part=""
part_began=0
heading() {
  if [ -n "$part" ]; then
    echo "-- $part: $((SECONDS - part_began)) s"
  fi
  part="$1"
  part_began=$SECONDS
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
  while read -r script; do
    bash -n "$script" || status=1
  done < <(git ls-files '*.sh' .ci/run)
  return "$status"
}

# What a pull request would show: .cpp files of the commits since the newest tag, else of the last
# day, else of the last commit; those of the newest commits first, at most 24 (20 s of a core each).
# Unit tests are left out: clang-tidy does not see what GoogleTest's ASSERT_* guarantee.
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
    ':!*_test.cpp' |
    awk '!seen[$0]++')
}

check_clang_tidy() {
  local sources
  sources="$(changed_sources)"
  echo "$(wc -w <<<"$sources") changed files"
  xargs --no-run-if-empty --max-procs="$(build_jobs)" --max-args=2 \
    timeout 300 clang-tidy-19 --quiet --warnings-as-errors='*' -p "build/$preset" <<<"$sources"
}

# Unit tests of one sanitizer's build. What crosses folders starts many processes or loads probes:
# too slow, or not permitted, under a sanitizer; its tests are named after the folders of tests/.
run_sanitized() {
  local across
  check "build of $1" build "$1" "$2"
  across="$(printf '%s|' tests/*/ | sed 's,tests/,,g; s,/,,g')kernel"
  run_tests "$1" --exclude-regex "_NOT_BUILT|^($across)\\." --label-exclude kernel
}

# A target over its kept corpus, then for a minute on its own. What it finds stays in build/.
fuzz_one() {
  local target="$1" log="build/fuzz/$1.log" found="build/fuzz/found/$1"
  mkdir -p "$found"
  if "build/fuzz/bin/$target" -runs=0 "tests/fuzz/corpus/$target" >"$log" 2>&1 &&
    timeout 120 "build/fuzz/bin/$target" -max_total_time=60 -timeout=10 -rss_limit_mb=1024 \
      -artifact_prefix="$found/crash-" "$found" "tests/fuzz/corpus/$target" >>"$log" 2>&1; then
    grep --max-count=1 'DONE' "$log" | sed "s/^/$target: /" || true
    return 0
  fi
  tail -n 40 "$log"
  return 1
}

fuzz_all() {
  local target running=() names=()
  wait_for_oldest() {
    local status=0
    wait "${running[0]}" || status=$?
    record "fuzz ${names[0]}" "$status"
    running=("${running[@]:1}")
    names=("${names[@]:1}")
  }
  for target in tests/fuzz/*_fuzz.cpp; do
    target="$(basename "$target" .cpp)"
    if [ "${#running[@]}" -ge "$(nproc)" ]; then
      wait_for_oldest
    fi
    fuzz_one "$target" &
    running+=("$!")
    names+=("$target")
  done
  while [ "${#running[@]}" -gt 0 ]; do
    wait_for_oldest
  done
}

# What needs no build.
run_fast() {
  heading "what needs no build"
  check "shell syntax" check_scripts
  check "format (clang-format-19)" check_format
  check "the tree keeps its rules (tests/tidy)" tests/tidy/tidy.py
  check "message schemas conform to tests/wire-baseline" check_schemas
}

run_built() {
  heading "build ($preset)"
  check "build of $preset" build "$preset" all
  if [ "$failed" -gt 0 ] && [ ! -x "build/$preset/bin/gala" ]; then
    skip "tests" "the build failed"
    return
  fi
  heading "tests"
  run_tests "$preset" ${filter:+--tests-regex "$filter"}
  if [ -n "$filter" ]; then
    return
  fi
  heading "pipelines and pages"
  check "gala check of pipelines/*.toml" check_pipelines
  check "reference pages are current (gala docs --check)" "build/$preset/bin/gala" docs --check
  if [ -d "${GALA_EVAL_DATA:-}" ]; then
    check "accuracy on public data" tests/accuracy/run.py --bin "build/$preset/bin"
  else
    skip "accuracy on public data" "GALA_EVAL_DATA names no folder"
  fi
}

run_full() {
  if [ "$full" = no ]; then
    skip "clang-tidy-19, sanitizers, fuzzing" "only with --full"
    return
  fi
  heading "clang-tidy-19 on what changed"
  check "clang-tidy-19" check_clang_tidy
  heading "unit tests under address and undefined-behaviour sanitizers"
  run_sanitized asan unit_tests
  heading "unit tests of what has threads under the thread sanitizer"
  run_sanitized tsan threaded_tests
  heading "fuzzing"
  check "build of fuzz" build fuzz fuzz_targets
  fuzz_all
}

main() {
  parse_options "$@"
  heading "packages"
  install_packages build run demo test bench
  mkdir -p build
  if [ -z "$filter" ]; then
    run_fast
  fi
  if [ "$failed" -gt 0 ] && [ "$keep_going" = no ]; then
    skip "build and tests" "what needs no build has failed; --keep-going goes on"
  else
    run_built
    if [ -z "$filter" ]; then
      run_full
    fi
  fi

  heading "result after $SECONDS s"
  if [ "$failed" -gt 0 ]; then
    printf 'failed: %s\n' "${failures[@]}"
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

main "$@"
