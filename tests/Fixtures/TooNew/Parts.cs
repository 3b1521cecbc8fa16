using VoxelZoo.Abstractions;

namespace VoxelZoo.Fixtures.TooNew;

public sealed record NoOptions;

[Metric("from_the_future")]
public sealed class FutureMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException("its code ran");
}
