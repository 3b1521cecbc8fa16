namespace VoxelZoo.Abstractions.Tests;

public sealed class SavedElementsTests
{
    // blocks keep inputs of 10 and 20; the second, with 50 inside, is the one that memory must have room for
    [Fact]
    public void Checkpointing_keeps_layers_inputs_of_blocks_and_the_inside_of_the_largest_block()
    {
        var saved = default(SavedElements) + SavedElements.OfLayer(5) + SavedElements.OfBlock(10, 40) + SavedElements.OfBlock(20, 70);

        Assert.Equal(5 + 40 + 70, saved.All);
        Assert.Equal(5 + 10 + 20 + 50, saved.Checkpointed);
        Assert.Equal(
            (saved.All, saved.Checkpointed), (DenoiserFacts.Of(saved).ActivationElements, DenoiserFacts.Of(saved).CheckpointedElements));
    }

    [Fact]
    public void Order_and_grouping_of_the_blocks_are_the_same_to_it()
    {
        var (a, b, c) = (SavedElements.OfBlock(10, 40), SavedElements.OfBlock(20, 70), SavedElements.OfLayer(5));

        Assert.Equal(a + (b + c), c + b + a);
    }
}
