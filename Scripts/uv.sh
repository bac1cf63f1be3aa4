#!/usr/bin/env bash
# Prints a folder with the program uv, for the tests of environments that are made of a uv.lock: installed from the package index into an
# environment of its own, unless it is there.
#   PATH="$PATH:$(Scripts/uv.sh)"
# Exits with 3, and says so, where the package index cannot be reached.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
environment=$PWD/.build/uv-venv
stamp=$(python3 -c 'import sys; print(sys.executable, sys.version)')
if [ "$(cat "$environment/stamp" 2>/dev/null)" != "$stamp" ]; then
  mkdir -p .build
  rm -rf "$environment"
  python3 -m venv "$environment"
  for attempt in 1 2 3; do
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "uv>=0.5" >&2 && break
    [ "$attempt" -lt 3 ] || {
      echo "uv cannot be installed from the package index: the tests of environments of a uv.lock are skipped" >&2
      exit 3
    }
    sleep 5
  done
  # Apart from the environment's own Python, which is not what tests are to find.
  mkdir "$environment/only-uv"
  ln -s ../bin/uv "$environment/only-uv/uv"
  echo "$stamp" >"$environment/stamp"
fi
echo "$environment/only-uv"
