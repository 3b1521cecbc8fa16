using System.Globalization;
using System.Text;

namespace VoxelZoo.Engine.Tests.Data.Import;

/// <summary>
/// A series of DICOM images of the head of <see cref="MadeSource"/>, written by the standard's part 10 with the attributes of an MR image.
/// </summary>
/// <param name="Columns">Pixels of a row.</param>
/// <param name="Rows">Pixels of a column.</param>
/// <param name="Slices">Slices.</param>
internal sealed record MadeDicom(int Columns = 24, int Rows = 20, int Slices = 14)
{
    public string Patient { get; init; } = "P 1";

    public string Day { get; init; } = "20210304";

    public string Description { get; init; } = "T1 MPRAGE";

    public int Number { get; init; } = 3;

    /// <summary>The end of the study's number; by default of its patient and day.</summary>
    public string? Uid { get; init; }

    /// <summary>The end of the series' number; by default that which it has in the study.</summary>
    public string? SeriesUid { get; init; }

    /// <summary>Angles of the grid around the axes towards the left and the top, in radians.</summary>
    public (double Tilt, double Turn) Oblique { get; init; }

    /// <summary>Millimetres between rows, between columns and between slices.</summary>
    public (double Rows, double Columns, double Slices) Spacing { get; init; } = (2.5, 2, 3);

    /// <summary>Numbers of slices that are not written.</summary>
    public IReadOnlyList<int> Missing { get; init; } = [];

    /// <summary>The instance number of each slice; by default in their order.</summary>
    public IReadOnlyList<int>? Order { get; init; }

    /// <summary>How many images the files say that their acquisition has, or null where they do not.</summary>
    public int? InAcquisition { get; init; }

    /// <summary>A slice that is moved along the normal, and by how many millimetres.</summary>
    public (int Slice, double By) Moved { get; init; }

    /// <summary>Millimetres by which each slice is shifted along the columns against the one before.</summary>
    public double Shear { get; init; }

    /// <summary>Whether values are written without their representation.</summary>
    public bool Implicit { get; init; }

    /// <summary>The place of a pixel in mm towards the left, the back and the top, as DICOM has it.</summary>
    public double[] Place(double column, double row, double slice)
    {
        var (across, down, normal) = Directions();
        return
        [
            .. Enumerable.Range(0, 3).Select(axis =>
                across[axis] * Spacing.Columns * (column - (Columns - 1) / 2.0) + down[axis] * Spacing.Rows * (row - (Rows - 1) / 2.0)
                    + normal[axis] * Spacing.Slices * (slice - (Slices - 1) / 2.0))
        ];
    }

    /// <summary>The number at a pixel: the head at its place, where the left and the back are negative.</summary>
    public ushort Value(int column, int row, int slice)
    {
        var place = Place(column, row, slice);
        return (ushort)Math.Round(MadeSource.Head(-place[0], -place[1], place[2]));
    }

