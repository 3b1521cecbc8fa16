using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Features;

/// <summary>A public network whose features of slices are compared, and what is done to a slice before it sees it.</summary>
public sealed record FeatureNetworkKind
{
    private FeatureNetworkKind()
    {
    }

    /// <summary>Short name, such as <c>resnet50_imagenet</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Where weights of it are to be had.</summary>
    public required string Weights { get; init; }

    /// <summary>Length of a slice's feature vector.</summary>
    public required int Dimensions { get; init; }

    /// <summary>Whether it makes maps of features too, of slices of any size from 32 on.</summary>
    public required bool HasMaps { get; init; }

    /// <summary>What is subtracted from each channel of an intensity from 0 to 1.</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>What it is then divided by.</summary>
    public required IReadOnlyList<double> Deviation { get; init; }

    /// <summary>Order of the channels; a grey slice has the same intensities in all three.</summary>
    internal string Channels { get; init; } = "RGB";

    /// <summary>What names of the user's file begin with, before the network's own.</summary>
    internal string Prefix { get; init; } = "";

    /// <summary>Whether a tensor of the user's file is not of the network, such as its classifier.</summary>
    internal Func<string, bool> IsForeign { get; init; } = _ => false;

    /// <summary>Builds the network with weights that mean nothing.</summary>
    internal Func<Device, nn.Module<Tensor, Tensor>> Build { get; init; } = null!;

    /// <summary>Slices are brought to so many rows and columns before features are made of them.</summary>
    public static int Size => VisionTransformer.Size;

    /// <summary>All that is done to a slice before the network sees it, in words that a hash is taken of.</summary>
    public string Preprocessing => string.Join("; ", [
        "version 1",
        "clamp to [0, 1]",
        $"grey to {Channels}",
        $"{Size}×{Size} for feature vectors, bilinear, corners not aligned, no smoothing",
        $"subtract {Numbers(Mean)}",
        $"divide by {Numbers(Deviation)}",
        "float32",
        HasMaps ? "mean over places" : "class token, projected",
    ]);

    /// <summary>SHA-256 of <see cref="Preprocessing"/> in UTF-8.</summary>
    public string PreprocessingSha256 => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Preprocessing)));

    /// <summary>Every kind.</summary>
    public static IReadOnlyList<FeatureNetworkKind> All { get; } =
    [
        new()
        {
            Id = "resnet50_imagenet",
            Weights = "torchvision, ResNet50_Weights.IMAGENET1K_V1 (resnet50-0676ba61.pth)",
            Dimensions = 2048,
            HasMaps = true,
            Channels = "RGB",
            Mean = [0.485, 0.456, 0.406],
            Deviation = [0.229, 0.224, 0.225],
            IsForeign = name => name.StartsWith("fc.", StringComparison.Ordinal) || IsCount(name),
            Build = device => new ResidualNetwork(ResidualVariant.Torchvision, device),
        },
        new()
        {
            Id = "resnet50_radimagenet",
            Weights = "RadImageNet, ResNet-50 converted by Warvito/radimagenet-models (RadImageNet-ResNet50_notop.pth)",
            Dimensions = 2048,
            HasMaps = true,
            Channels = "BGR",
            Mean = [0.406, 0.456, 0.485],
            Deviation = [1, 1, 1],
            IsForeign = IsCount,
            Build = device => new ResidualNetwork(ResidualVariant.Keras, device),
        },
        new()
        {
            Id = "biomedclip",
            Weights = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224 (open_clip_pytorch_model.bin), the image tower",
            Dimensions = 512,
            HasMaps = false,
            Channels = "RGB",
            Mean = [0.48145466, 0.4578275, 0.40821073],
            Deviation = [0.26862954, 0.26130258, 0.27577711],
            Prefix = "visual.",
            IsForeign = name => !name.StartsWith("visual.", StringComparison.Ordinal),
            Build = device => new VisionTransformer(device),
        },
    ];

    // how many batches a norm has seen is of no use in inference
    private static bool IsCount(string name) => name.EndsWith(".num_batches_tracked", StringComparison.Ordinal);

    private static string Numbers(IEnumerable<double> values) =>
        "(" + string.Join(", ", values.Select(value => FormattableString.Invariant($"{value}"))) + ")";
}
