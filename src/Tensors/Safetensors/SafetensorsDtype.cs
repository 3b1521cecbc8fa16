using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Safetensors;

/// <summary>The dtypes that both safetensors and TorchSharp have.</summary>
internal static class SafetensorsDtype
{
    private static readonly (string Name, ScalarType Type, int Size)[] All =
    [
        ("F64", ScalarType.Float64, 8), ("I64", ScalarType.Int64, 8),
        ("F32", ScalarType.Float32, 4), ("I32", ScalarType.Int32, 4),
        ("F16", ScalarType.Float16, 2), ("BF16", ScalarType.BFloat16, 2), ("I16", ScalarType.Int16, 2),
        ("I8", ScalarType.Int8, 1), ("U8", ScalarType.Byte, 1), ("BOOL", ScalarType.Bool, 1),
    ];

    internal static ScalarType Parse(string tensor, string name)
    {
        var i = Array.FindIndex(All, d => d.Name == name);
        return i >= 0
            ? All[i].Type
            : throw new InvalidDataException($"tensor '{tensor}' has the dtype '{name}', which is none of {string.Join(", ", All.Select(d => d.Name))}");
    }

    /// <summary>Name in the file and bytes per element.</summary>
    /// <exception cref="ArgumentException">The format has no such dtype.</exception>
    internal static (string Name, int Size) Of(string tensor, ScalarType type)
    {
        var i = Array.FindIndex(All, d => d.Type == type);
        return i >= 0 ? (All[i].Name, All[i].Size) : throw new ArgumentException($"tensor '{tensor}' is {type}, which safetensors files do not hold");
    }

    /// <summary>Bytes of a tensor; refuses shapes that neither a file nor libtorch's stride arithmetic can hold.</summary>
    internal static long ByteCount(string tensor, ScalarType type, ReadOnlySpan<long> shape)
    {
        try
        {
            long size = All[Array.FindIndex(All, d => d.Type == type)].Size, elements = size, strides = size;
            foreach (var length in shape)
            {
                elements = checked(elements * length);
                strides = checked(strides * Math.Max(length, 1));
            }

            return elements;
        }
        catch (OverflowException e)
        {
            throw new InvalidDataException($"tensor '{tensor}' has a shape whose size overflows", e);
        }
    }
}
