// Measures dct.safetensors.gz: dotnet run measure.cs HEAD.nii.gz dct.safetensors.gz
//
// For each block size the standard deviation of each coefficient of the orthonormal DCT-II over the blocks of a head (NIfTI, uint8) whose
// 99.5th percentile is brought to 1. Blocks of nothing but background are left out.
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

using var unpacked = new MemoryStream();
using (var packed = new GZipStream(File.OpenRead(args[0]), CompressionMode.Decompress))
    packed.CopyTo(unpacked);
var raw = unpacked.ToArray();
int Size(int axis) => BinaryPrimitives.ReadInt16LittleEndian(raw.AsSpan(42 + 2 * axis));
var (width, height, depth) = (Size(0), Size(1), Size(2));
var voxels = raw.AsSpan((int)BinaryPrimitives.ReadSingleLittleEndian(raw.AsSpan(108)), width * height * depth).ToArray();
var bright = voxels.Where(voxel => voxel > 0).Order().ToArray();
var top = (double)bright[(int)(0.995 * (bright.Length - 1))];
var head = Array.ConvertAll(voxels, voxel => Math.Min(voxel / top, 1));

var (header, data) = (new StringBuilder("{\"__metadata__\":{\"source\":\"Colin 27, samples/colin27/ch2bet.nii.gz\"}"), new MemoryStream());
foreach (var n in new[] { 2, 4, 8 })
{
    var cosines = new double[n, n];
    for (var k = 0; k < n; k++)
        for (var x = 0; x < n; x++)
            cosines[k, x] = Math.Sqrt((k == 0 ? 1.0 : 2.0) / n) * Math.Cos(Math.PI * (2 * x + 1) * k / (2 * n));
    var (sums, squares, blocks) = (new double[n * n * n], new double[n * n * n], 0);
    for (var d = 0; d + n <= depth; d += n)
        for (var h = 0; h + n <= height; h += n)
            for (var w = 0; w + n <= width; w += n)
            {
                var block = new double[n * n * n];
                for (var i = 0; i < block.Length; i++)
                    block[i] = head[((d + i / (n * n)) * height + h + i / n % n) * width + w + i % n];
                if (block.Max() == 0)
                    continue;
                foreach (var stride in new[] { n * n, n, 1 })
                    block = Transform(block, cosines, n, stride);
                blocks++;
                for (var i = 0; i < block.Length; i++)
                    (sums[i], squares[i]) = (sums[i] + block[i], squares[i] + block[i] * block[i]);
            }

    var (begin, end) = (data.Length, data.Length + 4 * n * n * n);
    header.Append($",\"block_{n}\":{{\"dtype\":\"F32\",\"shape\":[{n},{n},{n}],\"data_offsets\":[{begin},{end}]}}");
    for (var i = 0; i < sums.Length; i++)
        data.Write(BitConverter.GetBytes((float)Math.Sqrt(squares[i] / blocks - Math.Pow(sums[i] / blocks, 2))));
    Console.WriteLine($"{n}: {blocks} blocks");
}

var json = Encoding.UTF8.GetBytes(header.Append('}').ToString().PadRight((header.Length + 7) / 8 * 8));
using var to = new GZipStream(File.Create(args[1]), CompressionLevel.SmallestSize);
to.Write(BitConverter.GetBytes((long)json.Length));
to.Write(json);
to.Write(data.ToArray());

static double[] Transform(double[] block, double[,] cosines, int n, int stride)
{
    var result = new double[block.Length];
    for (var i = 0; i < block.Length; i++)
        for (var x = 0; x < n; x++)
            result[i] += cosines[i / stride % n, x] * block[i + (x - i / stride % n) * stride];
    return result;
}
