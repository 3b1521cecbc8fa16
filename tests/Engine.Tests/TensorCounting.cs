namespace VoxelZoo.Engine.Tests;

/// <summary>Tests that count live tensors run while no other test makes any: <c>[Collection(TensorCounting.Name)]</c>.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class TensorCounting
{
    public const string Name = "counts tensors";
}
