using VoxelZoo.Abstractions;

namespace VoxelZoo.Fixtures.Ending;

public sealed record NoOptions;

[Metric("ends_in_constructor")]
public sealed class ConstructorMetric : IMetric<NoOptions>
{
    public ConstructorMetric() => Environment.Exit(0);

    public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException();
}
