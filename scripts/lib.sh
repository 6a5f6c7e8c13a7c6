# Shared by the scripts beside it, which source it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools # everything that set-up brings lives here; deleting it starts afresh
target_dir=${CARGO_TARGET_DIR:-$root/target}

say() { printf '==> %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "this needs root or sudo: $*"
  fi
}

# apt_install PACKAGE...: installs those that are missing; quiet and quick when none is.
apt_install() {
  local package missing=()
  have apt-get || fail "no apt-get here; install by hand: $*"
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  say "apt: installing ${missing[*]}"
  # Lists on the machine may name versions that the mirror no longer has: update once, then install.
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

venv=$tools/venv

# A Python environment of the project's own, so that nothing is installed into the machine's.
ensure_venv() {
  [ -x "$venv/bin/pip" ] && return
  have python3 || apt_install python3
  say "python: making .tools/venv with $(python3 --version)"
  mkdir -p "$tools"
  # Debian splits venv and pip off; what a failed try left behind is cleared.
  python3 -m venv --clear "$venv" >/dev/null 2>&1 || { apt_install python3-venv && python3 -m venv --clear "$venv"; }
}
