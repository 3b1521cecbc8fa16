using SkiaSharp;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Pictures;

namespace VoxelZoo.Engine.Tests.Pictures;

public sealed class MontageTests
{
    private const int Depth = 6, Height = 8, Width = 10;

    private static SKBitmap Render(torch.Tensor volume, torch.Tensor? mask = null)
    {
        using var stream = new MemoryStream();
        Montage.Write(stream, [new MontageRow(volume, mask)], new Spacing(2, 1, 1), pixelsPerMillimetre: 4);
        return SKBitmap.Decode(stream.ToArray());
    }

    [Fact]
    public void Write_panels_have_the_proportions_of_the_body()
    {
        using var scope = torch.NewDisposeScope();
        using var picture = Render(torch.ones(1, Depth, Height, Width));
        // axial 32×40, coronal and sagittal 48 high (6 slices of 2 mm), 40 and 32 wide, and gaps of 4
        Assert.Equal((4 + 40 + 4 + 40 + 4 + 32 + 4, 4 + 48 + 4), (picture.Width, picture.Height));
    }

    [Fact]
    public void Write_coronal_panel_has_the_last_slice_on_top()
    {
        using var scope = torch.NewDisposeScope();
        var volume = torch.zeros(1, Depth, Height, Width);
        volume[0, Depth - 1].fill_(Tensors.Scalars.S(1.0));
        using var picture = Render(volume);
        Assert.True(picture.GetPixel(4 + 40 + 4 + 20, 4 + 2).Red > 200);
        Assert.True(picture.GetPixel(4 + 40 + 4 + 20, 4 + 46).Red < 50);
    }

    [Fact]
    public void Write_mask_is_outlined_in_the_slice_that_shows_most_of_it()
    {
        using var scope = torch.NewDisposeScope();
        var mask = torch.zeros(1, Depth, Height, Width);
        mask[0, 4].narrow(0, 2, 4).narrow(1, 3, 4).fill_(Tensors.Scalars.S(1.0));
        using var picture = Render(torch.zeros(1, Depth, Height, Width), mask);
        var edge = picture.GetPixel(4 + 3 * 4, 4 + 2 * 4);
        var inside = picture.GetPixel(4 + 5 * 4, 4 + 4 * 4);
        Assert.True(edge.Red > 200 && edge.Blue < 100);
        Assert.True(inside.Red < 50);
    }

    /// <summary>A body of which the right, upper front is bright, on grids whose axes run every way.</summary>
    [Theory]
    [InlineData("PLS")] // heads that are synthesized
    [InlineData("RAS")] // cohorts that are imported
    [InlineData("LPS")]
    [InlineData("PIR")]
    [InlineData("SAL")]
    [InlineData("AIL")]
    public void Patient_is_shown_upright_with_the_right_on_the_left(string letters)
    {
        using var scope = torch.NewDisposeScope();
        double[][] affine = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]];
        int[] voxels = [6, 8, 10]; // of the file's axes, which are H, W and D
        foreach (var (axis, letter) in letters.Index())
        {
            var world = "RLAPSI".IndexOf(letter) / 2;
            affine[world][axis] = "RAS".Contains(letter) ? 1 : -1;
            affine[world][3] = -affine[world][axis] * (voxels[axis] - 1) / 2.0;
        }

        var body = torch.zeros(1, voxels[2], voxels[0], voxels[1]);
        for (var i = 0; i < 6 * 8 * 10; i++)
        {
            var (h, w, d) = (i % 6, i / 6 % 8, i / 48);
            if (affine.Take(3).All(row => row[0] * h + row[1] * w + row[2] * d + row[3] > 0))
                body[0, d, h, w] = torch.ones([]);
        }

        using var stream = new MemoryStream();
        var grid = new Engine.Data.VolumeGrid(new VolumeShape(1, voxels[2], voxels[0], voxels[1]), affine);
        Montage.Write(stream, [new MontageRow(body, body, grid)], new Spacing(1, 1, 1), pixelsPerMillimetre: 4);
        using var picture = SKBitmap.Decode(stream.ToArray());

        int Extent(string axis) => 4 * voxels[letters.IndexOfAny([.. axis])];
        var (across, deep, high) = (Extent("RL"), Extent("AP"), Extent("SI"));
        Assert.Equal((4 * 4 + 2 * across + deep, 8 + Math.Max(deep, high)), (picture.Width, picture.Height));
        foreach (var (left, width, height) in new[] { (4, across, deep), (8 + across, across, high), (12 + 2 * across, deep, high) })
        {
            bool IsBright(double x, double y) => picture.GetPixel(left + (int)(x * width), 4 + (int)(y * height)).Red > 200;
            Assert.Equal(
                (true, false, false, false), (IsBright(0.25, 0.25), IsBright(0.75, 0.25), IsBright(0.25, 0.75), IsBright(0.75, 0.75)));
        }
    }

    /// <summary>Two voxels in no common slice, seen through along each axis.</summary>
    [Fact]
    public void Projected_row_shows_all_of_a_mask()
    {
        using var scope = torch.NewDisposeScope();
        var mask = torch.zeros(1, Depth, Height, Width);
        mask[0, 1, 2, 3] = torch.ones([]);
        mask[0, 4, 6, 7] = torch.ones([]);
        var row = new MontageRow(mask) { IsProjected = true };

        Assert.Equal([(2, 3), (6, 7)], Bright(Height, Width, row.Axial));
        Assert.Equal([(1, 3), (4, 7)], Bright(Depth, Width, row.Coronal));
        Assert.Equal([(1, 2), (4, 6)], Bright(Depth, Height, row.Sagittal));

        static (int, int)[] Bright(int rows, int columns, Func<int, int, (float Intensity, bool Marked)> at) =>
        [
            .. Enumerable.Range(0, rows).SelectMany(y => Enumerable.Range(0, columns).Select(x => (y, x)))
                .Where(place => at(place.y, place.x).Intensity > 0.5),
        ];
    }

    [Fact]
    public void Focus_lies_in_the_larger_of_two_tumours_of_a_slice()
    {
        using var scope = torch.NewDisposeScope();
        var mask = torch.zeros(1, Depth, Height, Width);
        mask[0, 4].narrow(0, 0, 2).narrow(1, 0, 2).fill_(Tensors.Scalars.S(1.0));
        mask[0, 4].narrow(0, 5, 3).narrow(1, 7, 3).fill_(Tensors.Scalars.S(1.0)); // its middle is 6, 8
        Assert.Equal((4, 6, 8), new MontageRow(torch.zeros(1, Depth, Height, Width), mask).Focus);
    }

    [Fact]
    public void Focus_of_a_ring_is_on_it()
    {
        using var scope = torch.NewDisposeScope();
        var mask = torch.zeros(1, Depth, Height, Width);
        mask[0, 2].narrow(0, 1, 5).narrow(1, 2, 5).fill_(Tensors.Scalars.S(1.0));
        mask[0, 2].narrow(0, 2, 3).narrow(1, 3, 3).fill_(Tensors.Scalars.S(0.0));
        var (d, h, w) = new MontageRow(torch.zeros(1, Depth, Height, Width), mask).Focus;
        Assert.Equal(1, mask[0, d, h, w].ToSingle());
    }

    [Fact]
    public void Focus_takes_for_tumour_what_the_outline_does()
    {
        using var scope = torch.NewDisposeScope();
        var mask = torch.zeros(1, Depth, Height, Width);
        mask[0, 5, 7, 9] = torch.tensor(0.75f);
        Assert.Equal((5, 7, 9), new MontageRow(torch.zeros(1, Depth, Height, Width), mask).Focus);
    }
}
