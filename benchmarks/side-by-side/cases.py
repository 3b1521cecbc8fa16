"""The cases of cases.txt, as VoxelZoo describes them: what the other side builds and trains comes from there, and from nowhere else."""
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = os.environ.get("VOXELZOO", str(ROOT / "artifacts/bin/Host/release/voxelzoo"))


class UsageError(Exception):
    """One sentence that says what to do."""


def voxelzoo(*arguments):
    """What a verb prints."""
    if not Path(PROGRAM).is_file():
        raise UsageError(f"{PROGRAM} is not there; build with: dotnet build -c Release, or name the program in VOXELZOO")
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"voxelzoo {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def table():
    """Name, experiment and overrides of each case, in their order."""
    lines = (line.split() for line in (HERE / "cases.txt").read_text().splitlines())
    return {words[0]: words[1:] for words in lines if words and not words[0].startswith("#")}


def arguments(name):
    """A case for VoxelZoo's verbs: the experiment, and what is set over it."""
    cases = table()
    if name not in cases:
        raise UsageError(f"no case is named {name}; there are {', '.join(cases)}")
    experiment, *overrides = cases[name]
    return [f"experiments/{experiment}.yaml", *(word for override in overrides for word in ("--set", override))]


@dataclass
class Shape:
    """Of the network's input and output; extents are D, H, W after the compressor."""
    channels_in: int
    channels_out: int
    extents: tuple


class Case:
    """One case."""

    def __init__(self, name):
        self.name, self.arguments = name, arguments(name)
        self.description = json.loads(voxelzoo("describe", *self.arguments, "--json"))
        self._values = {one["key"]: one["value"] for one in json.loads(voxelzoo("show", *self.arguments, "--json"))}
        self.training = self.description["training"]
        if self.training["gradient_accumulation"] != 1 or self.training["precision"] != "float32":
            raise UsageError(f"{name}: the other side trains in float32, a whole batch at once")
        self.is_compressor = self.description["architecture"] is None
        self.network = self.description["compressor" if self.is_compressor else "architecture"]
        self.options = self._section("compressor" if self.is_compressor else "architecture")
        volume = self.description["input_shape" if self.is_compressor else "latent_shape"]
        channels = (self.description[f"model_{end}_channels"] or volume[1] for end in ("input", "output"))
        self.shape = Shape(*channels, tuple(volume[2:]))
        self.parameters = sum(self.description["parameters"].values())

    @property
    def batch(self):
        return self.training["batch_size"]

    @property
    def losses(self):
        """Weights of a compressor's losses in its first phase."""
        return self.description["phases"][0]["losses"]

    @property
    def sampling_steps(self):
        """Steps of the experiment's sampler, each of which calls the network once; null of a compressor."""
        return None if self.is_compressor else self._values["sampling.steps"]

    def _section(self, name):
        return {key[len(name) + 1:]: value for key, value in self._values.items() if key.startswith(name + ".") and key != name + ".use"}

    def build(self):
        """The network in PyTorch, with as many parameters as VoxelZoo's."""
        from networks import NETWORKS
        network = NETWORKS[self.network](self.options, self.shape)
        count = sum(math.prod(p.shape) for p in network.parameters())
        if count != self.parameters:
            raise UsageError(f"{self.name}: the network of networks.py has {count} parameters, and VoxelZoo's {self.parameters}")
        return network

    def load(self, network, file):
        """Gives a network weights that VoxelZoo exported, of which every key has to match; says how many tensors they are."""
        import torch
        try:
            weights = torch.load(file)
            network.load_state_dict(weights, strict=True)
        except (OSError, RuntimeError) as error:
            raise UsageError(f"{self.name}: the weights {file} cannot be loaded: {error}") from error
        return len(weights)


def fail_in_one_sentence(main):
    """Runs a script; a mistake of the user's is one sentence and exit code 2."""
    try:
        main()
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def main():
    """Names of all cases, or the arguments of one, a word a line."""
    print("\n".join(table() if len(sys.argv) < 2 else arguments(sys.argv[1])))


if __name__ == "__main__":
    fail_in_one_sentence(main)
