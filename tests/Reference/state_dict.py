"""Makes state-dict.pth, state-dict-legacy.pth and state-dict-checkpoint.pth: the same tensors, saved by PyTorch 1.13.1 in both of its layouts.

    python3 state_dict.py FOLDER

What they hold is what StateDictFileTests says.
"""
import collections
import os
import sys

import torch

folder = sys.argv[1]
row = torch.arange(24, dtype=torch.float32)
network = torch.nn.BatchNorm2d(3)
state = collections.OrderedDict(
    plain=row.view(2, 3, 4).clone(),
    parameter=torch.nn.Parameter(row[:6].clone() * 0.5),
    transposed=row.view(4, 6).t(),             # views of one storage
    tail=row[20:],
    half=torch.tensor([1.5, -2.0], dtype=torch.float16),
    bfloat=torch.tensor([3.0, -0.5], dtype=torch.bfloat16),
    count=torch.tensor(7),
    mask=torch.tensor([True, False, True]),
    empty=torch.zeros(0, 3),
)
state.update({f"norm.{k}": v for k, v in network.state_dict().items()})
torch.save(state, os.path.join(folder, "state-dict.pth"))
torch.save(state, os.path.join(folder, "state-dict-legacy.pth"), _use_new_zipfile_serialization=False)
torch.save({"epoch": 3, "lr": 1e-4, "names": ["a", "b"], "state_dict": state}, os.path.join(folder, "state-dict-checkpoint.pth"))
torch.save(network, os.path.join(folder, "module.pth"))
