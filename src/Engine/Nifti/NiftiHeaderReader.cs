using System.Buffers.Binary;
using System.Text;

namespace VoxelZoo.Engine.Nifti;

/// <summary>Parses and checks the header, and leaves the source at the first voxel.</summary>
internal sealed class NiftiHeaderReader
{
    // 4 GiB of float32; a whole-body CT has an eighth of it
    private const long MostVoxels = 1L << 30;
    private const int LongestComment = 1 << 20;
    private const int LargestCode = 5; // NIFTI_XFORM_TEMPLATE_OTHER

    private readonly NiftiSource _source;
    private readonly byte[] _header;
    private readonly List<string> _complaints = [];

    private NiftiHeaderReader(NiftiSource source, byte[] header, bool bigEndian)
    {
        _source = source;
        _header = header;
        BigEndian = bigEndian;
    }

    public bool BigEndian { get; }

    private bool IsNifti2 => _header.Length == 540;

    /// <summary>Reads the header; <c>Type</c> and <c>BigEndian</c> say how the voxels that follow are stored.</summary>
    public static (NiftiHeader Header, NiftiDataType Type, bool BigEndian) Read(NiftiSource source)
    {
        var first = new byte[348];
        source.ReadExactly(first, "a NIfTI header");
        var (length, bigEndian) = (BinaryPrimitives.ReadInt32LittleEndian(first), BinaryPrimitives.ReadInt32BigEndian(first)) switch
        {
            (348, _) => (348, false),
            (_, 348) => (348, true),
            (540, _) => (540, false),
            (_, 540) => (540, true),
            _ => throw source.Error("this is not a NIfTI file: it does not begin with the header size 348 or 540."),
        };

        var header = first;
        if (length == 540)
        {
            header = new byte[540];
            first.CopyTo(header, 0);
            source.ReadExactly(header.AsSpan(348), "a NIfTI-2 header");
        }

        var reader = new NiftiHeaderReader(source, header, bigEndian);
        var (parsed, type) = reader.Parse();
        return (parsed, type, bigEndian);
    }

    private (NiftiHeader Header, NiftiDataType Type) Parse()
    {
        CheckMagic();
        var shape = Shape();
        var code = Integer(IsNifti2 ? 12 : 70, 2);
        var type = NiftiDataType.Find((int)code)
            ?? throw Error($"voxels of datatype {NiftiDataType.Describe((int)code)} are not supported; convert the file to float32.");
        if (Integer(IsNifti2 ? 14 : 72, 2) is var bits && bits != 8 * type.Bytes)
            _complaints.Add($"bitpix is {bits} beside the datatype {type.NumpyName(BigEndian)} of {8 * type.Bytes} bits, which is taken");
        var offset = VoxelOffset();
        _source.Require(offset + (Int128)shape.Aggregate(1L, (product, size) => product * size) * type.Bytes);

        var (slope, intercept) = Scaling();
        var spacing = Spacing(shape.Length);
        CheckUnit();
        var (qformCode, sformCode) = (Code("qform", IsNifti2 ? 344 : 252), Code("sform", IsNifti2 ? 348 : 254));
        if (qformCode > 0 && PixDim(0) is not (1 or -1))
            _complaints.Add(FormattableString.Invariant($"pixdim[0] (qfac) is {PixDim(0):G6}, where 1 or -1 is expected: {Qfac} is taken"));
        var affine = Affine(shape, spacing, qformCode, sformCode);
        var header = new NiftiHeader
        {
            Shape = shape,
            Spacing = spacing[..Math.Min(3, shape.Length)],
            DataType = type.NumpyName(BigEndian),
            Affine = affine,
            Qform = sformCode > 0 && qformCode > 0 && Quaternion(spacing) is { } qform && qform.All(row => row.All(double.IsFinite))
                ? qform
                : null,
            QformCode = qformCode,
            SformCode = sformCode,
            Slope = slope,
            Intercept = intercept,
            Comments = Comments(offset),
            Complaints = _complaints,
        };
        _source.SkipTo(offset, "the header's extensions");
        return (header, type);
    }

    private void CheckMagic()
    {
        var magic = Encoding.Latin1.GetString(_header, IsNifti2 ? 4 : 344, 4);
        if (magic is "ni1\0" or "ni2\0")
            throw Error("this is the header of a two-file image; convert it to one .nii or .nii.gz file.");
        if (magic != (IsNifti2 ? "n+2\0" : "n+1\0"))
            throw Error($"this is not a NIfTI file: its magic is {Printable(magic)} instead of n+1 or n+2.");
    }

