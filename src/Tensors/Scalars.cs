using TorchSharp;

namespace VoxelZoo.Tensors;

/// <summary>
/// Scalars that stay alive while native code reads them. TorchSharp 0.107's implicit conversions build a temporary whose
/// finalizer may run between reading its handle and the native call; the symptom is an exception such as
/// "Unknown scalar type" at a random step.
/// </summary>
public static class Scalars
{
    // A scalar only has to outlive the one call that it is an argument of; the last few hundred of a thread are more than enough.
    private const int Kept = 512;

    [ThreadStatic] private static Scalar?[]? _recent;
    [ThreadStatic] private static int _next;

#pragma warning disable RS0030 // banned elsewhere in favour of these two methods
    /// <summary>A float64 scalar, safe to pass to any tensor operation on this thread: <c>x * S(0.5)</c>.</summary>
    public static Scalar S(double value) => Keep(value.ToScalar());

    /// <summary>An int64 scalar, safe to pass to any tensor operation on this thread.</summary>
    public static Scalar S(long value) => Keep(value.ToScalar());
#pragma warning restore RS0030

    private static Scalar Keep(Scalar scalar)
    {
        var recent = _recent ??= new Scalar?[Kept];
        recent[_next] = scalar;
        _next = (_next + 1) % Kept;
        return scalar;
    }
}
