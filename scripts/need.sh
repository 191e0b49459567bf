# Sourced by the other scripts: installs what is missing on a fresh Debian 12 and says so.

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# install PACKAGE WHY
install() {
  say "installing $1 (for $2)"
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  if [ -z "${atoll_apt_updated:-}" ]; then
    $sudo apt-get update -qq
    atoll_apt_updated=1
  fi
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "$1" >/dev/null
}

# need COMMAND PACKAGE: installs PACKAGE where COMMAND is missing.
need() { command -v "$1" >/dev/null 2>&1 || install "$2" "$1"; }

# need_file FILE PACKAGE: the same where it is no command that is missing.
need_file() { [ -e "$1" ] || install "$2" "$1"; }

# `atoll-card` is linked to the PC/SC library; nothing else is.
need_to_build_cards() {
  need pkg-config pkg-config
  need_file /usr/include/PCSC/winscard.h libpcsclite-dev
}

# Other people's models of FHIR, in a folder of its own below target; without a network the tests that ask them say so.
need_fhir() {
  [ -e target/fhir/ready ] && return
  need_file /usr/share/doc/python3-venv/copyright python3-venv
  say "installing fhir.resources (for what is published of places)"
  if python3 -m venv target/fhir && target/fhir/bin/pip install --quiet --disable-pip-version-check fhir.resources==8.3.0; then
    touch target/fhir/ready
  fi
}

# The C parts of SQLite, zstd and the cryptography need a compiler.
need_to_build() {
  need cc build-essential
  need cargo cargo
  if ! cargo --version | awk '{ split($2, v, "."); exit !(v[1] > 1 || v[2] >= 92) }'; then
    say "Rust 1.92 or newer is needed; $(cargo --version) is here. Install it with rustup."
    exit 2
  fi
}
