using System.IO.Compression;
using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Nifti;

public sealed class NiftiReadTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Good => References.Good;

    public void Dispose() => _folder.Dispose();

    private NiftiVolume Read(byte[] bytes)
    {
        var path = _folder.File("volume.nii");
        File.WriteAllBytes(path, bytes);
        return NiftiFile.Read(path);
    }

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];

    [Theory]
    [MemberData(nameof(Good))]
    public void Reference_file_has_the_recorded_facts(string name)
    {
        var facts = NiftiFacts.Of(References.Path(name));
        var expected = References.Facts.GetProperty("good").GetProperty(name);
        Assert.Equal(expected.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()), facts.Shape);
        Assert.Equal(expected.GetProperty("dtype").GetString(), facts.Dtype);
        Assert.Equal(Numbers(expected.GetProperty("spacing")), facts.Spacing, (a, b) => Math.Abs(a - b) < 1e-6);
        foreach (var (expectedRow, row) in expected.GetProperty("affine").EnumerateArray().Zip(facts.Affine))
            Assert.Equal(Numbers(expectedRow), row, (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal(expected.GetProperty("min").GetDouble(), facts.Min);
        Assert.Equal(expected.GetProperty("max").GetDouble(), facts.Max);
        Assert.Equal(expected.GetProperty("mean").GetDouble(), facts.Mean!.Value, 1e-9);
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void Reference_voxels_are_where_file_order_says(string name)
    {
        var volume = NiftiFile.Read(References.Path(name));
        var expected = References.Facts.GetProperty("good").GetProperty(name);
        Assert.Equal(expected.GetProperty("first").GetDouble(), volume.Intensities.Span[0], 1e-6);
        var (n0, n1) = (volume.Header.Shape[0], volume.Header.Shape[1]);
        Assert.Equal(expected.GetProperty("at_1_2_3").GetDouble(), volume.Intensities.Span[1 + n0 * (2 + n1 * 3)], 1e-6);
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void Tensor_has_depth_first_where_the_file_has_it_last(string name)
    {
        using var tensor = NiftiFile.Read(References.Path(name)).ToTensor();
        var expected = References.Facts.GetProperty("good").GetProperty(name);
        var shape = Numbers(expected.GetProperty("shape"));
        Assert.Equal([1, (long)shape[2], (long)shape[0], (long)shape[1]], tensor.shape);
        Assert.Equal(expected.GetProperty("at_1_2_3").GetDouble(), tensor[0, 3, 1, 2].item<float>(), 1e-6);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public void Header_is_read_in_both_versions_and_byte_orders(int version, bool bigEndian)
    {
        var volume = Read(new NiftiBytes(version, bigEndian).Dim(3, 2, 1, 3, 1, 1, 1, 1)
            .Type(2).PixDim(1, 0.5, 2, 4).Scale(2, -1).With(0, 1, 2, 3, 4, 5));
        Assert.Equal([2, 1, 3], volume.Header.Shape);
        Assert.Equal(new Spacing(4, 0.5, 2), volume.Spacing);
        Assert.Equal([-1f, 1, 3, 5, 7, 9], volume.Intensities.ToArray());
        Assert.Equal("uint8", volume.Header.DataType);
    }

    [Theory]
    [InlineData(2, "uint8", "ff", 255)]
    [InlineData(256, "int8", "ff", -1)]
    [InlineData(4, "int16", "feff", -2)]
    [InlineData(512, "uint16", "feff", 65534)]
    [InlineData(8, "int32", "fdffffff", -3)]
    [InlineData(768, "uint32", "fdffffff", 4294967293)]
    [InlineData(1024, "int64", "fcffffffffffffff", -4)]
    [InlineData(1280, "uint64", "0000000000000080", 9223372036854775808)]
    [InlineData(16, "float32", "0000c03f", 1.5)]
    [InlineData(64, "float64", "000000000000f8bf", -1.5)]
    public void Each_number_type_is_decoded(short code, string name, string voxel, double expected)
    {
        var volume = Read(new NiftiBytes().Dim(3, 1, 1, 1).Type(code).With(Convert.FromHexString(voxel)));
        Assert.Equal((name, expected), (volume.Header.DataType, volume.Max!.Value));
    }

    [Theory]
    [InlineData(4, ">i2", "fffe", -2)]
    [InlineData(1280, ">u8", "8000000000000000", 9223372036854775808)]
    [InlineData(64, ">f8", "bff8000000000000", -1.5)]
    public void Big_endian_types_are_named_as_NumPy_does(short code, string name, string voxel, double expected)
    {
        var volume = Read(new NiftiBytes(bigEndian: true).Dim(3, 1, 1, 1).Type(code).With(Convert.FromHexString(voxel)));
        Assert.Equal((name, expected), (volume.Header.DataType, volume.Max!.Value));
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(double.NaN, 5)]
    [InlineData(double.PositiveInfinity, double.NaN)]
    public void Slope_that_is_no_factor_means_unscaled(double slope, double intercept)
    {
        var volume = Read(new NiftiBytes().Dim(3, 1, 1, 1).Type(2).Scale(slope, intercept).With(7));
        Assert.Equal(7, volume.Intensities.Span[0]);
    }

    [Fact]
    public void Sform_wins_over_qform_and_qform_over_spacing()
    {
        var bytes = new NiftiBytes().Dim(3, 1, 1, 1).Type(2).PixDim(1, 2, 3, 4);
        Assert.Equal([[-2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]], Read(bytes.With(0)).Header.Affine);

        // a half turn about the second axis: x and z change sign
        bytes.QForm(0, 1, 0, 10, 20, 30);
        Assert.Equal([[-2, 0, 0, 10], [0, 3, 0, 20], [0, 0, -4, 30], [0, 0, 0, 1]], Read(bytes.With(0)).Header.Affine);

        bytes.SForm(9, 0, 0, 1, 0, 9, 0, 2, 0, 0, 9, 3);
        Assert.Equal([[9, 0, 0, 1], [0, 9, 0, 2], [0, 0, 9, 3], [0, 0, 0, 1]], Read(bytes.With(0)).Header.Affine);
    }

    /// <summary>The example in the documentation of nibabel's <c>get_base_affine</c>.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Header_without_a_form_has_the_affine_that_nibabel_gives_it(int version)
    {
        var bytes = new NiftiBytes(version).Dim(3, 3, 5, 7).Type(2).PixDim(1, 3, 2, 1);
        Assert.Equal([[-3, 0, 0, 3], [0, 2, 0, -4], [0, 0, 1, -3], [0, 0, 0, 1]], Read(bytes.With(new byte[105])).Header.Affine);
        bytes.Dim(2, 3, 5, 1).PixDim(1, 3, 2, 9); // the size of a dimension that it does not have counts for nothing
        Assert.Equal([[-3, 0, 0, 3], [0, 2, 0, -4], [0, 0, 1, 0], [0, 0, 0, 1]], Read(bytes.With(new byte[15])).Header.Affine);
    }

    [Theory]
    [InlineData(1, 99)]
    [InlineData(1, -1)]
    [InlineData(2, 6)]
    public void Form_of_an_unknown_code_is_passed_over_as_in_nibabel(int version, int code)
    {
        var bytes = new NiftiBytes(version).Dim(3, 1, 1, 1).Type(2).SForm(9, 0, 0, 1, 0, 9, 0, 2, 0, 0, 9, 3).SFormCode(code);
        Assert.Equal([[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], Read(bytes.With(0)).Header.Affine);
        bytes.QForm(0, 0, 0, 4, 5, 6);
        Assert.Equal([[1, 0, 0, 4], [0, 1, 0, 5], [0, 0, 1, 6], [0, 0, 0, 1]], Read(bytes.With(0)).Header.Affine);
        bytes.QFormCode(code);
        Assert.Equal(2, Read(bytes.With(0)).Header.Complaints.Count);
    }

    [Fact]
    public void Qfac_of_minus_one_mirrors_the_third_axis()
    {
        // a quarter turn about the third axis: b = c = 0, d = √½
        var bytes = new NiftiBytes().Dim(3, 1, 1, 1).Type(2).PixDim(-1, 2, 3, 4).QForm(0, 0, Math.Sqrt(0.5), 0, 0, 0);
        double[][] expected = [[0, -3, 0, 0], [2, 0, 0, 0], [0, 0, -4, 0], [0, 0, 0, 1]];
        foreach (var (row, actual) in expected.Zip(Read(bytes.With(0)).Header.Affine))
            Assert.Equal(row, actual, (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void Voxels_that_are_not_finite_are_counted_and_left_out_of_the_statistics()
    {
        var volume = Read(new NiftiBytes().Dim(3, 3, 1, 1).Type(16).With(Convert.FromHexString("0000c07f0000803f00004040")));
        Assert.Equal((1, 1, 3, 2), (volume.NonFinite, volume.Min, volume.Max, volume.Mean));
    }

    [Fact]
    public void Mean_of_the_largest_numbers_is_finite_and_what_is_beyond_float32_is_left_out()
    {
        var (largest, beyond) = (BitConverter.GetBytes((double)float.MaxValue), BitConverter.GetBytes(1.5e308));
        var volume = Read(new NiftiBytes().Dim(3, 4, 1, 1).Type(64).With([.. largest, .. beyond, .. largest, .. largest]));
        Assert.Equal((1, (double)float.MaxValue, (double)float.MaxValue), (volume.NonFinite, volume.Max, volume.Mean));
    }

    [Fact]
    public void Facts_take_no_memory_for_voxels()
    {
        var path = _folder.File("large.nii.gz");
        using (var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest))
            gzip.Write(new NiftiBytes().Dim(3, 256, 256, 256).Type(2).With(new byte[1 << 24]));

        var before = GC.GetAllocatedBytesForCurrentThread();
        var facts = NiftiFacts.Of(path);

        Assert.Equal([256, 256, 256], facts.Shape);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Trailing_dimensions_of_one_make_no_difference_to_the_tensor()
    {
        using var tensor = Read(new NiftiBytes().Dim(4, 2, 1, 1, 1).Type(2).With(1, 2)).ToTensor();
        Assert.Equal([1, 1, 2, 1], tensor.shape);
    }

    [Fact]
    public void Time_series_is_no_volume()
    {
        var volume = Read(new NiftiBytes().Dim(4, 1, 1, 1, 2).Type(2).With(1, 2));
        Assert.Contains("1×1×1×2", Assert.Throws<InvalidDataException>(volume.ToTensor).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Comment_extension_is_read_and_others_are_passed_over()
    {
        byte[] other = [16, 0, 0, 0, 44, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        byte[] comment = [16, 0, 0, 0, 6, 0, 0, 0, .. "abcde"u8, 0, 0, 0];
        var volume = Read(new NiftiBytes { Extensions = [.. other, .. comment] }.Dim(3, 1, 1, 1).Type(2).With(7));
        Assert.Equal(["abcde"], volume.Header.Comments);
        Assert.Equal(7, volume.Intensities.Span[0]);
    }

    // xyzt_units at byte 123: 1 metre, 2 millimetre, 3 micron, with or without a unit of time
    [Theory]
    [InlineData(1, 1000)]
    [InlineData(2, 1)]
    [InlineData(3, 0.001)]
    [InlineData(3 + 8, 0.001)]
    [InlineData(0, 1)]
    public void Lengths_are_millimetres_whatever_the_files_unit(byte unit, double millimetres)
    {
        var bytes = new NiftiBytes().Dim(3, 1, 1, 1).Type(2).PixDim(1, 2, 4, 8).SForm(2, 0, 0, 16, 0, 4, 0, 32, 0, 0, 8, 64).With(1);
        bytes[123] = unit;
        var path = Path.Combine(Path.GetTempPath(), $"voxelzoo-{Guid.NewGuid():n}.nii");
        File.WriteAllBytes(path, bytes);
        var header = NiftiFile.ReadHeader(path);
        File.Delete(path);
        Assert.Equal([2 * millimetres, 4 * millimetres, 8 * millimetres], header.Spacing);
        Assert.Equal([16 * millimetres, 32 * millimetres, 64 * millimetres], header.Affine.Take(3).Select(row => row[3]));
    }

    [Fact]
    public void Slope_beyond_float32_leaves_voxels_that_are_not_finite()
    {
        var path = Path.Combine(Path.GetTempPath(), $"voxelzoo-{Guid.NewGuid():n}.nii");
        File.WriteAllBytes(path, new NiftiBytes().Dim(3, 2, 1, 1).Type(2).Scale(3e38, 0).With(0, 200));
        var (volume, facts) = (NiftiFile.Read(path), NiftiFacts.Of(path));
        File.Delete(path);
        Assert.Equal(1, volume.NonFinite);
        Assert.Equal((1, 0, 0, 0), (facts.NonFinite, facts.Min, facts.Max, facts.Mean)); // data info judges as training does
    }

    [Fact]
    public void Extension_whose_size_is_no_multiple_of_16_is_read_and_complained_of()
    {
        var path = Path.Combine(Path.GetTempPath(), $"voxelzoo-{Guid.NewGuid():n}.nii");
        File.WriteAllBytes(
            path,
            new NiftiBytes { Extensions = [15, 0, 0, 0, 6, 0, 0, 0, (byte)'a', (byte)'b', 0, 0, 0, 0, 0, 0] }
                .Dim(3, 1, 1, 1).Type(2).With(5));
        var volume = NiftiFile.Read(path);
        File.Delete(path);
        Assert.Equal((5, "ab"), ((int)volume.Max!, Assert.Single(volume.Header.Comments)));
        Assert.Contains("size 15", Assert.Single(volume.Header.Complaints), StringComparison.Ordinal);
    }

    public static TheoryData<string> Oddities => ["bitpix", "pixdim", "qfac 0", "qfac 2", "tail"];

    [Theory]
    [MemberData(nameof(Oddities))]
    public void What_is_odd_about_a_file_is_named_and_the_rest_read_as_nibabel_reads_it(string odd)
    {
        foreach (var version in new[] { 1, 2 })
        {
            var bytes = new NiftiBytes(version).Dim(3, 1, 1, 1).Type(4);
            var (file, found) = odd switch
            {
                "bitpix" => (bytes.BitPix(32).With(7, 0), "bitpix is 32 beside the datatype int16 of 16 bits, which is taken"),
                "pixdim" => (bytes.PixDim(1, -2, 1, 1).With(7, 0), "pixdim[1] is -2, which is taken without its sign"),
                "qfac 0" => (
                    bytes.PixDim(0, 1, 1, 1).QForm(0, 0, 0, 0, 0, 0).With(7, 0),
                    "pixdim[0] (qfac) is 0, where 1 or -1 is expected: 1 is taken"),
                "qfac 2" => (
                    bytes.PixDim(2, 1, 1, 1).QForm(0, 0, 0, 0, 0, 0).With(7, 0),
                    "pixdim[0] (qfac) is 2, where 1 or -1 is expected: 1 is taken"),
                _ => (bytes.With(7, 0, 9), "its voxels are followed by a byte that the header does not tell of; what follows is not read"),
            };
            var volume = Read(file);
            Assert.Equal(found, Assert.Single(volume.Header.Complaints));
            Assert.Equal(7, volume.Intensities.Span[0]);
            Assert.Equal(odd == "pixdim" ? 2 : 1, volume.Header.Spacing[0]);
        }
    }
}
