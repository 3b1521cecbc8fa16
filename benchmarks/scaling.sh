#!/usr/bin/env bash
# How time and memory of a training step grow with the volume's edges and the network's width, as a table.
#   benchmarks/scaling.sh
# OMP_NUM_THREADS: threads (all cores); STEPS (4) of each; EDGES ("16 24 32 48" slices, each twice as high and as wide) and WIDTHS
# ("8 16 32" channels of the first level); VOXELZOO: a program that is built already. The machine is to do nothing else meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
voxelzoo=${VOXELZOO:-artifacts/bin/Host/release/voxelzoo}
[ -x "$voxelzoo" ] || { echo "$voxelzoo is not there: dotnet build, or name a program in VOXELZOO" >&2; exit 2; }
number() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p" | head -n 1; }

echo "| volume | channels | CPU of a step, s | per voxel and width², of the first | peak, MiB | tensors estimated, MiB |"
echo "|---|---|---|---|---|---|"
first=
for w in ${WIDTHS:-8 16 32}; do
  for d in ${EDGES:-16 24 32 48}; do
    set=(--set "data.synthesize={train: 2, val: 1, test: 1, depth: $d, height: $((2 * d)), width: $((2 * d))}"
      --set data.depth="$d" --set data.height=$((2 * d)) --set data.width=$((2 * d)) --set data.original_depth="$d"
      --set data.slice_pitch="$(awk "BEGIN {print 150 / $d}")" --set training.batch_size=2
      --set "architecture.channels=[$w, $((2 * w)), $((4 * w)), $((8 * w))]")
    bytes=$("$voxelzoo" describe zoo/pixel_unet "${set[@]}" --json | sed -n '/"memory"/,/}/p' | number total)
    measured=$("$voxelzoo" bench zoo/pixel_unet "${set[@]}" --steps "${STEPS:-4}" --json)
    seconds=$(number step_cpu_seconds <<<"$measured") peak=$(number peak_mebibytes <<<"$measured")
    unit=$(awk "BEGIN {print $seconds / ($d ^ 3 * $w ^ 2)}")
    first=${first:-$unit}
    awk "BEGIN {printf \"| %d×%d×%d | %d | %.3g | %.2f | %d | %d |\n\", $d, 2 * $d, 2 * $d, $w, $seconds, $unit / $first, $peak, $bytes / 2 ^ 20}"
  done
done
