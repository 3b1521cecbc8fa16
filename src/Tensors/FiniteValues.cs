using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>Whether a tensor holds only finite numbers, said alike wherever tensors are read.</summary>
public static class FiniteValues
{
    /// <summary>
    /// What of a tensor is not finite, such as
    /// <c>3 of 4096 values are not finite numbers (2 NaN, 1 infinite)</c>; null where all is finite.
    /// </summary>
    /// <param name="tensor">Of any shape and device; integers and truth values are always finite.</param>
    public static string? Complaint(Tensor tensor)
    {
        if (!tensor.is_floating_point() && !tensor.is_complex())
            return null;
        using var gradient = no_grad();
        using var scope = NewDisposeScope();
        var broken = tensor.numel() - tensor.isfinite().sum().ToInt64();
        if (broken == 0)
            return null;
        var nan = tensor.isnan().sum().ToInt64();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{broken} of {tensor.numel()} values {(broken == 1 ? "is not a finite number" : "are not finite numbers")} ({nan} "
            + $"NaN, {broken - nan} infinite)");
    }
}
