#!/usr/bin/env bash
# Prints a folder with programs for the tests of Python environments: uv, and a Python with rattler, which installs packages of conda's.
# They are installed from the package index into an environment of their own, unless they are there.
#   PATH="$PATH:$(Scripts/python-tools.sh)"
# Exits with 3, and says so, where the package index cannot be reached.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
environment=$PWD/.build/python-tools
stamp=$(python3 -c 'import sys; print(sys.executable, sys.version)')
if [ "$(cat "$environment/stamp" 2>/dev/null)" != "$stamp" ]; then
  mkdir -p .build
  rm -rf "$environment"
  python3 -m venv "$environment"
  for attempt in 1 2 3; do
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "uv>=0.5" "py-rattler>=0.28" >&2 && break
    [ "$attempt" -lt 3 ] || {
      echo "uv and rattler cannot be installed from the package index: the tests of environments of a uv.lock and of conda's are skipped" >&2
      exit 3
    }
    sleep 5
  done
  # Apart from the environment's own Python, which is not what tests are to find.
  mkdir "$environment/programs"
  ln -s ../bin/uv "$environment/programs/uv"
  printf '#!/bin/sh\nexec "%s/bin/python" "$@"\n' "$environment" >"$environment/programs/rattler-python"
  chmod +x "$environment/programs/rattler-python"
  echo "$stamp" >"$environment/stamp"
fi
echo "$environment/programs"
