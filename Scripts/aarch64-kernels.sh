#!/bin/sh
# Cross-compiles the kernels and their cases for aarch64, runs them under qemu, and compares every digest with the recorded
# ones, which the tests compare with the variants of this processor.
# Debian: gcc-aarch64-linux-gnu (headers and libraries) and qemu-user; any clang with lld.
set -eu
cd "$(dirname "$0")/.."

for tool in clang qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "aarch64-kernels: $tool is not installed (apt install clang qemu-user)" >&2; exit 2; }
done
[ -d /usr/aarch64-linux-gnu/include ] || {
  echo "aarch64-kernels: no C library for aarch64 (apt install gcc-aarch64-linux-gnu)" >&2
  exit 2
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for optimisation in -O0 -O2; do
  clang --target=aarch64-linux-gnu "$optimisation" -static -fuse-ld=lld -Wall -Wextra -Werror \
    -I Sources/CKernels/include -I Tests/KernelCases/include \
    Sources/CKernels/*.c Tests/KernelCases/cases.c Tests/KernelCases/print/main.c -o "$folder/cases"
  qemu-aarch64 "$folder/cases" >"$folder/found.txt"
  diff Tests/KernelCases/golden.txt "$folder/found.txt" || {
    echo "aarch64-kernels: the lines above differ from Tests/KernelCases/golden.txt ($optimisation)" >&2
    exit 1
  }
done
echo "aarch64-kernels: $(wc -l <Tests/KernelCases/golden.txt) digests agree"
