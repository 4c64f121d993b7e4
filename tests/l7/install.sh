#!/bin/bash
# Builds the servers that the test of protocols needs and that no package has, once: a gRPC server
# in Go, and FerretDB (MongoDB's protocol). Modules come from the Go proxy. Its last line names the
# folder of the programs, which is outside the repository.
# Usage: tests/l7/install.sh [--offline]     (--offline: fail when something is to be built)
set -euo pipefail
cd "$(dirname "$0")/go"

cache="${GALA_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gala-tests}"
# Programs of other sources are other programs.
programs="$cache/l7-$(cat */go.mod */main.go | sha256sum | cut -c1-12)"

if [ -e "$programs/complete" ]; then
  echo "$programs"
  exit 0
fi
if [ "${1:-}" = "--offline" ]; then
  echo "the servers in Go are not installed; run tests/l7/install.sh" >&2
  exit 1
fi

if ! command -v go >/dev/null; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get install --yes --no-install-recommends golang-go >&2
fi
# is_new_enough FOLDER: whether this Go compiles the module. It is not to fetch another Go itself.
export GOTOOLCHAIN=local
is_new_enough() {
  local wanted have
  wanted="$(awk '$1 == "go" { print $2 }' "$1/go.mod")"
  have="$(go env GOVERSION | sed 's/^go//')"
  [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort --version-sort | head -n 1)" = "$wanted" ]
}

mkdir -p "$programs"
for folder in */; do
  folder="${folder%/}"
  if ! is_new_enough "$folder"; then
    echo "$folder is left out: it needs Go $(awk '$1 == "go" { print $2 }' "$folder/go.mod")" >&2
    continue
  fi
  (cd "$folder" && go build -o "$programs/$folder" .) >&2
done
touch "$programs/complete"
echo "$programs"