    private int[] Shape()
    {
        long Dim(int i) => IsNifti2 ? Integer(16 + 8 * i, 8) : Integer(40 + 2 * i, 2);
        var rank = Dim(0);
        if (rank is < 1 or > 7)
            throw Error($"dim[0] is {rank}, but an image has 1 to 7 dimensions.");
        var shape = new int[rank];
        Int128 voxels = 1;
        for (var i = 0; i < rank; i++)
        {
            var size = Dim(i + 1);
            if (size < 1)
                throw Error($"dim[{i + 1}] is {size}, but a dimension has at least one voxel.");

            // at most 7 factors of which the product stays below 2^30 · 2^63
            voxels *= size;
            if (voxels > MostVoxels)
                throw Error($"its first {i + 1} dimensions hold {voxels} voxels, more than the {MostVoxels} that are read.");
            shape[i] = (int)size;
        }

        return shape;
    }

    private long VoxelOffset()
    {
        var offset = IsNifti2 ? Integer(168, 8) : (double)Float(108);
        var least = _header.Length + 4;
        if (!double.IsFinite(offset) || offset != Math.Floor(offset) || offset < least || offset > long.MaxValue / 2)
            throw Error($"vox_offset is {offset}, but the voxels of this kind of file begin at a whole number of at least {least}.");
        return (long)offset;
    }

    private (double Slope, double Intercept) Scaling()
    {
        var slope = Real(IsNifti2 ? 176 : 112);
        var intercept = Real(IsNifti2 ? 184 : 116);
        if (!double.IsFinite(slope))
            _complaints.Add($"scl_slope is {slope}, so the numbers are taken as they are stored");
        if (slope == 0 || !double.IsFinite(slope))
            return (1, 0);
        if (!double.IsFinite(intercept))
            throw Error($"scl_inter is {intercept} beside a slope of {slope}; write the file with a finite intercept.");
        return (slope, intercept);
    }

    private double[] Spacing(int rank)
    {
        var spacing = new double[3];
        for (var i = 0; i < 3; i++)
        {
            var size = Math.Abs(PixDim(i + 1)) * Millimetres;
            if (PixDim(i + 1) < 0 && i < rank)
                _complaints.Add(FormattableString.Invariant($"pixdim[{i + 1}] is {PixDim(i + 1):G6}, which is taken without its sign"));
            if (!double.IsFinite(size))
                throw Error($"pixdim[{i + 1}] is {size}; write the file with its voxel size in millimetres.");
            if (size == 0 && i < rank)
                _complaints.Add($"pixdim[{i + 1}] is 0, which is taken as 1 mm");
            spacing[i] = size == 0 ? 1 : size;
        }

        return spacing;
    }

    private double[][] Affine(int[] shape, double[] spacing, int qformCode, int sformCode)
    {
        double[][] affine;
        if (sformCode > 0)
        {
            affine = [Row(0), Row(1), Row(2), [0, 0, 0, 1]];
        }
        else if (qformCode > 0)
        {
            affine = Quaternion(spacing)
                ?? throw Error(
                    "its qform is no rotation: the numbers b, c, d of its quaternion are longer than 1 together; "
                    + "write the file with a valid qform or sform.");
        }
        else
        {
            affine = NiftiAffine.Centred(shape, spacing);
        }

        if (!affine.All(row => row.All(double.IsFinite)))
            throw Error("its affine (sform or qform) has numbers that are not finite; write the file with a valid one.");
        return affine;
    }

    /// <summary>What the qform says, or null where it is no rotation.</summary>
    private double[][]? Quaternion(double[] spacing)
    {
        const double rounding = 1e-5;
        var q = new double[6];
        for (var i = 0; i < 6; i++)
            q[i] = Real(IsNifti2 ? 352 + 8 * i : 256 + 4 * i) * (i < 3 ? 1 : Millimetres);
        return q[0] * q[0] + q[1] * q[1] + q[2] * q[2] > 1 + rounding
            ? null
            : NiftiAffine.FromQuaternion(q[0], q[1], q[2], q.AsSpan(3), spacing[0], spacing[1], spacing[2], Qfac);
    }

    private double[] Row(int row)
    {
        var numbers = new double[4];
        for (var i = 0; i < 4; i++)
            numbers[i] = Real(IsNifti2 ? 400 + 8 * (4 * row + i) : 280 + 4 * (4 * row + i)) * Millimetres;
        return numbers;
    }

