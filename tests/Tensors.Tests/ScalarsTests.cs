using TorchSharp;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors.Tests;

public sealed class ScalarsTests
{
    [Fact]
    public void S_multiplies_by_its_value()
    {
        using var scope = torch.NewDisposeScope();
        Assert.Equal(3f, (torch.ones(1) * S(3.0)).item<float>());
    }
}
