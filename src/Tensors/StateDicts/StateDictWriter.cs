using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.StateDicts;

/// <summary>
/// Writes tensors as <c>torch.save</c> of an ordered dictionary does: an archive with a pickle of protocol 2 and the numbers of each
/// tensor.
/// </summary>
internal static class StateDictWriter
{
    private const string Folder = "archive/";

    /// <summary>Writes to a stream from its position on.</summary>
    public static void Write(Stream stream, IReadOnlyList<KeyValuePair<string, Tensor>> tensors)
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        Add(archive, "data.pkl", file => file.Write(Program(tensors)));
        foreach (var (index, tensor) in tensors.Index().Select(one => (one.Index, one.Item.Value)))
            Add(archive, $"data/{index}", file => Safetensors.TensorBytes.Write(file, tensor, tensor.numel() * tensor.element_size()));
        Add(archive, "version", file => file.Write("3\n"u8));
    }

    private static void Add(ZipArchive archive, string name, Action<Stream> write)
    {
        // numbers are stored as they are: PyTorch maps them into memory
        var entry = archive.CreateEntry(Folder + name, CompressionLevel.NoCompression);
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero); // the same tensors give the same bytes
        using var file = entry.Open();
        write(file);
    }

    private static byte[] Program(IReadOnlyList<KeyValuePair<string, Tensor>> tensors)
    {
        var pickle = new PickleProgram();
        pickle.Ordered();
        pickle.Code("("u8);
        foreach (var (index, (name, tensor)) in tensors.Index())
        {
            pickle.Text(name);
            pickle.Global("torch._utils", "_rebuild_tensor_v2");
            pickle.Code("(("u8);
            pickle.Text("storage");
            var (module, type) = Split(SavedNumbers.NameOf(name, tensor.dtype));
            pickle.Global(module, type);
            pickle.Text(index.ToString(System.Globalization.CultureInfo.InvariantCulture));
            pickle.Text("cpu");
            pickle.Whole(tensor.numel());
            pickle.Code("tQ"u8);
            pickle.Whole(0);
            pickle.Tuple(tensor.shape);
            pickle.Tuple(Strides(tensor.shape));
            pickle.Code([0x89]); // requires no gradient
            pickle.Ordered();
            pickle.Code("tR"u8);
        }

        pickle.Code("u."u8);
        return pickle.Bytes;
    }

    private static (string Module, string Type) Split(string name)
    {
        var dot = name.LastIndexOf('.');
        return (name[..dot], name[(dot + 1)..]);
    }

    private static long[] Strides(long[] shape)
    {
        var strides = new long[shape.Length];
        for (var (axis, next) = (shape.Length - 1, 1L); axis >= 0; next *= shape[axis--])
            strides[axis] = next;
        return strides;
    }

    /// <summary>Instructions of a pickle, one after the other.</summary>
    private sealed class PickleProgram
    {
        private readonly MemoryStream _code = new();

        public PickleProgram() => _code.Write([0x80, 2]);

        public byte[] Bytes => _code.ToArray();

        public void Code(ReadOnlySpan<byte> code) => _code.Write(code);

        public void Global(string module, string name) => Code(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

        /// <summary>An empty ordered dictionary.</summary>
        public void Ordered()
        {
            Global("collections", "OrderedDict");
            Code(")R"u8);
        }

        public void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            Code("X"u8);
            Code(length);
            Code(bytes);
        }

        public void Whole(long number)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
            if (number is >= int.MinValue and <= int.MaxValue)
            {
                Code("J"u8);
                Code(bytes[..4]);
                return;
            }

            Code([0x8a, 8]);
            Code(bytes);
        }

        public void Tuple(long[] numbers)
        {
            Code("("u8);
            foreach (var number in numbers)
                Whole(number);
            Code("t"u8);
        }
    }
}
