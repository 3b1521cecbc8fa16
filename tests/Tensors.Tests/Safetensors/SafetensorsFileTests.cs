using System.Buffers.Binary;
using System.Text;
using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Safetensors;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static readonly ScalarType[] Dtypes =
    [
        ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64,
        ScalarType.Int32, ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool,
    ];

    private sealed record Case(string Name, ScalarType Dtype, long[] Shape, bool Transposed);

    private static readonly Gen<Case[]> Cases = Gen.Select(
            Gen.String, Gen.Int[0, Dtypes.Length - 1], Gen.Long[0, 4].Array[0, 5], Gen.Bool, (n, d, s, t) => new Case(n, Dtypes[d], s, t))
        .Array[0, 8]
        .Where(cases => cases.All(c => IsUnicode(c.Name)) && cases.DistinctBy(c => c.Name).Count() == cases.Length);

    private static bool IsUnicode(string text) => new UTF8Encoding().GetString(new UTF8Encoding().GetBytes(text)) == text;

    private static Tensor Make(Case c)
    {
        using var scope = NewDisposeScope();
        var values = randint(0, 2, c.Shape).to_type(c.Dtype);
        if (c.Dtype is ScalarType.Float32 or ScalarType.Float64)
            values = randn(c.Shape).to_type(c.Dtype);
        if (c.Transposed && c.Shape.Length > 1)
            values = values.transpose(0, c.Shape.Length - 1);
        return values.MoveToOuterDisposeScope();
    }

    [Fact]
    public void Stream_that_cannot_be_sought_is_read_as_a_file_is_and_named_where_it_is_damaged()
    {
        using var scope = NewDisposeScope();
        var written = rand([2, 3, 4]);
        using var packed = new MemoryStream();
        using (var zip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionMode.Compress, leaveOpen: true))
            SafetensorsFile.Write(zip, [new("x", written)]);

        using var read = Read(packed.ToArray());
        Assert.True(read["x"].eq(written).all().item<bool>());
        var fault = Assert.Throws<InvalidDataException>(() => Read(Cut()));
        Assert.StartsWith("weights.gz is not a valid safetensors file: ", fault.Message, StringComparison.Ordinal);

        static NamedTensors Read(byte[] bytes) => SafetensorsFile.Read(
            new System.IO.Compression.GZipStream(new MemoryStream(bytes), System.IO.Compression.CompressionMode.Decompress), "weights.gz");

        byte[] Cut()
        {
            using var whole = new MemoryStream();
            using var zip = new System.IO.Compression.GZipStream(
                new MemoryStream(packed.ToArray()), System.IO.Compression.CompressionMode.Decompress);
            zip.CopyTo(whole);
            using var cut = new MemoryStream();
            using (var again = new System.IO.Compression.GZipStream(cut, System.IO.Compression.CompressionMode.Compress, leaveOpen: true))
                again.Write(whole.ToArray().AsSpan(0, (int)whole.Length - 4));
            return cut.ToArray();
        }
    }

    [Fact]
    public void Read_returns_what_was_written_for_any_names_shapes_dtypes_and_strides() =>
        Cases.Sample(
            cases =>
            {
                using var scope = NewDisposeScope();
                var tensors = cases.Select(c => KeyValuePair.Create(c.Name, Make(c))).ToList();
                using var stream = new MemoryStream();
                SafetensorsFile.Write(stream, tensors);
                stream.Position = 0;
                using var read = SafetensorsFile.Read(stream, "memory");
                Assert.Equal(tensors.Select(t => t.Key).Order(StringComparer.Ordinal), read.Keys);
                foreach (var (name, tensor) in tensors)
                {
                    Assert.Equal(tensor.dtype, read[name].dtype);
                    Assert.Equal(tensor.shape, read[name].shape);
                    Assert.True(tensor.eq(read[name]).all().item<bool>());
                }
            },
            iter: 300);

    [Fact]
    public void Write_gives_the_bytes_that_the_format_prescribes()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        var tensors = new Dictionary<string, Tensor> { ["b"] = tensor(new byte[] { 7 }), ["a"] = tensor(new[] { 1f, -2f }).view(2, 1) };
        SafetensorsFile.Write(stream, tensors, new Dictionary<string, string> { ["k"] = "v" });

        const string json = """{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"""
            + "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}}";
        var header = json.PadRight((json.Length + 7) / 8 * 8);
        byte[] data = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 7];
        Assert.Equal([.. BitConverter.GetBytes((long)header.Length), .. Encoding.ASCII.GetBytes(header), .. data], stream.ToArray());
    }

    [Fact]
    public void Write_is_the_same_for_every_order_of_the_tensors()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor> { ["x"] = ones(3), ["y"] = ones(2, dtype: ScalarType.Int64), ["a"] = ones(1) };
        using var one = new MemoryStream();
        using var other = new MemoryStream();
        SafetensorsFile.Write(one, tensors);
        SafetensorsFile.Write(other, tensors.Reverse());
        Assert.Equal(one.ToArray(), other.ToArray());
    }

    [Fact]
    public void Write_aligns_each_tensor_to_its_elements()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        SafetensorsFile.Write(
            stream, new Dictionary<string, Tensor> { ["a"] = ones(3, dtype: ScalarType.Byte), ["b"] = ones(1, dtype: ScalarType.Float64) });
        var length = BinaryPrimitives.ReadInt64LittleEndian(stream.ToArray());
        Assert.Equal(0, length % 8);
        Assert.Contains(
            "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}", Encoding.ASCII.GetString(stream.ToArray(), 8, (int)length));
    }

    [Fact]
    public void Read_of_a_reference_file_and_Write_keep_its_data_bytes()
    {
        var path = ReferenceFile.PathOf("unet3d-tiny.weights.safetensors");
        using var weights = SafetensorsFile.Read(path);
        var copy = Path.Combine(_folder, "copy.safetensors");
        SafetensorsFile.Write(copy, weights, weights.Metadata);
        Assert.Equal(Data(File.ReadAllBytes(path)), Data(File.ReadAllBytes(copy)));

        static byte[] Data(byte[] file) => file[(8 + (int)BinaryPrimitives.ReadInt64LittleEndian(file))..];
    }

    [Fact]
    public void Read_keeps_metadata()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "m.safetensors");
        SafetensorsFile.Write(
            path, new Dictionary<string, Tensor>(), new Dictionary<string, string> { ["step"] = "12", ["note"] = "größer \"zitiert\"" });
        using var read = SafetensorsFile.Read(path);
        Assert.Equal("12", read.Metadata["step"]);
        Assert.Equal("größer \"zitiert\"", read.Metadata["note"]);
    }

    [Fact]
    public void Read_owns_its_tensors_whatever_the_scope_and_Dispose_frees_them()
    {
        var before = LiveTensors.Settled();
        NamedTensors read;
        using (NewDisposeScope())
            read = SafetensorsFile.Read(ReferenceFile.PathOf("vqvae3d-tiny.io.safetensors"));
        Assert.Equal(ScalarType.Int64, read["indices"].dtype);
        Assert.Equal(before + read.Count, Tensor.TotalCount);
        read.Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Missing_tensor_names_the_file_and_what_it_has()
    {
        using var read = SafetensorsFile.Read(ReferenceFile.PathOf("vqvae3d-tiny.io.safetensors"));
        var message = Assert.Throws<InvalidDataException>(() => read["volume"]).Message;
        Assert.Contains("vqvae3d-tiny.io.safetensors: there is no tensor 'volume'; the file has encoded, indices", message);
    }

    [Fact]
    public void Write_that_fails_leaves_the_old_file_and_no_other()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "w.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["a"] = ones(1) });
        var old = File.ReadAllBytes(path);
        Assert.Throws<ArgumentException>(
            () => SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["c"] = ones(1, dtype: ScalarType.ComplexFloat32) }));
        Assert.Throws<ArgumentException>(
            () => SafetensorsFile.Write(path, [KeyValuePair.Create("a", ones(1)), KeyValuePair.Create("a", ones(1))]));
        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(path, [KeyValuePair.Create("a", empty(1, device: META))]));
        Assert.Equal(old, File.ReadAllBytes(path));
        Assert.Equal(path, Assert.Single(Directory.GetFiles(_folder)));
    }
}