    /// <summary>Writes a file for each slice, every second one without suffix.</summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        for (var slice = 0; slice < Slices; slice++)
        {
            if (!Missing.Contains(slice))
                File.WriteAllBytes(Path.Combine(folder, $"IM{Number:d3}_{slice:d4}{(slice % 2 == 0 ? ".dcm" : "")}"), Bytes(slice));
        }
    }

    /// <summary>
    /// Writes all slices into one file of many frames, whose places are in sequences of a given length, or of an undefined one.
    /// </summary>
    public void WriteFrames(string file, bool isUndefined)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var (across, down, _) = Directions();
        byte[] Of(uint tag, string representation, object value)
        {
            using var one = new MemoryStream();
            Element(one, tag, representation, value);
            return one.ToArray();
        }

        int[] there = [.. Enumerable.Range(0, Slices).Where(slice => !Missing.Contains(slice))];
        byte[] Sequence(uint tag, params IEnumerable<byte[]> items)
        {
            using var all = new MemoryStream();
            foreach (var item in items)
            {
                all.Write([0xFE, 0xFF, 0x00, 0xE0]);
                all.Write(BitConverter.GetBytes(isUndefined ? 0xFFFFFFFFu : (uint)item.Length));
                all.Write(item);
                if (isUndefined)
                    all.Write([0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0]);
            }

            if (isUndefined)
                all.Write([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
            byte[] head =
            [
                (byte)(tag >> 16), (byte)(tag >> 24), (byte)tag, (byte)(tag >> 8), (byte)'S', (byte)'Q', 0, 0,
                .. BitConverter.GetBytes(isUndefined ? 0xFFFFFFFFu : (uint)all.Length),
            ];
            return [.. head, .. all.ToArray()];
        }

        var directions = Of(0x00200037, "DS", string.Join('\\', across.Concat(down).Select(Number3)));
        var shared = Sequence(0x52009229, Sequence(0x00209116, directions));
        var frames = Sequence(0x52009230, there.Select(slice =>
            Sequence(0x00209113, Of(0x00200032, "DS", string.Join('\\', Place(0, 0, slice).Select(Number3))))));
        var pixels = there.SelectMany(slice => Enumerable.Range(0, Rows * Columns)
            .SelectMany(i => BitConverter.GetBytes(Value(i % Columns, i / Columns, slice))));
        // its own place and pixels go, and what stands after them in their order is added
        var whole = (this with { Implicit = false }).Bytes(0);
        var end = whole.Length - 2 * Rows * Columns - 12;
        var added = Of(0x00280008, "IS", $"{there.Length}").Concat(shared).Concat(frames).Concat(Of(0x7FE00010, "OW", pixels.ToArray()));
        File.WriteAllBytes(file, [.. whole[..end], .. added]);
    }

    private (double[] Across, double[] Down, double[] Normal) Directions()
    {
        var (cosine, sine) = (Math.Cos(Oblique.Turn), Math.Sin(Oblique.Turn));
        var (up, off) = (Math.Cos(Oblique.Tilt), Math.Sin(Oblique.Tilt));
        return ([cosine, sine, 0], [-sine * up, cosine * up, off], [sine * off, -cosine * off, up]);
    }

    private byte[] Bytes(int slice)
    {
        var (across, down, _) = Directions();
        var study = $"1.2.826.0.1.3680043.8.498.{Uid ?? $"{Patient.Sum(letter => (int)letter)}.{Day}"}";
        var series = $"{study}.{SeriesUid ?? $"{Number}"}";
        var instance = $"{series}.{slice + 1}";
        const string image = "1.2.840.10008.5.1.4.1.1.4";
        using var meta = new MemoryStream();
        Element(meta, 0x00020001, "OB", new byte[] { 0, 1 });
        Element(meta, 0x00020002, "UI", image);
        Element(meta, 0x00020003, "UI", instance);
        Element(meta, 0x00020010, "UI", Implicit ? "1.2.840.10008.1.2" : "1.2.840.10008.1.2.1");
        Element(meta, 0x00020012, "UI", "1.2.826.0.1.3680043.8.498.1");
        using var file = new MemoryStream();
        file.Write(new byte[128]);
        file.Write("DICM"u8);
        Element(file, 0x00020000, "UL", BitConverter.GetBytes((uint)meta.Length));
        file.Write(meta.ToArray());
        void Add(uint tag, string representation, object value) => Element(file, tag, representation, value, Implicit);
        Add(0x00080005, "CS", "ISO_IR 192");
        Add(0x00080008, "CS", @"ORIGINAL\PRIMARY\M");
        Add(0x00080016, "UI", image);
        Add(0x00080018, "UI", instance);
        Add(0x00080020, "DA", Day);
        Add(0x00080030, "TM", "101112");
        Add(0x00080060, "CS", "MR");
        Add(0x00080070, "LO", "VoxelZoo");
        Add(0x0008103E, "LO", Description);
        Sequence(file);
        Add(0x00100010, "PN", Patient);
        Add(0x00100020, "LO", Patient);
        Add(0x00180050, "DS", Number3(Spacing.Slices));
        Add(0x00180088, "DS", Number3(Spacing.Slices));
        Add(0x0020000D, "UI", study);
        Add(0x0020000E, "UI", series);
        Add(0x00200011, "IS", $"{Number}");
        Add(0x00200012, "IS", "1");
        Add(0x00200013, "IS", $"{Order?[slice] ?? slice + 1}");
        var moved = slice == Moved.Slice ? slice + Moved.By / Spacing.Slices : slice;
        Add(0x00200032, "DS", string.Join('\\', Place(0, Shear * slice / Spacing.Rows, moved).Select(Number3)));
        Add(0x00200037, "DS", string.Join('\\', across.Concat(down).Select(Number3)));
        if (InAcquisition is { } images)
            Add(0x00201002, "IS", $"{images}");
        Add(0x00280002, "US", BitConverter.GetBytes((ushort)1));
        Add(0x00280004, "CS", "MONOCHROME2");
        Add(0x00280010, "US", BitConverter.GetBytes((ushort)Rows));
        Add(0x00280011, "US", BitConverter.GetBytes((ushort)Columns));
        Add(0x00280030, "DS", $@"{Number3(Spacing.Rows)}\{Number3(Spacing.Columns)}");
        Add(0x00280100, "US", BitConverter.GetBytes((ushort)16));
        Add(0x00280101, "US", BitConverter.GetBytes((ushort)12));
        Add(0x00280102, "US", BitConverter.GetBytes((ushort)11));
        Add(0x00280103, "US", BitConverter.GetBytes((ushort)0));
        var pixels = new byte[2 * Rows * Columns];
        for (var i = 0; i < Rows * Columns; i++)
            BitConverter.TryWriteBytes(pixels.AsSpan(2 * i), Value(i % Columns, i / Columns, slice));
        Add(0x7FE00010, "OW", pixels);
        return file.ToArray();
    }

    /// <summary>A sequence of undefined length, with an item of undefined length that holds another study's day.</summary>
    private void Sequence(Stream stream)
    {
        void Tag(uint tag, uint length)
        {
            stream.Write(BitConverter.GetBytes((ushort)(tag >> 16)));
            stream.Write(BitConverter.GetBytes((ushort)tag));
            stream.Write(BitConverter.GetBytes(length));
        }

        stream.Write(BitConverter.GetBytes((ushort)0x0008));
        stream.Write(BitConverter.GetBytes((ushort)0x1140));
        if (!Implicit)
            stream.Write("SQ\0\0"u8);
        stream.Write(BitConverter.GetBytes(0xFFFFFFFFu));
        Tag(0xFFFEE000, 0xFFFFFFFF);
        Element(stream, 0x00080020, "DA", "19000101", Implicit);
        Tag(0xFFFEE00D, 0);
        Tag(0xFFFEE0DD, 0);
    }

    private static void Element(Stream stream, uint tag, string representation, object value, bool isImplicit = false)
    {
        var bytes = value as byte[] ?? Encoding.UTF8.GetBytes((string)value);
        if (bytes.Length % 2 == 1)
            bytes = [.. bytes, (byte)(representation == "UI" ? 0 : ' ')];
        stream.Write(BitConverter.GetBytes((ushort)(tag >> 16)));
        stream.Write(BitConverter.GetBytes((ushort)tag));
        if (!isImplicit)
            stream.Write(Encoding.ASCII.GetBytes(representation));
        var isLong = representation is "OB" or "OW";
        if (!isImplicit && isLong)
            stream.Write(new byte[2]);
        stream.Write(
            isImplicit || isLong ? BitConverter.GetBytes((uint)bytes.Length) : BitConverter.GetBytes((ushort)bytes.Length));
        stream.Write(bytes);
    }

    /// <summary>A decimal of at most 16 letters.</summary>
    private static string Number3(double number) => Math.Round(number, 9).ToString("0.#########", CultureInfo.InvariantCulture);
}
