using System.Buffers.Binary;
using System.Text;

namespace VoxelZoo.Engine.Tests.Nifti;

/// <summary>
/// Builds files byte by byte from the offsets of the standard, so that the reader is not checked against our writer alone.
/// </summary>
internal sealed class NiftiBytes
{
    private readonly byte[] _header;
    private readonly bool _two;
    private readonly bool _big;

    public NiftiBytes(int version = 1, bool bigEndian = false)
    {
        _two = version == 2;
        _big = bigEndian;
        _header = new byte[_two ? 544 : 352];
        Put(0, _two ? 540 : 348);
        Encoding.Latin1.GetBytes(_two ? "n+2\0\r\n\x1a\n" : "n+1\0").CopyTo(_header, _two ? 4 : 344);
        Offset(_header.Length).PixDim(1, 1, 1, 1).Scale(1, 0);
    }

    public byte[] Extensions { get; init; } = [];

    public NiftiBytes Dim(params long[] dims)
    {
        for (var i = 0; i < dims.Length; i++)
            PutInteger(_two ? 16 + 8 * i : 40 + 2 * i, dims[i], _two ? 8 : 2);
        return this;
    }

    /// <summary>Sets the datatype, and bitpix to what the standard says of it.</summary>
    public NiftiBytes Type(short code)
    {
        PutInteger(_two ? 12 : 70, code, 2);
        return BitPix(code switch
        {
            2 or 256 => 8,
            4 or 512 => 16,
            64 or 1024 or 1280 => 64,
            _ => 32,
        });
    }

    public NiftiBytes BitPix(short bits)
    {
        PutInteger(_two ? 14 : 72, bits, 2);
        return this;
    }

    public NiftiBytes PixDim(params double[] sizes)
    {
        for (var i = 0; i < sizes.Length; i++)
            PutReal(_two ? 104 + 8 * i : 76 + 4 * i, sizes[i]);
        return this;
    }

    public NiftiBytes Offset(double offset)
    {
        if (_two)
            PutInteger(168, (long)offset, 8);
        else
            PutReal(108, offset);
        return this;
    }

    public NiftiBytes Scale(double slope, double intercept)
    {
        PutReal(_two ? 176 : 112, slope);
        PutReal(_two ? 184 : 116, intercept);
        return this;
    }

    public NiftiBytes QForm(params double[] quaternionAndOffset)
    {
        PutInteger(_two ? 344 : 252, 1, _two ? 4 : 2);
        for (var i = 0; i < 6; i++)
            PutReal(_two ? 352 + 8 * i : 256 + 4 * i, quaternionAndOffset[i]);
        return this;
    }

    public NiftiBytes QFormCode(int code)
    {
        PutInteger(_two ? 344 : 252, code, _two ? 4 : 2);
        return this;
    }

    public NiftiBytes SFormCode(int code)
    {
        PutInteger(_two ? 348 : 254, code, _two ? 4 : 2);
        return this;
    }

    public NiftiBytes SForm(params double[] rows)
    {
        PutInteger(_two ? 348 : 254, 2, _two ? 4 : 2);
        for (var i = 0; i < 12; i++)
            PutReal(_two ? 400 + 8 * i : 280 + 4 * i, rows[i]);
        return this;
    }

    public byte[] With(params byte[] voxels)
    {
        if (Extensions.Length > 0)
        {
            _header[^4] = 1;
            Offset(_header.Length + Extensions.Length);
        }

        return [.. _header, .. Extensions, .. voxels];
    }

    private void Put(int at, int value) => PutInteger(at, value, 4);

    private void PutReal(int at, double value)
    {
        if (_two)
            PutInteger(at, BitConverter.DoubleToInt64Bits(value), 8);
        else
            PutInteger(at, BitConverter.SingleToInt32Bits((float)value), 4);
    }

    private void PutInteger(int at, long value, int bytes)
    {
        Span<byte> little = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(little, value);
        little = little[..bytes];
        if (_big)
            little.Reverse();
        little.CopyTo(_header.AsSpan(at));
    }
}
