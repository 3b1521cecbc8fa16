using TorchSharp;
using VoxelZoo.Engine.Tests;

[assembly: AssemblyFixture(typeof(OneThread))]

namespace VoxelZoo.Engine.Tests;

/// <summary>Tensors of a few thousand elements spend more time on waking threads than on numbers, ten times so on a busy machine.</summary>
public sealed class OneThread
{
    public OneThread() => torch.set_num_threads(1);
}

/// <summary>
/// Layers draw from torch's global generator, so tests that train run while no other test does: <c>[Collection(Alone.Name)]</c>.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class Alone
{
    public const string Name = "trains";
}
