using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Safetensors;

/// <summary>The dtypes of the format: those that TorchSharp has too, and those whose tensors can only be passed over.</summary>
internal static class SafetensorsDtype
{
    private static readonly (string Name, ScalarType Type, int Size)[] All =
    [
        ("F64", ScalarType.Float64, 8), ("I64", ScalarType.Int64, 8),
        ("F32", ScalarType.Float32, 4), ("I32", ScalarType.Int32, 4),
        ("F16", ScalarType.Float16, 2), ("BF16", ScalarType.BFloat16, 2), ("I16", ScalarType.Int16, 2),
        ("I8", ScalarType.Int8, 1), ("U8", ScalarType.Byte, 1), ("BOOL", ScalarType.Bool, 1),
    ];

    private static readonly (string Name, int Bits)[] Foreign =
    [
        ("U64", 64), ("C64", 64), ("U32", 32), ("U16", 16), ("F8_E4M3", 8), ("F8_E5M2", 8), ("F8_E8M0", 8),
        ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("F6_E2M3", 6), ("F6_E3M2", 6), ("F4", 4),
    ];

    /// <summary>The dtype of that name, or null where the format has it and TorchSharp does not.</summary>
    internal static ScalarType? Parse(string tensor, string name)
    {
        var i = Array.FindIndex(All, d => d.Name == name);
        if (i >= 0)
            return All[i].Type;
        return Array.Exists(Foreign, d => d.Name == name)
            ? null
            : throw new InvalidDataException(
                $"tensor '{tensor}' has the dtype '{name}', "
                + $"which is none of {string.Join(", ", All.Select(d => d.Name).Concat(Foreign.Select(d => d.Name)))}");
    }

    /// <summary>Name in the file and bytes per element.</summary>
    /// <exception cref="ArgumentException">The format has no such dtype.</exception>
    internal static (string Name, int Size) Of(string tensor, ScalarType type)
    {
        var i = Array.FindIndex(All, d => d.Type == type);
        return i >= 0
            ? (All[i].Name, All[i].Size)
            : throw new ArgumentException($"tensor '{tensor}' is {type}, which safetensors files do not hold");
    }

    /// <summary>Bytes of a tensor; refuses shapes that neither a file nor libtorch's stride arithmetic can hold.</summary>
    internal static long ByteCount(string tensor, string dtype, ReadOnlySpan<long> shape)
    {
        var i = Array.FindIndex(All, d => d.Name == dtype);
        long bits = i >= 0 ? 8 * All[i].Size : Foreign[Array.FindIndex(Foreign, d => d.Name == dtype)].Bits;
        try
        {
            // whole bytes are counted in bytes, whose range is that of strides
            var (unit, each) = bits % 8 == 0 ? (8L, bits / 8) : (1L, bits);
            long size = each, strides = each;
            foreach (var length in shape)
            {
                size = checked(size * length);
                strides = checked(strides * Math.Max(length, 1));
            }

            if (unit == 8)
                return size;
            return size % 8 == 0
                ? size / 8
                : throw new InvalidDataException($"tensor '{tensor}' of {dtype} does not end at a whole byte");
        }
        catch (OverflowException e)
        {
            throw new InvalidDataException($"tensor '{tensor}' has a shape whose size overflows", e);
        }
    }
}
