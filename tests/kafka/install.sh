#!/bin/bash
# Fetches what the Kafka test needs, once: a Java runtime and Maven from Debian, Apache Kafka's jars
# from Maven Central into a cache outside the repository. Its last line names the jars' folder.
# Usage: tests/kafka/install.sh [--offline]     (--offline: fail when something must be fetched)
set -euo pipefail
cd "$(dirname "$0")"

cache="${GALA_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gala-tests}"
# The jars of another pom.xml are other jars.
jars="$cache/kafka-$(sha256sum pom.xml | cut -c1-12)"

if [ -e "$jars/complete" ] && command -v java >/dev/null; then
  echo "$jars"
  exit 0
fi
if [ "${1:-}" = "--offline" ]; then
  echo "the Kafka broker is not installed; run tests/kafka/install.sh" >&2
  exit 1
fi

missing=()
command -v java >/dev/null || missing+=(default-jre-headless)
command -v mvn >/dev/null || missing+=(maven)
if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get install --yes --no-install-recommends "${missing[@]}" >&2
fi

mkdir -p "$jars"
# What Maven says (also warnings of its Java) would mix with the last line, which names the folder.
if ! mvn --batch-mode --quiet --file pom.xml dependency:copy-dependencies \
  -DoutputDirectory="$jars" -DincludeScope=runtime >"$jars/install.log" 2>&1; then
  cat "$jars/install.log" >&2
  exit 1
fi
touch "$jars/complete"
echo "$jars"
