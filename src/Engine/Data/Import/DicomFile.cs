using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>What a DICOM file says of itself before its pixels, as far as an import asks; pixels are left to dcm2niix.</summary>
internal sealed class DicomFile
{
    private const uint TransferSyntax = 0x00020010, Pixels = 0x7FE00010, FirstPixels = 0x7FE00008;
    private const uint Item = 0xFFFEE000, ItemEnd = 0xFFFEE00D, SequenceEnd = 0xFFFEE0DD, Undefined = 0xFFFFFFFF;
    private const uint PositionTag = 0x00200032, OrientationTag = 0x00200037;
    private const int MostText = 1 << 16, MostNesting = 64;

    // what lies within, of files with many frames: the functional groups, shared and of each frame, and the place and directions of a plane
    private static readonly HashSet<uint> Entered = [0x52009229, 0x52009230, 0x00209113, 0x00209116];

    private static readonly HashSet<uint> Wanted =
    [
        TransferSyntax, 0x00080005, 0x00080020, 0x00080030, 0x0008103E, 0x00100020, 0x00181030, 0x0020000D, 0x0020000E, 0x00200011,
        0x00200012, 0x00200013, 0x00201002, PositionTag, OrientationTag, 0x00280008,
    ];

    // those with two empty bytes and a length of four
    private static readonly HashSet<string> Long = ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"];

    private readonly Stream _stream;
    private readonly Dictionary<uint, byte[]> _values = [];
    private readonly List<byte[]> _framePositions = [], _frameOrientations = [];
    private bool _explicit = true, _bigEndian;
    private uint _within;

    private DicomFile(string path, Stream stream) => (Path, _stream) = (path, stream);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Whether it holds an image.</summary>
    public bool HasPixels { get; private set; }

    /// <summary>(0010,0020); empty where it names none.</summary>
    public string PatientId => Text(0x00100020);

    /// <summary>(0020,000D).</summary>
    public string Study => Text(0x0020000D);

    /// <summary>(0008,0020), <c>20210304</c>.</summary>
    public string StudyDate => Text(0x00080020);

    /// <summary>(0008,0030), <c>101112</c> and perhaps fractions.</summary>
    public string StudyTime => Text(0x00080030);

    /// <summary>(0020,000E).</summary>
    public string Series => Text(0x0020000E);

    /// <summary>(0020,0011), 0 where there is none.</summary>
    public int SeriesNumber => Whole(0x00200011) ?? 0;

    /// <summary>(0020,0012), or null.</summary>
    public int? Acquisition => Whole(0x00200012);

    /// <summary>(0020,0013): the image's number, in its series as a rule; or null.</summary>
    public int? Instance => Whole(0x00200013);

    /// <summary>(0020,1002): how many images came out of the acquisition, or null.</summary>
    public int? ImagesInAcquisition => Whole(0x00201002);

    /// <summary>The description of the series, or else its protocol.</summary>
    public string Description => Text(0x0008103E) is { Length: > 0 } description ? description : Text(0x00181030);

    /// <summary>Images in the file, 1 of the common kind.</summary>
    public int Frames => Whole(0x00280008) ?? 1;

    /// <summary>(0020,0032): the middle of the first pixel in mm, towards left, back and top; null where it is not said.</summary>
    public double[]? Position => Numbers(Text(PositionTag), 3);

    /// <summary>(0020,0037): where rows and columns run; null where it is not said.</summary>
    public double[]? Orientation => Numbers(Text(OrientationTag), 6);

    /// <summary>The places of its frames where it has many and says them, in order; else empty.</summary>
    public IReadOnlyList<double[]?> FramePositions => [.. _framePositions.Select(value => Numbers(TextOf(value), 3))];

    /// <summary>The directions that its frames have, one for all or one for each; empty where it does not say them so.</summary>
    public IReadOnlyList<double[]?> FrameOrientations => [.. _frameOrientations.Select(value => Numbers(TextOf(value), 6))];

