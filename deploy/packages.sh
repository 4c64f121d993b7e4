# Sourced by deploy/quickstart.sh and tests/run.sh: installs the packages of deploy/packages.txt.

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "need root for: $*" >&2
    echo "become root, or install sudo, and run this again" >&2
    return 1
  fi
}

# packages_for USE…: names from packages.txt, one a line.
packages_for() {
  local list
  list="$(dirname "${BASH_SOURCE[0]}")/packages.txt"
  awk -v uses=" $* " '!/^#/ && NF && index(uses, " " $1 " ") { print $2 }' "$list"
}

package_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages USE…: nothing happens, and no network is needed, when all are there. The services
# that some packages bring (redis, supervisor) are not started: what we need we start ourselves.
install_packages() {
  local missing=() package
  for package in $(packages_for "$@"); do
    package_installed "$package" || missing+=("$package")
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    return 0
  fi
  echo "installing ${#missing[@]} packages: ${missing[*]}"
  install_unstarted "${missing[@]}"
}

# install_unstarted PACKAGE…: in a subshell, whose traps take the policy away however it ends.
install_unstarted() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  as_root apt-get update --quiet --quiet &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes \
      --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null
)

# As many compilers as there are cores and memory for (one takes about 1.5 GB).
build_jobs() {
  local cores memory
  cores="$(nproc)"
  memory="$(awk '/^MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)"
  if [ "$memory" -lt 1 ]; then
    memory=1
  fi
  echo $((cores < memory ? cores : memory))
}
