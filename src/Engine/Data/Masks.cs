using static TorchSharp.torch;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Data;

/// <summary>The one rule by which a network's output becomes a mask; training, sampling and evaluation share it.</summary>
public static class Masks
{
    /// <summary>
    /// Where <paramref name="output"/> is above one half, as uint8. There is no sigmoid: networks regress the values 0 and 1 themselves.
    /// </summary>
    public static Tensor Binarise(Tensor output) => output.gt(Scalars.S(0.5)).to(ScalarType.Byte);
}
