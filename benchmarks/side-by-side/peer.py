#!/usr/bin/env python3
"""The other side: what VoxelZoo's `bench` measures, by eager PyTorch as a user writes it.

Float32 with AdamW, clipping, and a moving average of the weights where the experiment has one.
Batches are random tensors that are there before a step begins; VoxelZoo reads and compresses its own, and waits for them.
"""
import argparse
import copy
import json
import os
import statistics
import time

import torch
from torch.nn import functional as F

from cases import Case, UsageError, fail_in_one_sentence

WARM_UP = 3


class Diffusion:
    """Rectified flow that predicts the clean sample (arXiv:2209.03003)."""

    def __init__(self, case):
        self.shape, self.batch = case.shape, case.batch

    def data(self, batch):
        conditions = self.shape.channels_in - self.shape.channels_out
        return torch.rand(batch, self.shape.channels_out, *self.shape.extents), torch.rand(batch, conditions, *self.shape.extents)

    def loss(self, network, clean, condition):
        noise, t = torch.randn_like(clean), torch.rand(len(clean))
        at = t[:, None, None, None, None]
        noisy = (1 - at) * clean + at * noise
        return F.mse_loss(network(torch.cat([noisy, condition], 1), 1000 * t), clean)

    @torch.no_grad()
    def sample(self, network, steps):
        """One volume by Euler steps from noise."""
        clean, condition = self.data(1)
        x, times = torch.randn_like(clean), torch.linspace(1, 0, steps + 1)
        for now, following in zip(times[:-1], times[1:]):
            predicted = network(torch.cat([x, condition], 1), 1000 * now[None])
            x = x + (following - now) * (x - predicted) / now
        return x


class Compression:
    """Reconstruction by l2 and the commitment loss."""

    def __init__(self, case):
        self.shape, self.weights = case.shape, case.losses
        if set(self.weights) != {"l2", "codebook"}:
            raise UsageError(f"{case.name}: the other side computes l2 and codebook, and not {', '.join(self.weights)}")

    def data(self, batch):
        return (torch.rand(batch, self.shape.channels_in, *self.shape.extents),)

    def loss(self, network, volume):
        reconstruction, codebook = network(volume)
        return self.weights["l2"] * F.mse_loss(reconstruction, volume) + self.weights["codebook"] * codebook


def require_fast_matrices():
    """Debian's torch multiplies by whatever libblas is: the reference one is twenty times slower than what a user has."""
    maps = open("/proc/self/maps").read()
    if torch.backends.mkl.is_available():
        return "MKL"
    name = next((name for name in ("openblas", "blis", "mkl") if name in maps), None)
    if name is None:
        raise UsageError(
            "this torch multiplies matrices by the reference BLAS, which is no fair peer; "
            "install a fast one: apt-get install libopenblas0-openmp")
    return name


def peak_mebibytes():
    """Most resident memory of this process."""
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024


def train(case, work, network, steps):
    """Wall and CPU seconds of each step after the first ones."""
    options = case.training
    optimizer = torch.optim.AdamW(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        options["learning_rate"], (options["beta1"], options["beta2"]), weight_decay=options["weight_decay"])
    average = copy.deepcopy(network) if options["ema"] else None
    seconds = []
    for _ in range(WARM_UP + steps):
        batch = work.data(case.batch)
        begun, begun_cpu = time.perf_counter(), time.process_time()
        loss = work.loss(network, *batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), options["gradient_clip_norm"])
        optimizer.step()
        if average is not None:
            with torch.no_grad():
                for kept, parameter in zip(average.parameters(), network.parameters()):
                    kept.lerp_(parameter, 1 - options["ema"]["decay"])
        loss.item()
        seconds.append((time.perf_counter() - begun, time.process_time() - begun_cpu))
    return seconds[WARM_UP:]


def timed(action):
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", help="a case of cases.txt")
    parser.add_argument("--steps", type=int, default=20, help="training steps to measure (20)")
    parser.add_argument("--samples", type=int, default=0, help="volumes to sample, of which the median time is taken (0)")
    parser.add_argument("--weights", metavar="FILE.pt", help="load these, written by `voxelzoo weights export`; every key has to match")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if arguments.steps < 1:
        raise UsageError(f"--steps {arguments.steps}: measure one step or more")

    blas = require_fast_matrices()
    torch.manual_seed(0)
    if "OMP_NUM_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    case = Case(arguments.case)
    network = case.build()
    if arguments.weights:
        case.load(network, arguments.weights)
    work = (Compression if case.is_compressor else Diffusion)(case)
    steps = train(case, work, network, arguments.steps)
    peak = peak_mebibytes()
    network.eval()
    sampled = [timed(lambda: work.sample(network, case.sampling_steps)) for _ in range(0 if case.is_compressor else arguments.samples)]
    measured = {
        "case": case.name,
        "torch": torch.__version__,
        "blas": blas,
        "threads": torch.get_num_threads(),
        "parameters": case.parameters,
        "input": [case.batch, case.shape.channels_in, *case.shape.extents],
        "steps": len(steps),
        "step_seconds": statistics.median(wall for wall, _ in steps),
        "step_cpu_seconds": statistics.median(cpu for _, cpu in steps),
        "peak_mebibytes": peak,
        "sampling_seconds": statistics.median(sampled) if sampled else None,
    }
    print(json.dumps(measured) if arguments.json else "\n".join(f"{key:18}{value}" for key, value in measured.items()))


if __name__ == "__main__":
    fail_in_one_sentence(main)
