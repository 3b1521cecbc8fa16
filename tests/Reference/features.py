"""Makes features.io.safetensors: features of slices by torchvision and PyTorch, of weights that a formula gives.

    python3 features.py features.io.safetensors

Made with PyTorch 1.13.1 and torchvision 0.14.1 of Debian 12.
"""
import json
import struct
import sys

import numpy
import torch
import torchvision


def uniform(seed, count):
    """Numbers from -1 to 1 that any language can make: a hash of the place, in 32 bits."""
    with numpy.errstate(over="ignore"):
        h = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(seed * 40503 + 1)
        h = (h ^ (h >> numpy.uint32(15))) * numpy.uint32(2246822519)
        h = (h ^ (h >> numpy.uint32(13))) * numpy.uint32(3266489917)
        h = h ^ (h >> numpy.uint32(16))
    return (h.astype(numpy.float64) / 2.0**31 - 1).astype(numpy.float32)


def weight(name, shape, seed):
    u = torch.from_numpy(uniform(seed, int(numpy.prod(shape)))).view(shape)
    if len(shape) >= 2 and "token" not in name and "embed" not in name or name.endswith("patch_embed.proj.weight"):
        return u * (3.0 / numpy.prod(shape[1:])) ** 0.5
    if name.endswith("running_var") or len(shape) == 1 and name.endswith("weight"):
        return 1 + 0.25 * u
    return 0.1 * u


def fill(shapes):
    return {name: weight(name, shapes[name], i) for i, name in enumerate(sorted(shapes))}


def resnet(keras):
    network = torchvision.models.resnet50()
    network.fc = torch.nn.Identity()
    if keras:
        for name, module in list(network.named_modules()):
            if isinstance(module, torch.nn.Conv2d):
                module.bias = torch.nn.Parameter(torch.zeros(module.out_channels))
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eps = 1.001e-5
            if isinstance(module, torchvision.models.resnet.Bottleneck):
                module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
    shapes = {k: v.shape for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    network.load_state_dict(fill(shapes), strict=False)
    return network.eval()


class Transformer(torch.nn.Module):
    """ViT-B/16 by PyTorch's own encoder layers, whose weights have other names."""

    def __init__(self):
        super().__init__()
        shapes = {
            "trunk.cls_token": (1, 1, 768), "trunk.pos_embed": (1, 197, 768), "head.proj.weight": (512, 768),
            "trunk.patch_embed.proj.weight": (768, 3, 16, 16), "trunk.patch_embed.proj.bias": (768,),
            "trunk.norm.weight": (768,), "trunk.norm.bias": (768,),
        }
        for i in range(12):
            for name, shape in {
                "norm1.weight": (768,), "norm1.bias": (768,), "norm2.weight": (768,), "norm2.bias": (768,),
                "attn.qkv.weight": (2304, 768), "attn.qkv.bias": (2304,), "attn.proj.weight": (768, 768), "attn.proj.bias": (768,),
                "mlp.fc1.weight": (3072, 768), "mlp.fc1.bias": (3072,), "mlp.fc2.weight": (768, 3072), "mlp.fc2.bias": (768,),
            }.items():
                shapes[f"trunk.blocks.{i}.{name}"] = shape
        self.w = fill(shapes)
        self.layers = []
        names = {
            "norm1.weight": "norm1.weight", "norm1.bias": "norm1.bias", "norm2.weight": "norm2.weight", "norm2.bias": "norm2.bias",
            "self_attn.in_proj_weight": "attn.qkv.weight", "self_attn.in_proj_bias": "attn.qkv.bias",
            "self_attn.out_proj.weight": "attn.proj.weight", "self_attn.out_proj.bias": "attn.proj.bias",
            "linear1.weight": "mlp.fc1.weight", "linear1.bias": "mlp.fc1.bias",
            "linear2.weight": "mlp.fc2.weight", "linear2.bias": "mlp.fc2.bias",
        }
        for i in range(12):
            layer = torch.nn.TransformerEncoderLayer(768, 12, 3072, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True)
            layer.load_state_dict({theirs: self.w[f"trunk.blocks.{i}.{ours}"] for theirs, ours in names.items()})
            self.layers.append(layer)  # in training mode, so that no fused path is taken; there is no dropout

    def forward(self, x):
        f = torch.nn.functional
        x = f.conv2d(x, self.w["trunk.patch_embed.proj.weight"], self.w["trunk.patch_embed.proj.bias"], stride=16)
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([self.w["trunk.cls_token"].expand(len(x), -1, -1), x], 1) + self.w["trunk.pos_embed"]
        for layer in self.layers:
            x = layer(x)
        x = f.layer_norm(x, (768,), self.w["trunk.norm.weight"], self.w["trunk.norm.bias"], 1e-6)
        return x[:, 0] @ self.w["head.proj.weight"].T


def column(values):
    return torch.tensor(values).view(1, 3, 1, 1)


def main(path):
    slices = torch.from_numpy(uniform(7, 2 * 40 * 36)).view(2, 1, 40, 36) * 0.6 + 0.5  # some beyond 0 and 1
    grey = slices.clamp(0, 1).repeat(1, 3, 1, 1)
    resized = torch.nn.functional.interpolate(grey, size=(224, 224), mode="bilinear", align_corners=False)
    out = {"slices": slices}
    with torch.no_grad():
        imagenet = lambda x: (x - column([0.485, 0.456, 0.406])) / column([0.229, 0.224, 0.225])
        radimagenet = lambda x: x[:, [2, 1, 0]] - column([0.406, 0.456, 0.485])
        clip = lambda x: (x - column([0.48145466, 0.4578275, 0.40821073])) / column([0.26862954, 0.26130258, 0.27577711])
        for name, keras, prepare in (("resnet50_imagenet", False, imagenet), ("resnet50_radimagenet", True, radimagenet)):
            network = resnet(keras)
            out[f"{name}.rows"] = network(prepare(resized))
            network.avgpool, network.fc = torch.nn.Identity(), torch.nn.Identity()
            out[f"{name}.maps"] = network(prepare(grey)).view(2, 2048, 2, 2)
        out["biomedclip.rows"] = Transformer()(clip(resized))
    header, data = {}, b""
    for name, tensor in sorted(out.items()):
        blob = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(blob)]}
        data += blob
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    for name, tensor in out.items():
        print(name, tuple(tensor.shape), float(tensor.abs().max()), float(tensor.std()))


main(sys.argv[1])
