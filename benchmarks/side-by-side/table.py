#!/usr/bin/env python3
"""Prints what run.sh measured as Markdown: medians of all rounds, and ratios of which less than 1 is in favour of VoxelZoo."""
import json
import statistics
import sys
from pathlib import Path

from cases import voxelzoo


def read(folder, case, side):
    return [json.loads(file.read_text()) for file in sorted(folder.glob(f"{case}.{side}.*.json"))]


def pair(ours, peer, key, factor=1, digits=0):
    """Medians of both sides and their ratio; a dash where a case has none."""
    if ours[0][key] is None:
        return ["–", "–"]
    one, other = (statistics.median(measured[key] for measured in side) for side in (ours, peer))
    return [f"{factor * one:,.{digits}f} / {factor * other:,.{digits}f}", f"**{one / other:.2f}**"]


def processor():
    lines = (line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    return next((value.strip() for key, value in lines if key.strip() == "model name"), "unknown processor")


def main():
    folder, cases = Path(sys.argv[1]), sys.argv[2:]
    first, other = read(folder, cases[0], "ours")[0], read(folder, cases[0], "peer")[0]
    threads = sorted({measured["threads"] for case in cases for side in ("ours", "peer") for measured in read(folder, case, side)})
    rounds = len(read(folder, cases[0], "ours"))
    print(f"{processor()}, threads: {', '.join(map(str, threads))}. "
          f"VoxelZoo {voxelzoo('--version').strip()[:13]} beside PyTorch {other['torch']} with {other['blas']}; "
          f"medians of {rounds} rounds of {first['steps']} steps; ratios are ours / PyTorch.\n")
    print("| case | weights | input | step, ms | ratio | CPU of a step, ms | ratio | memory, MiB | ratio | sampling a volume, s | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for case in cases:
        ours, peer = read(folder, case, "ours"), read(folder, case, "peer")
        columns = [case, f"{peer[0]['parameters'] / 1e6:.1f} M", "×".join(map(str, peer[0]["input"]))]
        columns += pair(ours, peer, "step_seconds", 1000) + pair(ours, peer, "step_cpu_seconds", 1000)
        columns += pair(ours, peer, "peak_mebibytes") + pair(ours, peer, "sampling_seconds", digits=1)
        print(f"| {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
