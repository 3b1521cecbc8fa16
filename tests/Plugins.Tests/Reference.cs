using System.Runtime.InteropServices;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests;

/// <summary>Tensors of the reference implementations, in <c>tests/Reference</c>.</summary>
internal static class Reference
{
    public static JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(Locate(name))).RootElement;

    public static Dictionary<string, Tensor> Tensors(string name)
    {
        var bytes = File.ReadAllBytes(Locate(name));
        var header = (int)BitConverter.ToUInt64(bytes);
        var tensors = new Dictionary<string, Tensor>();
        foreach (var entry in JsonDocument.Parse(bytes.AsMemory(8, header)).RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
                continue;
            var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
            var offsets = entry.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32()).ToArray();
            var data = bytes.AsSpan(8 + header)[offsets[0]..offsets[1]];
            tensors[entry.Name] = entry.Value.GetProperty("dtype").GetString() switch
            {
                "F32" => tensor(MemoryMarshal.Cast<byte, float>(data).ToArray(), shape),
                "F64" => tensor(MemoryMarshal.Cast<byte, double>(data).ToArray(), shape),
                "I64" => tensor(MemoryMarshal.Cast<byte, long>(data).ToArray(), shape),
                var other => throw new NotSupportedException(other),
            };
        }

        return tensors;
    }

    /// <summary>Loads weights whose names and shapes must be exactly the module's.</summary>
    public static void LoadWeights(nn.Module module, string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var weights = Tensors(name);
        var state = module.state_dict();
        Assert.Equal(weights.Keys.Order(StringComparer.Ordinal), state.Keys.Order(StringComparer.Ordinal));
        foreach (var (key, tensor) in state)
        {
            Assert.Equal(weights[key].shape, tensor.shape);
            tensor.copy_(weights[key]);
        }
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
