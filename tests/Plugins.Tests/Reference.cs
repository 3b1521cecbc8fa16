using System.Text.Json;
using TorchSharp;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests;

/// <summary>Tensors of the reference implementations, in <c>tests/Reference</c>.</summary>
internal static class Reference
{
    public static JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(Locate(name))).RootElement;

    public static NamedTensors Tensors(string name) => SafetensorsFile.Read(Locate(name));

    /// <summary>Loads weights whose names and shapes must be exactly the module's.</summary>
    public static void LoadWeights(nn.Module module, string name)
    {
        using var weights = Tensors(name);
        Weights.Load(module, weights, name);
    }

    /// <summary>Largest difference, relative to the largest value.</summary>
    public static double Difference(Tensor actual, Tensor expected)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        return ((actual - expected).abs().max() / expected.abs().max()).ToDouble();
    }

    private static string Locate(string name) => Path.Combine(AppContext.BaseDirectory, "Reference", name);
}
