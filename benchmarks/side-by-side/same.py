#!/usr/bin/env python3
"""Proves that both sides build the same network: keys, shapes and what a forward pass gives.

For each case VoxelZoo trains one epoch on a small cohort and exports the weights; they are loaded here, and every key has to
match. Then they are moved by noise, so that no layer is still without influence, and both sides run one pass over the same input.
"""
import argparse
import json
import struct
import tempfile
from pathlib import Path

import torch

from cases import Case, UsageError, fail_in_one_sentence, table, voxelzoo

TOLERANCE = 1e-4 # of the largest value: float32, in whatever order it is added up
SMALL = ("data.synthesize.train=2", "data.synthesize.val=1", "data.synthesize.test=1", "expect=null")


def write_safetensors(file, tensors):
    """Float32 tensors by name: eight bytes of length, JSON, the data."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(file, name):
    raw = file.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    one = json.loads(raw[8:8 + length])[name]
    begin, end = one["data_offsets"]
    return torch.frombuffer(bytearray(raw[8 + length + begin:8 + length + end]), dtype=torch.float32).view(one["shape"])


def export(case, folder):
    """Trains an epoch, and gives the file of weights that VoxelZoo exports then."""
    epochs = ("training.phases.0.epochs=1",) if case.is_compressor else ("training.epochs=1", "training.warmup_epochs=0")
    voxelzoo("train", *case.arguments, *(word for one in SMALL + epochs for word in ("--set", one)), "--run", folder / "run")
    voxelzoo("weights", "export", folder / "run", "--out", folder / "weights.pt")
    return folder / "weights.pt"


def config(case):
    """What `model forward` and `compressor roundtrip` build."""
    if case.is_compressor:
        return {"compressor": case.network, **case.options}
    grid = dict(zip(("depth_size", "input_size", "width_size"), case.shape.extents)) if case.network == "dit" else {}
    channels = {"in_channels": case.shape.channels_in, "out_channels": case.shape.channels_out}
    return {"architecture": case.network, **case.options, **grid, **channels}


@torch.no_grad()
def difference(case, network, folder):
    """Largest difference of a pass, in units of its largest value."""
    network.eval()
    x, timesteps = torch.rand(case.batch, case.shape.channels_in, *case.shape.extents), 1000 * torch.rand(case.batch)
    ours, inputs = (network(x)[0], {"input": x}) if case.is_compressor else (network(x, timesteps), {"input": x, "timesteps": timesteps})
    write_safetensors(folder / "weights.safetensors", network.state_dict())
    write_safetensors(folder / "inputs.safetensors", inputs)
    (folder / "config.json").write_text(json.dumps(config(case)))
    verb, output = (("compressor", "roundtrip"), "reconstruction") if case.is_compressor else (("model", "forward"), "output")
    names = {"config": "json", "weights": "safetensors", "inputs": "safetensors", "out": "safetensors"}
    files = {name: folder / f"{name}.{suffix}" for name, suffix in names.items()}
    voxelzoo(*verb, *(word for name, file in files.items() for word in (f"--{name}", file)))
    theirs = read_safetensors(files["out"], output)
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help="cases of cases.txt; all where none is named")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    for name in arguments.cases or table():
        case = Case(name)
        with tempfile.TemporaryDirectory(prefix="voxelzoo-same-") as place:
            folder = Path(place)
            network = case.build()
            tensors = case.load(network, export(case, folder))
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.add_(torch.randn_like(parameter), alpha=0.05)
            apart = difference(case, network, folder)
        print(f"{name:16} {tensors:4} tensors, {case.parameters:10,} parameters, a pass differs by {apart:.1e}", flush=True)
        if not apart < TOLERANCE:
            raise UsageError(f"{name}: the networks differ; see networks.py")


if __name__ == "__main__":
    fail_in_one_sentence(main)
