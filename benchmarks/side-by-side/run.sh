#!/usr/bin/env bash
# Trains and samples the cases of cases.txt here and by eager PyTorch, one after the other on this machine, and prints the table
# of docs/performance.md.
#   benchmarks/side-by-side/run.sh [CASE…]
# OMP_NUM_THREADS: threads of both sides (all cores); ROUNDS (5), STEPS (10) and SAMPLES (3) of each; PYTHON: a Python that has torch;
# VOXELZOO: a program that is built already. The machine is to do nothing else meanwhile.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=benchmarks/side-by-side rounds=${ROUNDS:-5} steps=${STEPS:-10} samples=${SAMPLES:-3}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)} PYTHONDONTWRITEBYTECODE=1

for python in ${PYTHON:-python3 /usr/bin/python3} none; do
  if "$python" -c "import torch" 2>/dev/null; then break; fi
done
if [ "$python" = none ]; then
  echo "no torch in ${PYTHON:-python3 or /usr/bin/python3}: apt-get install python3-torch libopenblas0-openmp (Debian)," \
    "or name a Python that has it in PYTHON" >&2
  exit 2
fi
PYTHONPATH=$here "$python" -c "from peer import *; fail_in_one_sentence(require_fast_matrices)"
mapfile -t all < <("$python" $here/cases.py)
cases=("$@")
[ $# -gt 0 ] || cases=("${all[@]}")
for case in "${cases[@]}"; do "$python" $here/cases.py "$case" >/dev/null; done

if [ -z "${VOXELZOO:-}" ]; then
  dotnet build src/Host -c Release -v quiet >&2
  VOXELZOO=$PWD/artifacts/bin/Host/release/voxelzoo
fi
export VOXELZOO

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
# few heads, as none is needed twice, and no validation, which the other side has not
shared=(--set data.synthesize.train=8 --set training.validate_every=1000)
for round in $(seq "$rounds"); do
  for case in "${cases[@]}"; do
    echo "round $round of $rounds: $case" >&2
    mapfile -t arguments < <("$python" $here/cases.py "$case")
    measured=(--steps "$steps" --samples "$samples" --json)
    "$VOXELZOO" bench "${arguments[@]}" "${shared[@]}" "${measured[@]}" >"$results/$case.ours.$round.json" 2>"$results/errors" || {
      cat "$results/errors" >&2
      exit 1
    }
    "$python" $here/peer.py "$case" "${measured[@]}" >"$results/$case.peer.$round.json"
  done
done
"$python" $here/table.py "$results" "${cases[@]}"
