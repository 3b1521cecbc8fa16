using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.StateDicts;

/// <summary>Numbers in a row that tensors are views of, by the name under which the file has them.</summary>
/// <param name="Key">The name.</param>
/// <param name="Type">Their type.</param>
/// <param name="Count">How many they are.</param>
internal sealed record SavedNumbers(string Key, ScalarType Type, long Count)
{
    private static readonly Dictionary<string, ScalarType> Types = new()
    {
        ["torch.FloatStorage"] = ScalarType.Float32,
        ["torch.DoubleStorage"] = ScalarType.Float64,
        ["torch.HalfStorage"] = ScalarType.Float16,
        ["torch.BFloat16Storage"] = ScalarType.BFloat16,
        ["torch.LongStorage"] = ScalarType.Int64,
        ["torch.IntStorage"] = ScalarType.Int32,
        ["torch.ShortStorage"] = ScalarType.Int16,
        ["torch.CharStorage"] = ScalarType.Int8,
        ["torch.ByteStorage"] = ScalarType.Byte,
        ["torch.BoolStorage"] = ScalarType.Bool,
    };

    /// <summary>PyTorch's name for numbers of a type.</summary>
    /// <exception cref="ArgumentException">It has none.</exception>
    public static string NameOf(string tensor, ScalarType type) =>
        Types.Where(known => known.Value == type).Select(known => known.Key).FirstOrDefault()
        ?? throw new ArgumentException($"the tensor `{tensor}` is of {type}, which a state dict cannot hold");

    /// <summary>The storage that a persistent id names: <c>("storage", type, key, place, count)</c>.</summary>
    public static SavedNumbers Of(object?[] id)
    {
        if (id is not ["storage", { } type, string key, _, long count, ..] || count < 0)
            throw new InvalidDataException("it refers to something that is no storage of a tensor; save the state_dict alone");
        return Types.TryGetValue(type.ToString()!, out var known)
            ? new(key, known, count)
            : throw new InvalidDataException($"it has a storage of {type}, which is not supported");
    }

    /// <summary>Reads the numbers; the caller disposes the tensor.</summary>
    public Tensor Read(Stream stream)
    {
        var numbers = empty([Count], Type).DetachFromDisposeScope();
        try
        {
            Safetensors.TensorBytes.Read(stream, numbers, Count * numbers.element_size());
            return numbers;
        }
        catch
        {
            numbers.Dispose();
            throw;
        }
    }
}

/// <summary>A tensor as a view of a storage.</summary>
/// <param name="Numbers">The storage.</param>
/// <param name="Offset">Place of its first number.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Strides">Its strides.</param>
internal sealed record Layout(SavedNumbers Numbers, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>The view that the arguments of <c>_rebuild_tensor_v2</c> describe.</summary>
    public static Layout Of(object?[] arguments)
    {
        if (arguments is not [SavedNumbers storage, long offset, object?[] shape, object?[] strides, ..] || shape.Length != strides.Length)
            throw new InvalidDataException("its pickle is damaged");
        var view = new Layout(storage, offset, [.. shape.Cast<long>()], [.. strides.Cast<long>()]);
        var last = offset + view.Shape.Zip(view.Strides, (length, stride) => Math.Max(0, length - 1) * stride).Sum();
        return offset < 0 || view.Shape.Any(length => length < 0) || view.Strides.Any(stride => stride < 0)
            || (!view.Shape.Contains(0) && last >= storage.Count)
                ? throw new InvalidDataException($"a tensor of [{string.Join(", ", view.Shape)}] lies outside of its storage")
                : view;
    }

    /// <summary>The tensor, of numbers of its own; the caller disposes it.</summary>
    public Tensor Copy(Tensor numbers)
    {
        using var scope = NewDisposeScope();
        return numbers.as_strided(Shape, Strides, Offset).clone().contiguous().DetachFromDisposeScope();
    }
}
