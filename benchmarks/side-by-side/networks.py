"""The networks of VoxelZoo's plugins in plain eager PyTorch: parameter for parameter and key for key, so that weights fit both.

Written from the equations of the papers; layers in the order of the public implementations, which are MONAI's
DiffusionModelUNet and VQVAE, DiT and wdm-3d.
Shapes: B batch, C channels, D×H×W voxels, N tokens, E width. Options come by the names that experiments give them.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F


def sinusoidal(timesteps, size):
    """Cosines and sines of timesteps [B] as [B, size] (arXiv:1706.03762, section 3.5)."""
    half = size // 2
    frequencies = torch.exp(torch.arange(half) * (-math.log(10000) / half))
    angles = timesteps[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], 1)


def attend(q, k, v):
    """Attention of heads [B, heads, N, E]; fused where this PyTorch has it (2.0)."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v)
    return torch.softmax((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1), -1) @ v


def time_mlp(size, embedding):
    return nn.Sequential(nn.Linear(size, embedding), nn.SiLU(), nn.Linear(embedding, embedding))


# ------------------------------------------------------------------------------------------------------------------- UNet

class Convolution(nn.Module):
    """A convolution one level down: conv.weight."""

    def __init__(self, source, target, kernel=3, stride=1):
        super().__init__()
        self.conv = nn.Conv3d(source, target, kernel, stride, padding=kernel // 2)

    def forward(self, x):
        return self.conv(x)


class UNetBlock(nn.Module):
    """Two normalised convolutions, the time between them, and a skip."""

    def __init__(self, options, source, target):
        super().__init__()
        groups, eps = options["norm_num_groups"], options["norm_eps"]
        self.norm1 = nn.GroupNorm(groups, source, eps)
        self.conv1 = Convolution(source, target)
        self.time_emb_proj = nn.Linear(4 * options["channels"][0], target)
        self.norm2 = nn.GroupNorm(groups, target, eps)
        self.conv2 = Convolution(target, target)
        self.skip_connection = nn.Identity() if source == target else Convolution(source, target, 1)

    def forward(self, x, embedding):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(F.silu(embedding))[:, :, None, None, None]
        return self.skip_connection(x) + self.conv2(F.silu(self.norm2(h)))


class TokenAttention(nn.Module):
    def __init__(self, channels, head):
        super().__init__()
        self.head = head
        self.to_q, self.to_k, self.to_v, self.out_proj = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x):
        q, k, v = (to(x).unflatten(2, (-1, self.head)).transpose(1, 2) for to in (self.to_q, self.to_k, self.to_v))
        return self.out_proj(attend(q, k, v).transpose(1, 2).flatten(2))


class SpatialAttention(nn.Module):
    def __init__(self, options, channels):
        super().__init__()
        self.norm = nn.GroupNorm(options["norm_num_groups"], channels, options["norm_eps"])
        self.attn = TokenAttention(channels, options["num_head_channels"])

    def forward(self, x):
        return x + self.attn(self.norm(x).flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x.shape)


