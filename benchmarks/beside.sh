#!/usr/bin/env bash
# How much slower a training is beside other work: beside as many busy loops as there are cores, and beside itself.
#   benchmarks/beside.sh [EXP]
# EXP: quickstart unless named otherwise; STEPS (20) of each; VOXELZOO: a program that is built already. The machine is to do nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
voxelzoo=${VOXELZOO:-artifacts/bin/Host/release/voxelzoo} experiment=${1:-quickstart}
[ -x "$voxelzoo" ] || { echo "$voxelzoo is not there: dotnet build, or name a program in VOXELZOO" >&2; exit 2; }
loops=()
trap '[ ${#loops[@]} -eq 0 ] || kill "${loops[@]}"' EXIT
bench() { "$voxelzoo" bench "$experiment" --set training.validate_every=1000 --steps "${STEPS:-20}" --json | sed -n 's/.*"step_seconds": *\([0-9.]*\).*/\1/p' | head -n 1; }
row() { awk "BEGIN {printf \"| %s | %.3g | %.2f |\n\", \"$1\", $2, $2 / $quiet}"; }

echo "| $experiment | seconds a step | times as long |"
echo "|---|---|---|"
quiet=$(bench)
row alone "$quiet"
for _ in $(seq "$(nproc)"); do while :; do :; done & loops+=($!); done
row "beside $(nproc) busy loops" "$(bench)"
kill "${loops[@]}"; wait "${loops[@]}" 2>/dev/null || true; loops=()
other=$(mktemp)
bench >"$other" & row "beside another of it" "$(bench)"; wait $!
row "the other" "$(cat "$other")"; rm "$other"