    /// <summary>Whether a file begins as DICOM files do.</summary>
    public static bool IsOne(string path)
    {
        try
        {
            using var stream = RegularFile.OpenRead(path);
            return Begins(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return false;
        }
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of a sort that is not read; the message is the end of a sentence that its
    /// name begins.</exception>
    public static DicomFile Read(string path)
    {
        using var stream = RegularFile.OpenRead(path);
        var file = new DicomFile(path, stream);
        try
        {
            if (!Begins(stream))
                throw new InvalidDataException("is no DICOM file");
            file.ReadAll();
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException("is cut off");
        }

        return file;
    }

    private static bool Begins(Stream stream)
    {
        Span<byte> start = stackalloc byte[132];
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start[128..].SequenceEqual("DICM"u8);
    }

    private void ReadAll()
    {
        while (IsMeta())
            ReadElement(0);
        (_explicit, _bigEndian) = Text(TransferSyntax) switch
        {
            "1.2.840.10008.1.2" => (false, false),
            "1.2.840.10008.1.2.2" => (true, true),
            "1.2.840.10008.1.2.1.99" => throw new InvalidDataException("is deflated, which dcm2niix does not read"),
            _ => (true, false),
        };
        while (_stream.Position < _stream.Length && ReadElement(0) is var tag && tag < FirstPixels)
        {
        }
    }

    /// <summary>Whether the next element is of the file's own group, which is always little endian with value representations.</summary>
    private bool IsMeta()
    {
        if (_stream.Position >= _stream.Length)
            return false;
        var group = Short();
        _stream.Position -= 2;
        return group == 2;
    }

    private uint ReadElement(int depth)
    {
        var tag = Tag();
        if (tag >> 16 == 0xFFFE || !_explicit)
            return Skip(tag, Whole(), hasImplicitItems: false, depth);
        Span<byte> letters = stackalloc byte[2];
        _stream.ReadExactly(letters);
        var representation = Encoding.ASCII.GetString(letters);
        if (!Long.Contains(representation))
            return Skip(tag, Short(), hasImplicitItems: false, depth);
        Short();
        return Skip(tag, Whole(), representation == "UN", depth);
    }

    /// <summary>Keeps a value that is wanted, and passes over any other.</summary>
    private uint Skip(uint tag, uint length, bool hasImplicitItems, int depth)
    {
        if (tag is >= FirstPixels and <= Pixels)
        {
            HasPixels = true;
            return length == Undefined || length <= _stream.Length - _stream.Position ? tag : throw new EndOfStreamException();
        }

        var enters = Entered.Contains(tag);
        if (length != Undefined && length > _stream.Length - _stream.Position)
        {
            throw new EndOfStreamException();
        }
        else if (length == Undefined || enters)
        {
            var before = (_explicit, _within);
            _explicit &= !hasImplicitItems;
            _within = enters ? tag : 0;
            SkipItems(depth + 1, length == Undefined ? long.MaxValue : _stream.Position + length, enters);
            (_explicit, _within) = before;
        }
        else if ((tag, _within) is (PositionTag, 0x00209113) or (OrientationTag, 0x00209116) && length <= MostText)
        {
            var value = new byte[length];
            _stream.ReadExactly(value);
            (tag == PositionTag ? _framePositions : _frameOrientations).Add(value);
        }
        else if (depth == 0 && Wanted.Contains(tag) && length <= MostText)
        {
            _values[tag] = new byte[length];
            _stream.ReadExactly(_values[tag]);
        }
        else
        {
            _stream.Position += length;
        }

        return tag;
    }

    private void SkipItems(int depth, long end, bool enters)
    {
        if (depth > MostNesting)
            throw new InvalidDataException("has sequences within each other without an end");
        while (_stream.Position < end)
        {
            var (tag, length) = (Tag(), Whole());
            if (tag == SequenceEnd)
                return;
            if (tag != Item)
                throw new InvalidDataException("has a sequence that cannot be read");
            if (length != Undefined && !enters)
            {
                Skip(tag, length, hasImplicitItems: false, depth);
                continue;
            }

            var last = length == Undefined ? long.MaxValue : _stream.Position + length;
            while (_stream.Position < last && (length != Undefined || !IsItemEnd()))
                ReadElement(depth);
        }
    }

    private bool IsItemEnd()
    {
        var tag = Tag();
        if (tag == ItemEnd)
        {
            Whole();
            return true;
        }

        _stream.Position -= 4;
        return false;
    }

    private uint Tag() => (uint)Short() << 16 | Short();

    private ushort Short()
    {
        Span<byte> bytes = stackalloc byte[2];
        _stream.ReadExactly(bytes);
        return _bigEndian
            ? BinaryPrimitives.ReadUInt16BigEndian(bytes)
            : BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    private uint Whole()
    {
        Span<byte> bytes = stackalloc byte[4];
        _stream.ReadExactly(bytes);
        return _bigEndian
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private string Text(uint tag)
    {
        if (!_values.TryGetValue(tag, out var bytes))
            return "";
        return TextOf(bytes);
    }

    private string TextOf(byte[] bytes)
    {
        var isUnicode = _values.TryGetValue(0x00080005, out var set) &&
            Encoding.ASCII.GetString(set).Contains("ISO_IR 192", StringComparison.Ordinal);
        return (isUnicode ? Encoding.UTF8 : Encoding.Latin1).GetString(bytes).Trim('\0', ' ');
    }

    private int? Whole(uint tag) => int.TryParse(Text(tag), CultureInfo.InvariantCulture, out var number) ? number : null;

    private static double[]? Numbers(string text, int count)
    {
        var words = text.Split('\\');
        var numbers = new double[count];
        return words.Length == count && words.Index().All(word =>
            double.TryParse(word.Item, NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[word.Index])
            && double.IsFinite(numbers[word.Index]))
            ? numbers
            : null;
    }
}
