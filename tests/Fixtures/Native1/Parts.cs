using System.Runtime.InteropServices;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Fixtures.Native;

public sealed record NoOptions;

#if SECOND
[Metric("native2")]
#else
[Metric("native1")]
#endif
public sealed partial class NativeMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => new Fixed(Answer());

    [LibraryImport("answer", EntryPoint = "answer")]
    private static partial int Answer();

    private sealed class Fixed(int value) : Metric
    {
        public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

        public override bool HigherIsBetter => true;

        public override MetricResult Compute(Tensor real, Tensor generated) => new(value, [value]);
    }
}
