using TorchSharp;
using VoxelZoo.Host.Tests;

[assembly: AssemblyFixture(typeof(TorchOnOneThread))]

namespace VoxelZoo.Host.Tests;

/// <summary>What computes in this process does so on one thread, as several tests do at once.</summary>
public sealed class TorchOnOneThread
{
    public TorchOnOneThread() => torch.set_num_threads(1);
}
