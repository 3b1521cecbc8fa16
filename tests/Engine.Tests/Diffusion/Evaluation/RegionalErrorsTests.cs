using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion.Evaluation;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Diffusion.Evaluation;

/// <summary>Errors that are constant in each region have closed forms.</summary>
public sealed class RegionalErrorsTests
{
    private static readonly Spacing Spacing = new(1, 1, 1);

    [Fact]
    public void Errors_are_means_over_the_voxels_of_each_size()
    {
        using var scope = NewDisposeScope();
        var (mask, estimate) = (zeros([1, 1, 8, 40, 40]), full([1, 1, 8, 40, 40], S(0.1)));
        Paint(mask, estimate, row: 2, length: 8, error: 0.5); // centres 7 mm apart: tiny
        Paint(mask, estimate, row: 8, length: 16, error: 0.4); // 15 mm: small
        Paint(mask, estimate, row: 14, length: 26, error: 0.3); // 25 mm: medium
        Paint(mask, estimate, row: 20, length: 36, error: 0.2); // 35 mm: large

        var found = Errors((mask, estimate));

        Assert.Equal(500, found.Timestep);
        Assert.Equal(0.25, found.Tiny!.Value, 1e-6);
        Assert.Equal(0.16, found.Small!.Value, 1e-6);
        Assert.Equal(0.09, found.Medium!.Value, 1e-6);
        Assert.Equal(0.04, found.Large!.Value, 1e-6);
        Assert.Equal(0.01, found.BackgroundLoss!.Value, 1e-6);
        var tumours = (8 * 0.25 + 16 * 0.16 + 26 * 0.09 + 36 * 0.04) / (8 + 16 + 26 + 36);
        Assert.Equal(tumours, found.TumourLoss, 1e-6);
        Assert.Equal(tumours / 0.01, found.Ratio!.Value, 1e-3);
    }

    [Fact]
    public void Specks_belong_to_neither_side_and_volumes_without_tumours_count_nowhere()
    {
        using var scope = NewDisposeScope();
        var (mask, estimate) = (zeros([1, 1, 4, 40, 40]), full([1, 1, 4, 40, 40], S(0.1)));
        Paint(mask, estimate, row: 2, length: 8, error: 0.5);
        Paint(mask, estimate, row: 20, length: 4, error: 1); // a speck
        var (clean, far) = (zeros([1, 1, 4, 40, 40]), ones([1, 1, 4, 40, 40]));

        var found = Errors((mask, estimate), (clean, far));

        Assert.Equal((0.25, 0.01), (Math.Round(found.TumourLoss, 6), Math.Round(found.BackgroundLoss!.Value, 6)));
        Assert.Null(found.Large);
    }

    [Fact]
    public void Volumes_without_any_tumour_have_no_regions()
    {
        using var scope = NewDisposeScope();
        var errors = new RegionalErrors(1, [500.0]);
        errors.Add(0, 500, RegionalErrors.Classes(zeros([1, 1, 4, 8, 8]), Spacing), zeros([1, 1, 4, 8, 8]), ones([1, 1, 4, 8, 8]));

        Assert.Empty(errors.Results());
    }

    private static RegionalError Errors(params (Tensor Mask, Tensor Estimate)[] volumes)
    {
        var errors = new RegionalErrors(1, [500.0]);
        foreach (var (mask, estimate) in volumes)
            errors.Add(0, 500, RegionalErrors.Classes(mask, Spacing), zeros_like(estimate), estimate);
        return Assert.Single(errors.Results());
    }

    private static void Paint(Tensor mask, Tensor estimate, int row, int length, double error)
    {
        mask[0, 0, 2, row].narrow(0, 0, length).fill_(S(1.0));
        estimate[0, 0, 2, row].narrow(0, 0, length).fill_(S(error));
    }
}
