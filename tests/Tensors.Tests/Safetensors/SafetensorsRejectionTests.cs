using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Safetensors;

public sealed class SafetensorsRejectionTests
{
    private static byte[] FileOf(string json, int dataLength) =>
        [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(json)), .. Encoding.UTF8.GetBytes(json), .. new byte[dataLength]];

    private static string Refusal(byte[] file)
    {
        using var stream = new MemoryStream(file);
        var before = LiveTensors.Settled();
        var message = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(stream, "w.safetensors")).Message;
        Assert.Equal(before, Tensor.TotalCount);
        Assert.StartsWith("w.safetensors is not a valid safetensors file: ", message);
        return message;
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 12, "12 follow")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "4 follow")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "hole or an overlap")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3,
        "hole or an overlap")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 2,
        "hole or an overlap")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0,
        "'a' occurs twice")]
    [InlineData("""{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "unknown or repeated key 'dtype'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"extra":1}}""", 0, "unknown or repeated key 'extra'")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,1]}}""", 1, "takes 2 bytes")]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}""", 2, "does not end at a whole byte")]
    [InlineData("""{"a":{"dtype":"F128","shape":[1],"data_offsets":[0,16]}}""", 16, "'F128'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,7]}}""", 7, "takes 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "takes 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}""", 8, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "overflows")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "overflows")]
    [InlineData("""{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", 8, "a.shape is Number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", 8, "two data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 0, "two data_offsets")]
    [InlineData("""{"__metadata__":{"k":1}}""", 0, "__metadata__.k")]
    [InlineData("""{"__metadata__":{"k":"1","k":"2"}}""", 0, "'k' twice")]
    [InlineData("""[]""", 0, "begin with '{'")]
    [InlineData(""" {}""", 0, "begin with '{'")]
    [InlineData("""{}{}""", 0, "JSON")]
    [InlineData("""{"a":""", 0, "JSON")]
    [InlineData("""{/* */}""", 0, "JSON")]
    public void Header_that_breaks_a_rule_is_refused(string json, int dataLength, string reason) =>
        Assert.Contains(reason, Refusal(FileOf(json, dataLength)));

    [Theory]
    [InlineData("F8_E4M3", 2)]
    [InlineData("F8_E5M2", 2)]
    [InlineData("F4", 1)]
    [InlineData("U16", 4)]
    [InlineData("U32", 8)]
    [InlineData("U64", 16)]
    [InlineData("C64", 16)]
    public void Tensor_of_an_unsupported_dtype_is_refused_only_where_it_is_asked_for(string dtype, int bytes)
    {
        var json = $$$"""{"a":{"dtype":"{{{dtype}}}","shape":[2],"data_offsets":[0,{{{bytes}}}]},"""
            + $$$""" "b":{"dtype":"U8","shape":[1],"data_offsets":[{{{bytes}}},{{{bytes + 1}}}]}}""";
        var file = FileOf(json, bytes + 1);
        file[^1] = 7;
        using var stream = new MemoryStream(file);

        using var tensors = SafetensorsFile.Read(stream, "w.safetensors");

        Assert.Equal(7, tensors["b"].ReadCpuByte(0));
        Assert.Equal(dtype, Assert.Single(tensors.Unsupported).Value);
        Assert.StartsWith(
            $"w.safetensors: the dtype {dtype} of tensor 'a' is not supported",
            Assert.Throws<InvalidDataException>(() => tensors["a"]).Message);
        using var module = nn.Linear(1, 1);
        Assert.Contains(
            $"1 of a dtype that is not supported (a: {dtype})",
            Assert.Throws<InvalidDataException>(() => Weights.Load(module, tensors, "w")).Message);
    }

    [Fact]
    public void Name_that_is_not_UTF8_is_refused()
    {
        var file = FileOf("""{"?":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0);
        file[Array.IndexOf(file, (byte)'?')] = 0xff;
        Assert.Contains("the header", Refusal(file));
        Assert.Contains("not valid Unicode", Refusal(FileOf("""{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0)));
    }

    [Fact]
    public void Bool_that_is_neither_0_nor_1_is_refused()
    {
        var file = FileOf("""{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}""", 2);
        file[^1] = 2;
        Assert.Contains("other than 0 and 1", Refusal(file));
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, (byte)'{', (byte)'}' })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 0, 0, 0, (byte)'{', (byte)'}' })]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}' })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 })]
    public void Length_that_does_not_fit_the_file_is_refused(byte[] file) => Refusal(file);

    [Fact]
    public void Mutated_files_are_read_or_refused_in_bounded_memory()
    {
        using var scope = NewDisposeScope();
        using var valid = new MemoryStream();
        SafetensorsFile.Write(
            valid,
            new Dictionary<string, Tensor>
            {
                ["conv.weight"] = ones(2, 3),
                ["flag"] = ones(4, dtype: ScalarType.Bool),
                ["step"] = ones(1, dtype: ScalarType.Int64),
            },
            new Dictionary<string, string> { ["format"] = "pt" });
        var original = valid.ToArray();
        var random = new Random(17);
        var refused = 0;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20_000; i++)
        {
            using var stream = new MemoryStream(Mutate(original, random));
            try
            {
                using var read = SafetensorsFile.Read(stream, "mutant");
                Assert.True(read.Values.Sum(t => t.numel() * t.element_size()) <= stream.Length);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 10_000, 19_999); // flips in the data and in the padding are read
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - allocated) / 20_000, 0, 100_000);
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        var bytes = original.ToList();
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveRange(at, Math.Min(random.Next(1, 16), bytes.Count - at)); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 16), bytes.Count - at))); break;
                case 4: bytes[at] = "0123456789[]{}\",:\\"u8[random.Next(18)]; break;
                default: bytes.RemoveRange(at, bytes.Count - at); break;
            }

            if (bytes.Count == 0)
                break;
        }

        return [.. bytes];
    }
}
