using CsCheck;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Nifti;

public sealed class NiftiWriteTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("volume.nii")]
    [InlineData("volume.nii.gz")]
    public void Tensor_written_and_read_is_the_same(string name)
    {
        var path = _folder.File(name);
        Gen.Select(Gen.Int[1, 5], Gen.Int[1, 6], Gen.Int[1, 7])
            .SelectMany((d, h, w) => Gen.Float[-1e6f, 1e6f].Array[d * h * w].Select(voxels => (d, h, w, voxels))).Sample(
                volume =>
                {
                    using var scope = torch.NewDisposeScope();
                    var (d, h, w, voxels) = volume;
                    NiftiFile.Write(path, torch.tensor(voxels, [1, d, h, w]), new Spacing(1, 0.9375, 0.875));
                    var read = NiftiFile.Read(path);
                    Assert.Equal(new VolumeShape(1, d, h, w), read.Shape);
                    Assert.Equal(voxels, read.ToTensor().data<float>().ToArray());
                },
                iter: 50,
                threads: 1);
    }

    [Fact]
    public void File_order_is_rows_columns_slices_with_a_diagonal_affine()
    {
        using var scope = torch.NewDisposeScope();
        var path = _folder.File("volume.nii");
        NiftiFile.Write(path, torch.arange(S(24), torch.float32).reshape(1, 2, 3, 4), new Spacing(1, 0.5, 0.25));
        var facts = NiftiFacts.Of(path);
        Assert.Equal([3, 4, 2], facts.Shape);
        Assert.Equal([[0.5, 0, 0, 0], [0, 0.25, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], facts.Affine);

        // voxel [h, w, d] = [1, 0, 0] comes second and is 4 in the tensor
        Assert.Equal(4, NiftiFile.Read(path).Intensities.Span[1]);
    }

    [Fact]
    public void Masks_are_stored_as_bytes()
    {
        using var scope = torch.NewDisposeScope();
        var path = _folder.File("seg.nii.gz");
        NiftiFile.Write(path, torch.tensor(new float[] { 0, 1, 1 }, [1, 1, 1, 3]).to(torch.@bool), new Spacing(1, 1, 1));
        var read = NiftiFile.Read(path);
        Assert.Equal("uint8", read.Header.DataType);
        Assert.Equal([0f, 1, 1], read.Intensities.ToArray());
    }

    [Fact]
    public void Affine_and_comment_are_kept()
    {
        using var scope = torch.NewDisposeScope();
        var path = _folder.File("volume.nii.gz");
        double[][] affine = [[0, -0.5, 0, 8], [-0.5, 0, 0, 7], [0, 0, 2, -3], [0, 0, 0, 1]];
        NiftiFile.Write(path, torch.zeros(1, 1, 1, 1), new Spacing(2, 0.5, 0.5), affine, "epoch 7, 25 steps, Größe");
        var header = NiftiFile.ReadHeader(path);
        Assert.Equal(affine, header.Affine);
        Assert.Equal(["epoch 7, 25 steps, Größe"], header.Comments);
    }

    [Theory]
    [InlineData("{\"seed\": 42}", "{\"seed\":42}")]
    [InlineData("{\"seed\": 4", "\"{\\u0022seed\\u0022: 4\"")] // not JSON
    [InlineData("42", "\"42\"")] // JSON, but no object
    public void Facts_tell_the_comments(string comment, string expected)
    {
        using var scope = torch.NewDisposeScope();
        var path = _folder.File("volume.nii.gz");
        NiftiFile.Write(path, torch.zeros(1, 1, 1, 1), new Spacing(1, 1, 1), comment: comment);
        Assert.Equal(expected, Assert.Single(NiftiFacts.Of(path).Comments).ToJsonString());
    }

    [Fact]
    public void Same_volume_gives_the_same_bytes_and_leaves_nothing_else()
    {
        using var scope = torch.NewDisposeScope();
        var volume = torch.arange(S(1000), torch.float32).reshape(1, 10, 10, 10);
        NiftiFile.Write(_folder.File("a.nii.gz"), volume, new Spacing(1, 1, 1));
        NiftiFile.Write(_folder.File("b.nii.gz"), volume, new Spacing(1, 1, 1));
        Assert.Equal(File.ReadAllBytes(_folder.File("a.nii.gz")), File.ReadAllBytes(_folder.File("b.nii.gz")));
        Assert.Equal(2, Directory.GetFiles(_folder.Path).Length);
    }

    [Fact]
    public void Batch_of_volumes_is_refused()
    {
        using var batch = torch.zeros(2, 1, 1, 1);
        Assert.Throws<ArgumentException>(() => NiftiFile.Write(_folder.File("volume.nii"), batch, new Spacing(1, 1, 1)));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }
}
