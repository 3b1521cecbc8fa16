using System.Text;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Engine.Dicom;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Tests.Data.Import;

namespace VoxelZoo.Engine.Tests.Dicom;

/// <summary>Volumes that are written as DICOM and read back by dcm2niix, where it is on the machine.</summary>
public sealed class DicomVolumeTests : IDisposable
{
    private static readonly int[] Shape = [12, 10, 7];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Voxels of 1.1×1.3×2.7 mm whose axes run to given sides, turned by an angle around the axis to the front.</summary>
    private static double[][] Affine(string axes, double angle)
    {
        double[] sizes = [1.1, 1.3, 2.7];
        var (cosine, sine) = (Math.Cos(angle), Math.Sin(angle));
        double[][] turn = [[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]];
        double[][] affine = [[0, 0, 0, -31.25], [0, 0, 0, 17.5], [0, 0, 0, 8.125], [0, 0, 0, 1]];
        for (var axis = 0; axis < 3; axis++)
        {
            var world = "RLAPSI".IndexOf(axes[axis]) / 2;
            for (var row = 0; row < 3; row++)
                affine[row][axis] = turn[row][world] * sizes[axis] * ("RAS".Contains(axes[axis]) ? 1 : -1);
        }

        return affine;
    }

    private NiftiVolume Volume(string axes, double angle, Func<int, double> at)
    {
        var (file, affine) = (_folder.File("volume.nii.gz"), Affine(axes, angle));
        var voxels = Enumerable.Range(0, Shape[0] * Shape[1] * Shape[2]).Select(i => (float)at(i)).ToArray();
        // a tensor's rows are the file's first axis
        float[] turned = [.. Enumerable.Range(0, voxels.Length).Select(i =>
            voxels[i / 120 * 120 + i % Shape[1] * Shape[0] + i / Shape[1] % Shape[0]])];
        NiftiFile.Write<float>(file, turned, new VolumeShape(1, Shape[2], Shape[0], Shape[1]), new Spacing(2.7, 1.1, 1.3), affine, null);
        var volume = NiftiFile.Read(file);
        Assert.Equal(voxels, volume.Intensities.ToArray());
        return volume;
    }

    private static DicomElements Elements() => new DicomElements().Text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4")
        .Text(0x00080060, "CS", "MR").Text(0x00100020, "LO", "P").Text(0x0020000D, "UI", DicomUid.Of("a study")).Whole(0x00200011, 1);

    [Theory]
    [InlineData("RAS", 0, 0.001)]
    [InlineData("LPS", 0, 0.001)]
    [InlineData("PIR", 0.3, 0.001)]
    [InlineData("LSA", -0.5, 1)] // whole numbers, some below 0, as of CT
    public void Dcm2niix_reads_the_places_and_numbers_that_were_written(string axes, double angle, double step)
    {
        DicomImportTests.RequireConverter();
        var volume = Volume(axes, angle, i => step * (i * 37 % 2000 - 1000));
        var written = new DicomVolume(volume);
        var from = Directory.CreateDirectory(Path.Combine(_folder.Path, "dicom")).FullName;
        written.Write(from, Elements(), DicomUid.Of("a series"));

        Assert.Equal(Shape[2], Directory.GetFiles(from).Length);
        // upright: columns run to the left or the back, rows to the back or the feet
        var orientation = DicomFile.Read(Directory.GetFiles(from)[0]).Orientation!;
        double[] sides = [orientation.Take(3).MaxBy(Math.Abs), orientation[3..].MaxBy(Math.Abs)];
        Assert.Equal((true, axes[2] is not 'R' and not 'A'), (sides[0] > 0, sides[1] > 0));
        var into = Directory.CreateDirectory(Path.Combine(_folder.Path, "nifti")).FullName;
        var read = NiftiFile.Read(Assert.Single(Dcm2niix.Convert(
            Dcm2niix.Find("a test"), Directory.GetFiles(from), into, TestContext.Current.CancellationToken)));

        var (way, seen) = (NiftiAffine.Product(NiftiAffine.Inverse(volume.Header.Affine), read.Header.Affine), new HashSet<int>());
        var rounding = step == 1 ? 0 : 1.999 / 65535 / 2;
        for (var i = 0; i < read.Intensities.Length; i++)
        {
            var shape = read.Header.Shape;
            var place = NiftiAffine.At(way, i % shape[0], i / shape[0] % shape[1], i / (shape[0] * shape[1]));
            int[] at = [.. place.Select(one => (int)Math.Round(one))];
            var (there, here) = (
                NiftiAffine.At(volume.Header.Affine, at[0], at[1], at[2]),
                NiftiAffine.At(read.Header.Affine, i % shape[0], i / shape[0] % shape[1], i / (shape[0] * shape[1])));
            Assert.All(there.Zip(here), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            var index = (at[2] * Shape[1] + at[1]) * Shape[0] + at[0];
            seen.Add(index);
            Assert.Equal(volume.Intensities.Span[index], read.Intensities.Span[i], rounding + 1e-6);
        }

        Assert.Equal(Shape[0] * Shape[1] * Shape[2], seen.Count);
    }

    [Fact]
    public void Volume_with_axes_aslant_is_no_dicom()
    {
        var header = Volume("RAS", 0, i => i).Header;
        Assert.Null(DicomVolume.WhyNot(header));
        double[][] aslant = [.. header.Affine.Select(row => row.ToArray())];
        aslant[0][2] += 0.1;

        Assert.StartsWith(
            "its axes do not stand at right angles (0.6 mm at a corner)",
            DicomVolume.WhyNot(header with { Affine = aslant })!,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CS", "synthetic")]
    [InlineData("LO", "65 letters are more than the 64 that this representation can hold")]
    [InlineData("LO", @"two\values")]
    [InlineData("UI", "1.2.x")]
    public void Value_that_its_representation_does_not_have_is_never_written(string representation, string value) =>
        Assert.Throws<ArgumentException>(() => new DicomElements().Text(0x00080008, representation, value));

    [Theory]
    [InlineData(1.0 / 3)]
    [InlineData(-1.0 / 3)]
    [InlineData(-1.2345678901234567e-9)]
    [InlineData(123456789.123456789)]
    [InlineData(0)]
    public void Decimals_have_sixteen_letters_at_most_and_are_near(double number)
    {
        var text = DicomElements.Decimal(number);

        Assert.InRange(Encoding.ASCII.GetByteCount(text), 1, 16);
        Assert.Equal(number, double.Parse(text, System.Globalization.CultureInfo.InvariantCulture), 1e-8 * Math.Abs(number));
    }

    [Fact]
    public void Identifiers_are_of_what_they_stand_for_and_as_the_standard_has_them()
    {
        Assert.Equal(DicomUid.Of("one"), DicomUid.Of("one"));
        Assert.NotEqual(DicomUid.Of("one"), DicomUid.Of("other"));
        Assert.Matches(@"^2\.25\.[1-9]\d{30,38}\z", DicomUid.Of("one"));
    }
}
