using CsCheck;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Nifti;

public sealed class NiftiRefusalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Bad => References.Bad;

    public void Dispose() => _folder.Dispose();

    private string Written(byte[] bytes)
    {
        var path = _folder.File("volume.nii");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private string RefusalOf(byte[] bytes)
    {
        var path = Written(bytes);
        return Assert.Throws<InvalidDataException>(() => NiftiFile.Read(path)).Message;
    }

    private static NiftiBytes OneVoxel => new NiftiBytes().Dim(3, 1, 1, 1).Type(2);

    [Theory]
    [MemberData(nameof(Bad))]
    public void Bad_reference_file_is_refused_by_name_with_little_memory(string name)
    {
        var path = References.Path(name);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Assert.Throws<InvalidDataException>(() => NiftiFile.Read(path)).Message;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("bad-truncated-data.nii", "592 bytes in all, the file has 552")]
    [InlineData("bad-truncated-header.nii", "ends after 200 bytes")]
    [InlineData("bad-dim0.nii", "dim[0] is 9")]
    [InlineData("bad-huge.nii", "35181150961663 voxels")]
    [InlineData("bad-negative-dim.nii", "dim[1] is -3")]
    [InlineData("bad-dtype.nii", "1792 (complex128)")]
    [InlineData("bad-offset.nii", "vox_offset is NaN")]
    [InlineData("bad-magic.nii", "magic is 'oops'")]
    [InlineData("bad-gzip.nii.gz", "decompressed data ends after 302 bytes")]
    [InlineData("bad-bomb.nii.gz", "goes on for more than")]
    public void Refusal_says_what_was_found(string name, string found)
    {
        var message = Assert.Throws<InvalidDataException>(() => NiftiFile.Read(References.Path(name))).Message;
        Assert.Contains(found, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Flipped_bit_in_compressed_voxels_is_refused()
    {
        var bytes = File.ReadAllBytes(References.Path("int16.nii.gz"));
        bytes[^6] ^= 1; // in the checksum
        Assert.Contains("gzip data is damaged", RefusalOf(bytes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 8)] // no trailer
    [InlineData(0, 1)]
    [InlineData(9, 8)] // none, and a bit of the voxels turned
    public void Compressed_file_without_its_whole_trailer_is_refused(int turned, int missing)
    {
        var bytes = File.ReadAllBytes(References.Path("int16.nii.gz"));
        if (turned > 0)
            bytes[^(turned + 8)] ^= 1;
        Assert.Contains("gzip data", RefusalOf(bytes[..^missing]), StringComparison.Ordinal);
    }

    [Fact]
    public void Compressed_file_of_several_members_is_read_and_its_last_trailer_missed()
    {
        var bytes = OneVoxel.With(7);
        var members = new[] { bytes[..200], bytes[200..] }.SelectMany(part =>
        {
            using var memory = new MemoryStream();
            using (var gzip = new System.IO.Compression.GZipStream(memory, System.IO.Compression.CompressionLevel.Optimal))
                gzip.Write(part);
            return memory.ToArray();
        }).ToArray();
        Assert.Equal(7, NiftiFile.Read(Written(members)).Max);
        Assert.Contains("gzip data", RefusalOf(members[..^8]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(351)]
    [InlineData(-352)]
    [InlineData(352.5)]
    [InlineData(1e30)]
    public void Voxel_offset_that_cannot_be_is_refused(double offset) =>
        Assert.Contains("vox_offset", RefusalOf(OneVoxel.Offset(offset).With(1)), StringComparison.Ordinal);

    [Fact]
    public void Nifti2_dimensions_cannot_overflow() =>
        Assert.Contains(
            "voxels",
            RefusalOf(new NiftiBytes(2).Dim(3, long.MaxValue, long.MaxValue, long.MaxValue).Type(2).With(1)),
            StringComparison.Ordinal);

    [Fact]
    public void Two_file_image_is_refused_as_such()
    {
        var bytes = OneVoxel.With(1);
        bytes[345] = (byte)'i';
        Assert.Contains("two-file", RefusalOf(bytes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(64)]
    [InlineData(-16)]
    public void Extension_of_an_impossible_size_is_refused(int size)
    {
        var bytes = new NiftiBytes { Extensions = [.. BitConverter.GetBytes(size), 6, 0, 0, 0, .. new byte[24]] };
        Assert.Contains("extension", RefusalOf(bytes.Dim(3, 1, 1, 1).Type(2).With(1)), StringComparison.Ordinal);
    }

    [Fact]
    public void Affine_that_is_not_finite_is_refused() =>
        Assert.Contains("affine", RefusalOf(OneVoxel.SForm(double.NaN, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0).With(1)), StringComparison.Ordinal);

    [Fact]
    public void Promise_beyond_what_gzip_can_hold_is_refused_before_memory_is_taken()
    {
        var path = _folder.File("promise.nii.gz");
        using (var file = new System.IO.Compression.GZipStream(File.Create(path), System.IO.Compression.CompressionLevel.Fastest))
            file.Write(new NiftiBytes().Dim(3, 512, 512, 512).Type(2).With(1));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Assert.Throws<InvalidDataException>(() => NiftiFile.Read(path)).Message;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        Assert.Contains("compressed bytes can hold", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("int16.nii.gz")]
    [InlineData("float32-big-endian.nii")]
    public void Mutated_file_is_read_or_refused_and_nothing_else(string name)
    {
        var good = File.ReadAllBytes(References.Path(name));
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 360], Gen.Byte, Gen.Int[0, good.Length]).Sample(
            (at, value, inHeader, other, length) =>
            {
                var bytes = good.ToArray();
                bytes[at] = value;
                bytes[Math.Min(inHeader, bytes.Length - 1)] = other;
                var path = _folder.File($"{Guid.NewGuid():n}.nii");
                File.WriteAllBytes(path, at % 4 == 0 ? bytes[..length] : bytes);
                var before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    NiftiFile.Read(path);
                }
                catch (InvalidDataException error)
                {
                    Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
                }

                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
                File.Delete(path);
            },
            iter: 2000);
    }
}