    private List<string> Comments(long voxels)
    {
        var comments = new List<string>();
        var flag = new byte[4];
        _source.ReadExactly(flag, "the extension flag");
        if (flag[0] == 0)
            return comments;
        var head = new byte[8];
        while (_source.Position + 16 <= voxels)
        {
            var start = _source.Position;
            _source.ReadExactly(head, "a header extension");
            var size = Integer(head.AsSpan(0, 4));
            if (size < 8 || start + size > voxels)
            {
                throw Error($"the header extension at byte {start} has size {size}, but it is a multiple of 16 that ends before the voxels "
                    + $"at byte {voxels}.");
            }

            if (size % 16 != 0)
                _complaints.Add($"the header extension at byte {start} has size {size}, which is no multiple of 16");

            if (Integer(head.AsSpan(4)) == 6 && size <= LongestComment)
            {
                var text = new byte[size - 8];
                _source.ReadExactly(text, "a comment");
                comments.Add(Encoding.UTF8.GetString(text).TrimEnd('\0'));
            }

            _source.SkipTo(start + size, "a header extension");
        }

        return comments;
    }

    /// <summary>The file's unit of length: the low three bits of xyzt_units, 0 where it names none.</summary>
    private int Unit => (int)((IsNifti2 ? Integer(500, 4) : _header[123]) & 7);

    /// <summary>Millimetres in the file's unit of length; the millimetre where it names none.</summary>
    private double Millimetres => Unit switch
    {
        1 => 1000,
        3 => 1e-3,
        _ => 1,
    };

    /// <summary>
    /// Says where lengths are not in millimetres: other programs, such as nibabel, leave the conversion to their callers, who forget it.
    /// </summary>
    private void CheckUnit()
    {
        if (Unit is 1 or 3)
            _complaints.Add(
                $"its lengths are in {(Unit == 1 ? "metres, and are multiplied by 1000" : "microns, and are divided by 1000")}");
        else if (Unit > 3)
            _complaints.Add(
                $"its unit of length is {Unit} (xyzt_units), which the standard does not have, so its lengths are taken as millimetres");
    }

    /// <summary>The sign of the third axis beside a quaternion, whatever number stands for it.</summary>
    private int Qfac => PixDim(0) < 0 ? -1 : 1;

    private double PixDim(int i) => Real(IsNifti2 ? 104 + 8 * i : 76 + 4 * i);

    /// <summary>
    /// The space that a form leads to; 0, where there is none, stands for a number that the standard does not have, as in nibabel.
    /// </summary>
    private int Code(string form, int at)
    {
        var code = Integer(at, IsNifti2 ? 4 : 2);
        if (code is >= 0 and <= LargestCode)
            return (int)code;
        _complaints.Add($"{form}_code is {code}, which the standard does not have (0 to {LargestCode}), so its {form} is not read");
        return 0;
    }

    private double Real(int at) => IsNifti2
        ? BigEndian ? BinaryPrimitives.ReadDoubleBigEndian(_header.AsSpan(at)) : BinaryPrimitives.ReadDoubleLittleEndian(_header.AsSpan(at))
        : Float(at);

    private float Float(int at) =>
        BigEndian ? BinaryPrimitives.ReadSingleBigEndian(_header.AsSpan(at)) : BinaryPrimitives.ReadSingleLittleEndian(_header.AsSpan(at));

    private long Integer(int at, int bytes) => Integer(_header.AsSpan(at, bytes));

    private long Integer(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        2 => BigEndian ? BinaryPrimitives.ReadInt16BigEndian(bytes) : BinaryPrimitives.ReadInt16LittleEndian(bytes),
        4 => BigEndian ? BinaryPrimitives.ReadInt32BigEndian(bytes) : BinaryPrimitives.ReadInt32LittleEndian(bytes),
        _ => BigEndian ? BinaryPrimitives.ReadInt64BigEndian(bytes) : BinaryPrimitives.ReadInt64LittleEndian(bytes),
    };

    private InvalidDataException Error(string sentence) => _source.Error(sentence);

    private static string Printable(string magic)
    {
        var text = magic.TrimEnd('\0').Select(c => char.IsAscii(c) && !char.IsControl(c) ? $"{c}" : $"\\x{(int)c:x2}");
        return $"'{string.Concat(text)}'";
    }
}
