using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Tests.Nifti;

namespace VoxelZoo.Engine.Tests.Data;

/// <summary>Affines that cannot be: the same words in <c>data check</c>, on the way of training and in <c>data info</c>.</summary>
public sealed class GeometryCheckTests : IDisposable
{
    private static readonly DataOptions Two = new() { Depth = 2, Height = 2, Width = 2, OriginalDepth = 2 };

    private readonly CohortFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static NiftiBytes Header(params double[] pixdim) => SizesAlone(pixdim).QForm(0, 0, 0, 0, 0, 0);

    private static NiftiBytes SizesAlone(params double[] pixdim) => new NiftiBytes().Dim(3, 2, 2, 2).Type(2).PixDim([1, .. pixdim]);

    private string Image(NiftiBytes header)
    {
        var path = _folder.File("train", "a", "bravo");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, header.With(0, 1, 2, 3, 4, 5, 6, 7));
        return path;
    }

    /// <summary>The one finding, which has to be that of all who look.</summary>
    private CohortFinding Found(NiftiBytes header)
    {
        var path = Image(header);
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), []));
        Assert.Contains(
            finding.Finding.Split(';', ':')[0].TrimEnd('.'), string.Join('\n', NiftiFacts.Of(path).Complaints), StringComparison.Ordinal);
        var use = Record.Exception(() => new CohortDataset(_folder.Open(), "train", Two, ["bravo"]));
        Assert.Equal(finding.Refused, use is PlanException);
        if (finding.AllowedBy is not null)
            Assert.Equal(1, new CohortDataset(_folder.Open(), "train", Two with { AllowGeometryMismatch = true }, ["bravo"]).Count);
        return finding;
    }

    public static TheoryData<double[]> Singular =>
    [
        new double[12], // a form that is set and empty
        new double[] { 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 },
        new double[] { 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0 }, // rank 2
        new double[] { 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 },
    ];

    [Theory]
    [MemberData(nameof(Singular))]
    public void Affine_without_an_inverse_is_refused_whatever_is_allowed(double[] rows)
    {
        var finding = Found(Header(1, 1, 1).SForm(rows));
        Assert.Contains("determinant is 0", finding.Finding, StringComparison.Ordinal);
        Assert.Equal((true, null), (finding.Refused, finding.AllowedBy));
    }

    [Theory]
    [InlineData(1e-6, 1, 1)]
    [InlineData(1, 1e-3, 1)] // a micron
    [InlineData(1, 1, 1e3)]
    [InlineData(2e7, 2e7, 2e7)]
    public void Voxels_of_a_size_that_no_scanner_has_are_refused_or_allowed(double x, double y, double z)
    {
        var finding = Found(Header(x, y, z));
        Assert.Contains("more than 0.001 and less than 1000 mm are expected", finding.Finding, StringComparison.Ordinal);
        Assert.Equal((true, "allow_geometry_mismatch"), (finding.Refused, finding.AllowedBy));
    }

    [Theory]
    [InlineData(0.005, 0.005, 0.005)]
    [InlineData(0.5, 0.5, 500)]
    public void Voxels_of_a_size_that_can_be_are_taken(double x, double y, double z)
    {
        Image(Header(x, y, z));
        Assert.Empty(CohortCheck.Run(_folder.Open(), []));
    }

    [Fact]
    public void Forms_of_one_code_that_disagree_are_refused_or_allowed()
    {
        // the qform of NiftiBytes has code 1, its sform 2: written over, both are 2
        var header = Header(1, 1, 1).QForm(0, 0, 0, 0, 0, 0).QFormCode(2).SForm(1, 0, 0, 30, 0, 1, 0, 40, 0, 0, 1, 0);
        var finding = Found(header);
        Assert.Contains("codes 2 and 2, that put a voxel in places up to 50 mm apart", finding.Finding, StringComparison.Ordinal);
        Assert.Equal((true, "allow_geometry_mismatch"), (finding.Refused, finding.AllowedBy));
    }

    [Fact]
    public void Forms_of_two_codes_are_two_spaces_and_it_is_said_which_is_taken()
    {
        var finding = Found(Header(1, 1, 1).QForm(0, 0, 1, 0, 0, 0).SForm(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0));
        // a half turn about z: the corner (1, 1) is at (-1, -1)
        Assert.Contains("up to 2.83 mm apart: the sform is taken", finding.Finding, StringComparison.Ordinal);
        Assert.False(finding.Refused);
    }

    [Fact]
    public void Header_without_a_form_is_read_and_its_orientation_is_named_as_unknown()
    {
        var finding = Found(SizesAlone(1, 1, 1));
        Assert.Contains("neither an sform nor a qform", finding.Finding, StringComparison.Ordinal);
        Assert.False(finding.Refused);
    }

    [Fact]
    public void Mask_without_a_form_lies_elsewhere_than_an_image_with_one()
    {
        Image(Header(1, 1, 1));
        File.WriteAllBytes(_folder.File("train", "a", "seg"), SizesAlone(1, 1, 1).With(0, 1, 0, 1, 0, 0, 0, 0));
        // the corner at (1, 0, 0) of one is at (-½, -½, -½) in the other
        Assert.Contains(
            CohortCheck.Run(_folder.Open(), []),
            finding => finding is { AllowedBy: "allow_geometry_mismatch" }
                && finding.Finding.Contains("affines differ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(99)]
    [InlineData(-1)]
    [InlineData(6)]
    public void Code_that_the_standard_does_not_have_is_named(int code)
    {
        Image(Header(1, 1, 1).SForm(9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0).SFormCode(code));
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), []));
        Assert.Contains($"sform_code is {code}", finding.Finding, StringComparison.Ordinal);
        Assert.False(finding.Refused);
    }

    [Fact]
    public void Forms_that_agree_but_for_rounding_are_nothing()
    {
        Image(Header(1, 1, 1).QForm(0, 0, 0, 3, 4, 5).SForm(1, 0, 0, 3.1, 0, 1, 0, 4, 0, 0, 1, 5));
        Assert.Empty(CohortCheck.Run(_folder.Open(), []));
    }

    [Fact]
    public void Qform_that_is_no_rotation_is_refused_only_where_it_is_read()
    {
        var path = Image(Header(1, 1, 1).QForm(1, 1, 0, 0, 0, 0));
        Assert.Contains(
            "no rotation", Assert.Throws<InvalidDataException>(() => NiftiFile.ReadHeader(path)).Message, StringComparison.Ordinal);
        Image(Header(1, 1, 1).QForm(1, 1, 0, 0, 0, 0).SForm(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0));
        Assert.Empty(CohortCheck.Run(_folder.Open(), []));
    }

    [Theory]
    [InlineData(1, "in metres")]
    [InlineData(3, "in microns")]
    [InlineData(5, "unit of length is 5")]
    public void Lengths_that_are_not_in_millimetres_are_named(byte unit, string found)
    {
        var path = Image(Header(1, 1, 1));
        var bytes = File.ReadAllBytes(path);
        bytes[123] = unit;
        File.WriteAllBytes(path, bytes);
        Assert.Contains(found, NiftiFacts.Of(path).Complaints[0], StringComparison.Ordinal);
    }
}
