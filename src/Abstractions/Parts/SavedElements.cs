namespace VoxelZoo.Abstractions;

/// <summary>
/// Elements that a forward pass on one sample keeps for the backward pass. Each layer and block says its own, beside what it
/// computes, and a network adds them up: <c>saved += block.Saved(…)</c>, from <c>default</c>.
/// </summary>
public readonly record struct SavedElements
{
    private readonly long _inputs;
    private readonly long _largest;

    private SavedElements(long all, long inputs, long largest) => (All, _inputs, _largest) = (all, inputs, largest);

    /// <summary>Without gradient checkpointing.</summary>
    public long All { get; }

    /// <summary>
    /// With it: the blocks' inputs, what lies outside of blocks, and the inside of the largest block, while it is computed again.
    /// </summary>
    public long Checkpointed => _inputs + _largest;

    /// <summary>What is kept in any case.</summary>
    public static SavedElements OfLayer(long elements) => new(elements, elements, 0);

    /// <summary>What a block keeps of which gradient checkpointing keeps the input alone.</summary>
    /// <param name="input">Elements of its input.</param>
    /// <param name="all">Elements that it keeps otherwise, the input among them.</param>
    public static SavedElements OfBlock(long input, long all) => new(all, input, all - input);

    /// <summary>What both keep.</summary>
    public static SavedElements operator +(SavedElements left, SavedElements right) =>
        new(left.All + right.All, left._inputs + right._inputs, Math.Max(left._largest, right._largest));
}