class Halve(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.op = Convolution(channels, channels, stride=2)

    def forward(self, x):
        return self.op(x)


class Double(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.postconv = Convolution(channels, channels)

    def forward(self, x):
        return self.postconv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class UNetLevel(nn.Module):
    """One level of either way: blocks, each with its attention where the level has any."""

    def __init__(self, options, sources, width, attends, resampler=None):
        super().__init__()
        self.resnets = nn.ModuleList(UNetBlock(options, source, width) for source in sources)
        if attends:
            self.attentions = nn.ModuleList(SpatialAttention(options, width) for _ in sources)
        self.attends = attends
        if resampler:
            name, layer = resampler
            self.add_module(name, layer)

    def block(self, index, x, embedding):
        x = self.resnets[index](x, embedding)
        return self.attentions[index](x) if self.attends else x


class MiddleBlock(nn.Module):
    def __init__(self, options, width):
        super().__init__()
        self.resnet_1 = UNetBlock(options, width, width)
        self.attention = SpatialAttention(options, width)
        self.resnet_2 = UNetBlock(options, width, width)

    def forward(self, x, embedding):
        return self.resnet_2(self.attention(self.resnet_1(x, embedding)), embedding)


class UNet(nn.Module):
    """`unet3d`."""

    def __init__(self, options, shape):
        super().__init__()
        if options["resblock_updown"]:
            raise ValueError("this side has no resblock_updown")
        widths, blocks, attends = options["channels"], options["num_res_blocks"], options["attention_levels"]
        last = len(widths) - 1
        self.conv_in = Convolution(shape.channels_in, widths[0])
        self.time_embed = time_mlp(widths[0], 4 * widths[0])
        self.time_size = widths[0]
        self.down_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            sources = [widths[max(level - 1, 0)]] + [width] * (blocks[level] - 1)
            resampler = ("downsampler", Halve(width)) if level < last else None
            self.down_blocks.append(UNetLevel(options, sources, width, attends[level], resampler))
        self.middle_block = MiddleBlock(options, widths[last])
        self.up_blocks = nn.ModuleList()
        for level in range(last, -1, -1):
            width, count = widths[level], blocks[level] + 1
            skips = [width] * (count - 1) + [widths[max(level - 1, 0)]]
            before = [widths[min(level + 1, last)]] + [width] * (count - 1)
            sources = [a + b for a, b in zip(before, skips)]
            resampler = ("upsampler", Double(width)) if level > 0 else None
            self.up_blocks.append(UNetLevel(options, sources, width, attends[level], resampler))
        self.out = nn.Sequential(
            nn.GroupNorm(options["norm_num_groups"], widths[0], options["norm_eps"]), nn.SiLU(), Convolution(widths[0], shape.channels_out))
        nn.init.zeros_(self.out[2].conv.weight)

    def forward(self, x, timesteps):
        embedding = self.time_embed(sinusoidal(timesteps, self.time_size))
        h = self.conv_in(x)
        skips = [h]
        for level in self.down_blocks:
            for index in range(len(level.resnets)):
                h = level.block(index, h, embedding)
                skips.append(h)
            if hasattr(level, "downsampler"):
                h = level.downsampler(h)
                skips.append(h)
        h = self.middle_block(h, embedding)
        for level in self.up_blocks:
            for index in range(len(level.resnets)):
                h = level.block(index, torch.cat([h, skips.pop()], 1), embedding)
            if hasattr(level, "upsampler"):
                h = level.upsampler(h)
        return self.out(h)


# -------------------------------------------------------------------------------------------------------------------- DiT

class PatchEmbedder(nn.Module):
    def __init__(self, channels, patch, width):
        super().__init__()
        self.proj = nn.Conv3d(channels, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class TimestepEmbedder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mlp = time_mlp(256, width)

    def forward(self, timesteps):
        return self.mlp(sinusoidal(timesteps, 256))


class SelfAttention(nn.Module):
    def __init__(self, width, heads, normalise):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm, self.k_norm = (nn.LayerNorm(width // heads, 1e-6) if normalise else nn.Identity() for _ in range(2))
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(attend(self.q_norm(q), self.k_norm(k), v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


def modulate(x, shift, scale):
    return x * (1 + scale[:, None]) + shift[:, None]


class DiTBlock(nn.Module):
    """Attention and an MLP, gated by the time (adaLN-Zero, arXiv:2212.09748)."""

    def __init__(self, options):
        super().__init__()
        width = options["hidden_size"]
        self.norm1, self.norm2 = (nn.LayerNorm(width, 1e-6, elementwise_affine=False) for _ in range(2))
        self.attn = SelfAttention(width, options["num_heads"], options["qk_norm"])
        self.mlp = Mlp(width, int(width * options["mlp_ratio"]))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, embedding):
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.adaLN_modulation(embedding).chunk(6, 1)
        x = x + gate_a[:, None] * self.attn(modulate(self.norm1(x), shift_a, scale_a))
        return x + gate_m[:, None] * self.mlp(modulate(self.norm2(x), shift_m, scale_m))


class FinalLayer(nn.Module):
    def __init__(self, width, features):
        super().__init__()
        self.norm_final = nn.LayerNorm(width, 1e-6, elementwise_affine=False)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.linear = nn.Linear(width, features)
        nn.init.zeros_(self.linear.weight)

    def forward(self, x, embedding):
        shift, scale = self.adaLN_modulation(embedding).chunk(2, 1)
        return self.linear(modulate(self.norm_final(x), shift, scale))


class DiT(nn.Module):
    """`dit` with the condition concatenated. Its positions start at random, as how they start is no matter of speed."""

    def __init__(self, options, shape):
        super().__init__()
        if options["conditioning"] != "concat" or options["learn_sigma"] or options["drop_path"]:
            raise ValueError("this side has neither cross attention, learn_sigma nor drop_path")
        width, self.patch, self.channels = options["hidden_size"], options["patch_size"], shape.channels_out
        self.grid = [size // self.patch for size in shape.extents]
        self.x_embedder = PatchEmbedder(shape.channels_in, self.patch, width)
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, math.prod(self.grid), width))
        self.t_embedder = TimestepEmbedder(width)
        self.blocks = nn.ModuleList(DiTBlock(options) for _ in range(options["depth"]))
        self.final_layer = FinalLayer(width, self.patch ** 3 * self.channels)

    def forward(self, x, timesteps):
        embedding = self.t_embedder(timesteps)
        tokens = self.x_embedder(x) + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens, embedding)
        patches = self.final_layer(tokens, embedding).view(-1, *self.grid, self.patch, self.patch, self.patch, self.channels)
        return patches.permute(0, 7, 1, 4, 2, 5, 3, 6).reshape(-1, self.channels, *x.shape[2:])


# -------------------------------------------------------------------------------------------------------------------- WDM

class WDMBlock(nn.Module):
    """The residual block of guided diffusion (arXiv:2105.05233); `resample` halves or doubles the grid of both ways."""

    def __init__(self, options, source, target, resample=None):
        super().__init__()
        groups = options["norm_num_groups"]
        self.resample = resample
        self.in_layers = nn.Sequential(nn.GroupNorm(groups, source), nn.SiLU(), nn.Conv3d(source, target, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(4 * options["base_channels"], target))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(groups, target), nn.SiLU(), nn.Dropout(options["dropout"]), nn.Conv3d(target, target, 3, padding=1))
        self.skip_connection = nn.Identity() if source == target else nn.Conv3d(source, target, 1)

    def forward(self, x, embedding):
        if self.resample is None:
            h = self.in_layers(x)
        else:
            h = self.in_layers[2](self.resample(self.in_layers[:2](x)))
            x = self.resample(x)
        h = h + self.emb_layers(embedding)[:, :, None, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class WDMHalve(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.op = nn.Conv3d(channels, channels, 3, 2, padding=1)

    def forward(self, x, embedding):
        return self.op(x)


class WDMDouble(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv3d(channels, channels, 3, padding=1)

    def forward(self, x, embedding):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class WDM(nn.Module):
    """`wdm` (arXiv:2402.19043)."""

    def __init__(self, options, shape):
        super().__init__()
        base, count, residual = options["base_channels"], options["num_res_blocks"], options["residual_resampling"]
        widths = [base * multiplier for multiplier in options["channel_multipliers"]]
        last = len(widths) - 1
        self.base, self.additive = base, options["additive_skips"]
        self.time_embed = time_mlp(base, 4 * base)

        def halve(width):
            return WDMBlock(options, width, width, nn.AvgPool3d(2)) if residual else WDMHalve(width)

        def double(width):
            return WDMBlock(options, width, width, nn.Upsample(scale_factor=2.0, mode="nearest")) if residual else WDMDouble(width)

        width, kept = base, [base]
        self.input_blocks = nn.ModuleList([nn.ModuleList([nn.Conv3d(shape.channels_in, base, 3, padding=1)])])
        for level in range(last + 1):
            for _ in range(count):
                self.input_blocks.append(nn.ModuleList([WDMBlock(options, width, widths[level])]))
                width = widths[level]
                kept.append(width)
            if level < last:
                self.input_blocks.append(nn.ModuleList([halve(width)]))
                kept.append(width)
        self.middle_block = nn.ModuleList([WDMBlock(options, width, width), WDMBlock(options, width, width)])
        self.output_blocks = nn.ModuleList()
        for level in range(last, -1, -1):
            for block in range(count + 1):
                skip = kept.pop()
                source = width if self.additive else width + skip
                width = (kept[-1] if kept else base) if self.additive else widths[level]
                entry = [WDMBlock(options, source, width)]
                if level > 0 and block == count:
                    entry.append(double(width))
                self.output_blocks.append(nn.ModuleList(entry))
        self.out = nn.Sequential(
            nn.GroupNorm(options["norm_num_groups"], width), nn.SiLU(), nn.Conv3d(width, shape.channels_out, 3, padding=1))
        nn.init.zeros_(self.out[2].weight)

    def forward(self, x, timesteps):
        embedding = self.time_embed(sinusoidal(timesteps, self.base))
        h = self.input_blocks[0][0](x)
        skips = [h]
        for entry in self.input_blocks[1:]:
            h = entry[0](h, embedding)
            skips.append(h)
        for block in self.middle_block:
            h = block(h, embedding)
        for entry in self.output_blocks:
            skip = skips.pop()
            h = (h + skip) / 2 if self.additive else torch.cat([h, skip], 1)
            for layer in entry:
                h = layer(h, embedding)
        return self.out(h)


# ----------------------------------------------------------------------------------------------------------------- VQ-VAE

class Activated(nn.Module):
    """A convolution of either kind one level down, and a ReLU."""

    def __init__(self, convolution, activated=True):
        super().__init__()
        self.conv = convolution
        self.activated = activated

    def forward(self, x):
        return F.relu(self.conv(x)) if self.activated else self.conv(x)


class ResidualUnit(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.conv1 = Activated(nn.Conv3d(width, inner, 3, padding=1))
        self.conv2 = Activated(nn.Conv3d(inner, width, 3, padding=1), activated=False)

    def forward(self, x):
        return F.relu(x + self.conv2(self.conv1(x)))


class Coder(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x):
        return self.blocks(x)


class Codebook(nn.Module):
    """Codes that follow moving averages (arXiv:1711.00937, appendix A.1)."""

    def __init__(self, options):
        super().__init__()
        self.decay, self.epsilon = options["decay"], options["epsilon"]
        self.embedding = nn.Embedding(options["num_embeddings"], options["embedding_dim"])
        self.embedding.weight.requires_grad = False
        self.register_buffer("ema_cluster_size", torch.zeros(options["num_embeddings"]))
        self.register_buffer("ema_w", self.embedding.weight.detach().clone())

    @torch.no_grad()
    def nearest(self, vectors):
        codes = self.embedding.weight
        return (codes.square().sum(1) - 2 * vectors @ codes.t()).argmin(1)

    @torch.no_grad()
    def follow(self, vectors, indices):
        counts = torch.bincount(indices, minlength=len(self.ema_cluster_size)).float()
        sums = torch.zeros_like(self.ema_w).index_add_(0, indices, vectors)
        self.ema_cluster_size.mul_(self.decay).add_(counts, alpha=1 - self.decay)
        self.ema_w.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        total = self.ema_cluster_size.sum()
        smoothed = (self.ema_cluster_size + self.epsilon) / (total + len(counts) * self.epsilon) * total
        self.embedding.weight.copy_(self.ema_w / smoothed[:, None])


class Quantizer(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.quantizer = Codebook(options)
        self.commitment = options["commitment_cost"]

    def forward(self, z):
        vectors = z.detach().movedim(1, -1).flatten(0, 3)
        indices = self.quantizer.nearest(vectors)
        codes = self.quantizer.embedding(indices).view(z.shape[0], *z.shape[2:], -1).movedim(-1, 1)
        loss = self.commitment * F.mse_loss(z, codes)
        if self.training:
            self.quantizer.follow(vectors, indices)
        return z + (codes - z).detach(), loss


class VQVAE(nn.Module):
    """`vqvae`."""

    def __init__(self, options, shape):
        super().__init__()
        if options["revive_threshold"]:
            raise ValueError("this side lets no code start anew; set compressor.revive_threshold=0")
        widths, inner, units = options["channels"], options["num_res_channels"], options["num_res_layers"]
        last, code = len(widths) - 1, options["embedding_dim"]
        down, width = [], options["in_channels"]
        for level, (stride, kernel, dilation, padding) in enumerate(options["downsample_parameters"]):
            down.append(Activated(nn.Conv3d(width, widths[level], kernel, stride, padding, dilation)))
            down += [ResidualUnit(widths[level], inner[level]) for _ in range(units)]
            width = widths[level]
        self.encoder = Coder(down + [Activated(nn.Conv3d(width, code, 3, padding=1), activated=False)])
        up = [Activated(nn.Conv3d(code, widths[last], 3, padding=1), activated=False)]
        for level in range(last, -1, -1):
            up += [ResidualUnit(widths[level], inner[level]) for _ in range(units)]
            stride, kernel, dilation, padding, extra = options["upsample_parameters"][last - level]
            target = options["out_channels"] if level == 0 else widths[level - 1]
            up.append(Activated(nn.ConvTranspose3d(
                widths[level], target, kernel, stride, padding, extra, dilation=dilation), activated=level > 0))
        self.decoder = Coder(up)
        self.quantizer = Quantizer(options)

    def forward(self, x):
        """The reconstruction and the commitment loss."""
        codes, loss = self.quantizer(self.encoder(x))
        return self.decoder(codes), loss


NETWORKS = {"unet3d": UNet, "dit": DiT, "wdm": WDM, "vqvae": VQVAE}
