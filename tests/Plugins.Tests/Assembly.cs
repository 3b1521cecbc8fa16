using TorchSharp;
using VoxelZoo.Plugins.Tests;
using Xunit.Sdk;
using Xunit.v3;

// torch's global generator and its tensor statistics are shared by the whole process
[assembly: Parallelization(Mode = ParallelMode.None)]
[assembly: AssemblyFixture(typeof(OneThread))]

namespace VoxelZoo.Plugins.Tests;

/// <summary>Tensors of a few thousand elements spend more time on waking threads than on numbers, ten times so on a busy machine.</summary>
public sealed class OneThread
{
    public OneThread() => torch.set_num_threads(1);
}
