#!/usr/bin/env bash
# Bundles a small analysis and lets the packages rocrate and roc-validator read and validate it, from an environment of their own.
#   Scripts/crate-tests.sh
# Exits with 3, and says so, where the package index cannot be reached. Without the web addresses of RO-Crate's terms the crate is read
# and not validated, which is said, too.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
brake="${BRAKE_BINARY:-$PWD/.build/release/brake}"
packages=("rocrate>=0.13" "roc-validator>=0.7")

environment=$PWD/.build/crate-venv
stamp="$(python3 -c 'import sys; print(sys.executable, sys.version)') ${packages[*]}"
if [ "$(cat "$environment/stamp" 2>/dev/null)" != "$stamp" ]; then
  mkdir -p .build
  rm -rf "$environment"
  python3 -m venv "$environment"
  for attempt in 1 2 3; do
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" && break
    [ "$attempt" -lt 3 ] || {
      echo "tests of crates skipped: ${packages[*]} cannot be installed from the package index" >&2
      exit 3
    }
    sleep 5
  done
  echo "$stamp" >"$environment/stamp"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$brake" init "$folder/study" >/dev/null
"$brake" -C "$folder/study" run >/dev/null 2>&1
"$brake" bundle -C "$folder/study" --to "$folder/bundle" --author "Ada Lovelace" --license CC-BY-4.0 >/dev/null

"$environment/bin/python" - "$folder/bundle" <<'PYTHON'
import hashlib
import pathlib
import sys

from rocrate.rocrate import ROCrate

crate = ROCrate(sys.argv[1])
assert crate.mainEntity.id == "workspace/brake.yaml", crate.mainEntity
actions = [a for a in crate.get_by_type("CreateAction") if a.id != "#run"]
assert len(actions) == 6, actions
for action in actions:
    assert action["instrument"] is not None and action["result"], action
checked = 0
for entity in crate.data_entities:
    path = pathlib.Path(sys.argv[1], entity.id)
    assert path.exists(), path
    if entity.get("sha256"):
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == entity["sha256"], path
        assert str(len(data)) == entity["contentSize"], path
        checked += 1
assert checked >= 8, checked
print(f"rocrate reads the crate: {len(actions)} actions, {checked} files with their digests")
PYTHON

if ! "$environment/bin/python" -c 'import urllib.request as r; r.urlopen("https://w3id.org/ro/crate/1.1/context", timeout=20)' 2>/dev/null; then
  echo "validation skipped: https://w3id.org/ro/crate/1.1/context, which the validator reads, cannot be reached" >&2
  exit 3
fi
"$environment/bin/rocrate-validator" -y validate --no-paging --verbose -l required -p provenance-run-crate-0.5 "$folder/bundle"
