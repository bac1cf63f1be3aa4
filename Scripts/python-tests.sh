#!/usr/bin/env bash
# Tests of the Python package, installed by pip from the checkout into an environment of its own, against the release binary.
#   Scripts/python-tests.sh [--all] [COUNTS]     --all installs pandas and safetensors, too; COUNTS is a file for the numbers
# What is installed for the system's Python, such as torch, can be used there, and what is not is skipped.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
packages=("numpy>=1.22" "zstandard>=0.18" "setuptools>=61" wheel)
if [ "${1:-}" = --all ]; then
  shift
  packages+=(pandas safetensors)
fi
counts=$(readlink -m "${1:-.build/python-tests.counts}")
export BRAKE_BINARY="${BRAKE_BINARY:-$PWD/.build/release/brake}"

environment=$PWD/.build/python-venv
stamp="$(python3 -c 'import sys; print(sys.executable, sys.version)') ${packages[*]}"
if [ "$(cat "$environment/stamp" 2>/dev/null)" != "$stamp" ]; then
  mkdir -p .build
  rm -rf "$environment"
  python3 -m venv --system-site-packages "$environment"
  for attempt in 1 2 3; do
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" && break
    [ "$attempt" -lt 3 ] || {
      echo "tests of the Python package skipped: ${packages[*]} cannot be installed from the package index" >&2
      echo "0 0 1" >"$counts"
      exit 0
    }
    sleep 5
  done
  echo "$stamp" >"$environment/stamp"
fi

# A copy is built: what setuptools leaves beside the sources would be installed the next time.
package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT
cp -r python/brake python/pyproject.toml python/README.md "$package"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
  --force-reinstall "$package"
PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" -W error::ResourceWarning python/tests/run.py "$counts"
