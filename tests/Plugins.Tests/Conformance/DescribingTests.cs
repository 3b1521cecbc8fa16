using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DiT;
using VoxelZoo.Plugins.UNet3D;
using VoxelZoo.Plugins.WDM;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.Conformance;

/// <summary>Architectures are asked what they keep before a run draws its weights.</summary>
public sealed class DescribingTests
{
    public static TheoryData<IArchitecture> Architectures => [new UNet3DArchitecture(), new WDMArchitecture(), new DiTArchitecture()];

    [Theory]
    [MemberData(nameof(Architectures), DisableDiscoveryEnumeration = true)]
    public void Description_draws_no_random_number(IArchitecture architecture)
    {
        var volume = new VolumeShape(1, 16, 16, 16);
        var shape = new DiffusionShape(volume, volume, ConditionChannels: 1);
        var options = architecture.Fit(architecture.Tiny, shape);
        using var scope = NewDisposeScope();
        var before = random.get_rng_state();

        var facts = architecture.Describe(options, shape);

        Assert.True(facts.CheckpointedElements < facts.ActivationElements);
        Assert.Equal(before.data<byte>().ToArray(), random.get_rng_state().data<byte>().ToArray());
    }
}
