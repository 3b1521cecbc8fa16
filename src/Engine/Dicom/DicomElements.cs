using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace VoxelZoo.Engine.Dicom;

/// <summary>
/// The elements of a DICOM file, in the order of their tags and of the sizes that the standard has (PS3.5), to be written as explicit
/// little endian with the head of a file (PS3.10). What would be no value of its representation is an error of the caller's.
/// </summary>
internal sealed class DicomElements
{
    private const uint SopClass = 0x00080016, SopInstance = 0x00080018;
    private const string ExplicitLittleEndian = "1.2.840.10008.1.2.1";

    // letters of each value
    private static readonly Dictionary<string, int> Longest = new()
    {
        ["CS"] = 16, ["DA"] = 8, ["DS"] = 16, ["IS"] = 12, ["LO"] = 64, ["PN"] = 64, ["SH"] = 16, ["ST"] = 1024, ["TM"] = 14, ["UI"] = 64,
    };

    private readonly SortedDictionary<uint, (string Representation, byte[] Value)> _elements = [];

    /// <summary>Elements as others have them, to which more are added.</summary>
    public DicomElements(DicomElements? others = null)
    {
        foreach (var (tag, element) in others?._elements ?? [])
            _elements[tag] = element;
    }

    /// <summary>Adds text.</summary>
    /// <param name="tag">Group and element.</param>
    /// <param name="representation">One of text, such as <c>LO</c>.</param>
    /// <param name="values">The values; none for an element that is there and empty.</param>
    /// <exception cref="ArgumentException">A value is too long, or has letters that the representation does not take.</exception>
    public DicomElements Text(uint tag, string representation, params string[] values)
    {
        foreach (var value in values)
        {
            var letters = representation switch
            {
                "CS" => value.All(letter => char.IsAsciiLetterUpper(letter) || char.IsAsciiDigit(letter) || letter is '_' or ' '),
                "UI" => value.All(letter => char.IsAsciiDigit(letter) || letter == '.'),
                "ST" => !value.Any(char.IsControl),
                _ => !value.Any(char.IsControl) && !value.Contains('\\'),
            };
            if (value.Length > Longest[representation] || !letters)
                throw new ArgumentException($"`{value}` is no {representation} of {tag:X8}", nameof(values));
        }

        var bytes = Encoding.UTF8.GetBytes(string.Join('\\', values));
        return Add(tag, representation, bytes.Length % 2 == 0 ? bytes : [.. bytes, (byte)(representation == "UI" ? 0 : ' ')]);
    }

    /// <summary>Adds decimals, as <see cref="Decimal"/> writes them.</summary>
    public DicomElements Numbers(uint tag, params IEnumerable<double> values) => Text(tag, "DS", [.. values.Select(Decimal)]);

    /// <summary>Adds a whole number in letters.</summary>
    public DicomElements Whole(uint tag, int value) => Text(tag, "IS", value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a whole number of 16 bits.</summary>
    public DicomElements Short(uint tag, ushort value) => Add(tag, "US", BitConverter.GetBytes(value));

    /// <summary>Adds the pixels of an image, rows after each other.</summary>
    public DicomElements Pixels(ReadOnlySpan<ushort> values) => Add(0x7FE00010, "OW", MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>A number in at most 16 letters, as near as they allow.</summary>
    public static string Decimal(double number)
    {
        for (var digits = 16; ; digits--)
        {
            var text = number.ToString(digits == 16 ? "R" : $"G{digits}", CultureInfo.InvariantCulture);
            if (text.Length <= Longest["DS"])
                return text;
        }
    }

    /// <summary>Writes the file.</summary>
    /// <exception cref="InvalidOperationException">It does not say what it is.</exception>
    public void Write(Stream stream)
    {
        if (!_elements.TryGetValue(SopClass, out var type) || !_elements.TryGetValue(SopInstance, out var instance))
            throw new InvalidOperationException("a DICOM file has a class and an instance");
        var meta = new DicomElements().Add(0x00020001, "OB", [0, 1])
            .Add(0x00020002, "UI", type.Value).Add(0x00020003, "UI", instance.Value)
            .Text(0x00020010, "UI", ExplicitLittleEndian)
            .Text(0x00020012, "UI", DicomUid.Of("VoxelZoo")).Text(0x00020013, "SH", "VOXELZOO");
        using var head = new MemoryStream();
        meta.WriteElements(head);
        stream.Write(new byte[128]);
        stream.Write("DICM"u8);
        new DicomElements().Add(0x00020000, "UL", BitConverter.GetBytes((uint)head.Length)).WriteElements(stream);
        stream.Write(head.ToArray());
        WriteElements(stream);
    }

    private DicomElements Add(uint tag, string representation, byte[] value)
    {
        _elements[tag] = (representation, value);
        return this;
    }

    private void WriteElements(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.ASCII, leaveOpen: true);
        foreach (var (tag, (representation, value)) in _elements)
        {
            writer.Write((ushort)(tag >> 16));
            writer.Write((ushort)tag);
            writer.Write(Encoding.ASCII.GetBytes(representation));
            if (representation is "OB" or "OW")
            {
                writer.Write((ushort)0);
                writer.Write((uint)value.Length);
            }
            else
            {
                writer.Write(checked((ushort)value.Length));
            }

            writer.Write(value);
        }
    }
}
