#!/usr/bin/env bash
# How long verbs take from start to end: the median of eleven runs each, on a quiet machine.
# `plugins list` is to stay below 300 ms, as it loads no libtorch.
set -euo pipefail
cd "$(dirname "$0")/.."
voxelzoo=artifacts/bin/Host/release/voxelzoo
[ -x "$voxelzoo" ] || { echo "$voxelzoo is not there; build with: dotnet build -c Release" >&2; exit 2; }

median() {
  for _ in $(seq 11); do
    local start end
    start=$(date +%s%N)
    "$voxelzoo" "$@" >/dev/null
    end=$(date +%s%N)
    echo $(((end - start) / 1000000))
  done | sort -n | sed -n 6p
}

for verb in "plugins list" "experiments" "describe exp1" "doctor"; do
  # shellcheck disable=SC2086 # words of a verb
  printf '%-16s %5d ms\n' "$verb" "$(median $verb)"
done
