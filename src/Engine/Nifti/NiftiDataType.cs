using System.Numerics;
using System.Runtime.InteropServices;

namespace VoxelZoo.Engine.Nifti;

/// <summary>A numeric type that NIfTI stores: its code, its size and how its bytes become float64 numbers.</summary>
internal sealed record NiftiDataType(int Code, string Name, string Kind, int Bytes, NiftiDataType.Decoder Decode)
{
    /// <summary>Turns little-endian elements into numbers, one for one.</summary>
    public delegate void Decoder(ReadOnlySpan<byte> bytes, Span<double> numbers);

    private static readonly NiftiDataType[] Known =
    [
        new(2, "uint8", "u", 1, Numbers<byte>),
        new(4, "int16", "i", 2, Numbers<short>),
        new(8, "int32", "i", 4, Numbers<int>),
        new(16, "float32", "f", 4, Numbers<float>),
        new(64, "float64", "f", 8, Numbers<double>),
        new(256, "int8", "i", 1, Numbers<sbyte>),
        new(512, "uint16", "u", 2, Numbers<ushort>),
        new(768, "uint32", "u", 4, Numbers<uint>),
        new(1024, "int64", "i", 8, Numbers<long>),
        new(1280, "uint64", "u", 8, Numbers<ulong>),
    ];

    private static readonly Dictionary<int, string> Refused = new()
    {
        [1] = "single bits",
        [32] = "complex64",
        [128] = "RGB colours",
        [1536] = "float128",
        [1792] = "complex128",
        [2048] = "complex256",
        [2304] = "RGBA colours",
    };

    /// <summary>The type of that code, or null.</summary>
    public static NiftiDataType? Find(int code) => Array.Find(Known, type => type.Code == code);

    /// <summary>For messages: the code with its name where it has one.</summary>
    public static string Describe(int code) => Refused.TryGetValue(code, out var name) ? $"{code} ({name})" : $"{code}";

    /// <summary>The name that NumPy prints for this type in that byte order.</summary>
    public string NumpyName(bool bigEndian) => bigEndian && Bytes > 1 ? $">{Kind}{Bytes}" : Name;

    private static void Numbers<T>(ReadOnlySpan<byte> bytes, Span<double> numbers)
        where T : unmanaged, INumber<T>
    {
        var elements = MemoryMarshal.Cast<byte, T>(bytes);
        for (var i = 0; i < elements.Length; i++)
            numbers[i] = double.CreateTruncating(elements[i]);
    }
}
