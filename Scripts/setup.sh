# Sourced by ./brake and ./check: what a build needs from the machine. POSIX sh.

# Puts the folder of a Swift 6 toolchain first in PATH. Another program may be called swift (OpenStack's client is), so
# each candidate is asked what it is.
find_swift() {
  for folder in "${SWIFT_HOME:+$SWIFT_HOME/usr/bin}" "${SWIFT_HOME:+$SWIFT_HOME/bin}" "${SWIFT_HOME:-}" \
    "$(command -v swift 2>/dev/null | sed 's|/[^/]*$||')" /opt/swift/usr/bin "$HOME/.local/share/swiftly/bin" \
    "$HOME/.swiftly/bin" /usr/share/swift/bin /usr/share/swift/usr/bin /usr/libexec/swift/bin \
    /usr/local/swift/usr/bin /usr/local/bin /usr/bin; do
    [ -n "$folder" ] && [ -x "$folder/swift" ] || continue
    case "$("$folder/swift" --version 2>/dev/null </dev/null)" in
    *"Swift version "[6-9].* | *"Swift version "[1-9][0-9].*)
      PATH="$folder:$PATH"
      export PATH
      return 0
      ;;
    esac
  done
  echo "brake: no Swift 6 toolchain was found in PATH or the usual places" >&2
  echo "  hint: install one from https://www.swift.org/install/linux and put it in PATH, or set SWIFT_HOME" >&2
  return 2
}

# Installs the Debian packages that are missing, and says which and what for; with --check those of the tests too, with --all also
# those of the slow ones.
install_packages() {
  missing=
  [ -e /usr/include/zstd.h ] || missing="$missing libzstd-dev"
  [ -e /usr/include/yaml.h ] || missing="$missing libyaml-dev"
  [ -e /usr/include/openssl/sha.h ] || missing="$missing libssl-dev"
  command -v git >/dev/null 2>&1 || missing="$missing git"
  command -v gnuplot >/dev/null 2>&1 || missing="$missing gnuplot-nox"
  command -v xz >/dev/null 2>&1 || missing="$missing xz-utils"
  command -v zstd >/dev/null 2>&1 || missing="$missing zstd"
  # brake works without it, and says then what nobody notices: not worth a password.
  if [ -n "$missing" ] || [ -n "${1:-}" ] || [ "$(id -u)" -eq 0 ]; then
    command -v bwrap >/dev/null 2>&1 || missing="$missing bubblewrap"
  fi
  purposes="libzstd: storage, libyaml: pipeline files, libssl: SHA-256, gnuplot: figures, xz and zstd: compressed curves, git: the build, bubblewrap: sandboxes"
  if [ -n "${1:-}" ]; then
    command -v python3 >/dev/null 2>&1 || missing="$missing python3"
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing="$missing python3-venv"
    command -v skopeo >/dev/null 2>&1 || missing="$missing skopeo"
    command -v umoci >/dev/null 2>&1 || missing="$missing umoci"
    [ -x /bin/busybox ] || missing="$missing busybox-static"
    command -v siftool >/dev/null 2>&1 || missing="$missing siftool"
    { command -v mksquashfs && command -v unsquashfs; } >/dev/null 2>&1 || missing="$missing squashfs-tools"
    purposes="$purposes, python3 and python3-venv: tests of the Python package"
    purposes="$purposes, skopeo, umoci, busybox, siftool and squashfs-tools: container images for tests (80 MB)"
  fi
  if [ "${1:-}" = --all ]; then
    command -v strace >/dev/null 2>&1 || missing="$missing strace"
    [ -e /usr/sbin/mkfs.xfs ] || missing="$missing xfsprogs"
    command -v ninja >/dev/null 2>&1 || missing="$missing ninja-build"
    command -v make >/dev/null 2>&1 || missing="$missing make"
    command -v cc >/dev/null 2>&1 || missing="$missing gcc"
    [ -x /usr/sbin/mkfs.xfs ] || command -v mkfs.xfs >/dev/null 2>&1 || missing="$missing xfsprogs"
    command -v qemu-aarch64 >/dev/null 2>&1 || missing="$missing qemu-user"
    [ -d /usr/aarch64-linux-gnu/include ] || missing="$missing gcc-aarch64-linux-gnu"
    purposes="$purposes, the others: faults, races and the kernels on aarch64"
  fi
  [ -n "$missing" ] || return 0

  echo "brake: installing$missing ($purposes)" >&2
  install="apt-get install -y --no-install-recommends$missing"
  sudo=
  if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null 2>&1; then
      echo "brake: this takes root, and there is no sudo; as root, run: $install" >&2
      return 2
    fi
  fi
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "brake: this is no Debian or Ubuntu; install the equivalents of$missing by hand" >&2
    return 2
  fi
  log=$(mktemp)
  for attempt in 1 2; do
    # shellcheck disable=SC2086 # a list of packages
    if $sudo env DEBIAN_FRONTEND=noninteractive $install >"$log" 2>&1 </dev/null; then
      rm -f "$log"
      return 0
    fi
    # The lists may be missing or old.
    [ "$attempt" = 1 ] && $sudo apt-get update >>"$log" 2>&1
  done
  tail -n 5 "$log" >&2
  rm -f "$log"
  echo "brake: the packages could not be installed; run: ${sudo:+$sudo }$install" >&2
  return 2
}
