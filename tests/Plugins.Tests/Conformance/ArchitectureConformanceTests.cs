using VoxelZoo.Conformance;

namespace VoxelZoo.Plugins.Tests.Conformance;

public sealed class ArchitectureConformanceTests
{
    private static IReadOnlyList<ConformanceCheck> Verify(Defect defect) =>
        ArchitectureConformance.Verify(new BadArchitecture(defect), Contexts.Cpu);

    [Fact]
    public void Architecture_without_a_defect_passes_every_check() =>
        Assert.All(Verify(Defect.None), check => Assert.True(check.Passed, check.Sentence));

    [Theory]
    [InlineData(nameof(Defect.Create), "create")]
    [InlineData(nameof(Defect.InputsUntouched), "inputs_untouched")]
    [InlineData(nameof(Defect.Shape), "shape")]
    [InlineData(nameof(Defect.Finite), "finite")]
    [InlineData(nameof(Defect.Gradient), "gradient")]
    [InlineData(nameof(Defect.InputsMatter), "inputs_matter")]
    [InlineData(nameof(Defect.Repeatable), "repeatable")]
    [InlineData(nameof(Defect.SameSeed), "same_seed")]
    [InlineData(nameof(Defect.SaveLoad), "save_load")]
    [InlineData(nameof(Defect.BatchPermutation), "batch_permutation")]
    [InlineData(nameof(Defect.LiveTensors), "live_tensors")]
    [InlineData(nameof(Defect.GradientCheckpointing), "gradient_checkpointing")]
    [InlineData(nameof(Defect.MetaDevice), "meta_device")]
    [InlineData(nameof(Defect.OddSizes), "odd_sizes")]
    [InlineData(nameof(Defect.ControlCreate), "control_create")]
    [InlineData(nameof(Defect.ControlStart), "control_start")]
    [InlineData(nameof(Defect.ControlStartFrom), "control_start_from")]
    [InlineData(nameof(Defect.ControlMatters), "control_matters")]
    [InlineData(nameof(Defect.ControlGradient), "control_gradient")]
    [InlineData(nameof(Defect.ControlResiduals), "control_residuals")]
    [InlineData(nameof(Defect.ControlGrid), "control_grid")]
    [InlineData(nameof(Defect.ControlSaveLoad), "control_save_load")]
    [InlineData(nameof(Defect.ControlLiveTensors), "control_live_tensors")]
    [InlineData(nameof(Defect.ControlMetaDevice), "control_meta_device")]
    public void Defect_is_found_by_its_check(string defect, string check)
    {
        var found = Verify(Enum.Parse<Defect>(defect)).Single(result => result.Name == check);
        Assert.False(found.Passed);
        Assert.NotEmpty(found.Sentence);
    }

    [Fact]
    public void Checks_cover_every_defect() =>
        Assert.Equal(Verify(Defect.None).Count, Enum.GetValues<Defect>().Length - 1);
}
