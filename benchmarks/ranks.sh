#!/usr/bin/env bash
# How many times as many steps two processes on two cores take in a second as one on one core, with the same experiment.
#   benchmarks/ranks.sh [EXP]
# EXP: zoo/pixel_unet unless named otherwise; BATCH (4) volumes a step, which the processes share; EPOCHS (4), of which the first does not
# count; VOXELZOO: a program that is built already. Needs Open MPI's mpirun; the machine is to do nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
voxelzoo=${VOXELZOO:-artifacts/bin/Host/release/voxelzoo} experiment=${1:-zoo/pixel_unet} batch=${BATCH:-4}
[ -x "$voxelzoo" ] || { echo "$voxelzoo is not there: dotnet build, or name a program in VOXELZOO" >&2; exit 2; }
command -v mpirun >/dev/null || { echo "mpirun is not there: apt-get install openmpi-bin (Debian)" >&2; exit 2; }
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
export OMP_NUM_THREADS=1
set=(--profile smoke --set "training={batch_size: $batch, epochs: ${EPOCHS:-4}, validate_every: 1000}" --set "data.synthesize.train=$((4 * batch))")
train() { # NAME COMMAND...: the median of the steps' seconds, without those of the first epoch
  local name=$1; shift
  "$@" train "$experiment" "${set[@]}" --run "$runs/$name" >"$runs/$name.log" 2>&1 || { cat "$runs/$name.log" >&2; exit 1; }
  sed -n 's/^{"kind":"step","step":\([0-9]*\),.*"seconds":\([0-9.eE-]*\),.*/\1 \2/p' "$runs/$name/metrics.jsonl" |
    awk '$1 > 4 {print $2}' | sort -g | awk '{s[NR] = $1} END {print s[int((NR + 1) / 2)]}'
}
one=$(train one "$voxelzoo")
root=(); [ "$(id -u)" -ne 0 ] || root=(--allow-run-as-root)
two=$(train two mpirun "${root[@]}" --oversubscribe -n 2 "$voxelzoo")
echo "| $experiment, $batch volumes a step | seconds a step | times as fast |"
echo "|---|---|---|"
awk "BEGIN {printf \"| one process on one core | %.3g | |\n| two processes on two cores | %.3g | %.2f |\n\", $one, $two, $one / $two}"
