using System.Buffers.Binary;
using TorchSharp;
using VoxelZoo.Tensors.Native;
using VoxelZoo.Tensors.Safetensors;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>
/// Reads and writes safetensors files: eight bytes of header length, a JSON header, the tensors' bytes. Files go both ways
/// between this and the Python package of that name. Tensors may be larger than 2 GiB.
/// </summary>
public static class SafetensorsFile
{
    /// <summary>
    /// Reads every tensor into CPU memory, but for those of a dtype that TorchSharp does not have; they are named in
    /// <see cref="NamedTensors.Unsupported"/>.
    /// </summary>
    /// <returns>The tensors by name and the file's metadata; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">The file breaks a rule of the format; one sentence that names the file.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static NamedTensors Read(string path)
    {
        if (RegularFile.WhyNot(path) is { } why)
            throw new InvalidDataException($"{path}: {why}");
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        return ReadSeekable(stream, path);
    }

    /// <summary>Writes a file that is whole or not there: a sibling is written, flushed to the disk and renamed.</summary>
    /// <param name="path">Replaced where it exists.</param>
    /// <param name="tensors">Of any device and strides; they are not changed and stay the caller's.</param>
    /// <param name="metadata">Free text to keep with them.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved, or a dtype has no counterpart in the format.</exception>
    public static void Write(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        path = RegularFile.Replaceable(path);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                Write(stream, tensors, metadata);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes to a stream from its position on. Equal tensors and metadata give equal bytes, whatever their order.</summary>
    /// <param name="stream">Left open.</param>
    /// <param name="tensors">Of any device and strides; they are not changed and stay the caller's.</param>
    /// <param name="metadata">Free text to keep with them.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved, or a dtype has no counterpart in the format.</exception>
    public static void Write(
        Stream stream,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var plan = SafetensorsPlan.Of(tensors, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)plan.Header.Length);
        stream.Write(length);
        stream.Write(plan.Header);
        foreach (var (tensor, bytes) in plan.Data)
            TensorBytes.Write(stream, tensor, bytes);
    }

    /// <summary>
    /// The same from a stream, from its position to its end: what is embedded in an assembly, or an entry of an archive. One that does not
    /// know its length is first taken into memory.
    /// </summary>
    /// <param name="stream">Left open.</param>
    /// <param name="source">What it is called in messages.</param>
    /// <returns>The tensors by name and the file's metadata; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">It breaks a rule of the format; one sentence that names the source.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static NamedTensors Read(Stream stream, string source)
    {
        if (stream.CanSeek)
            return ReadSeekable(stream, source);
        using var whole = new MemoryStream();
        stream.CopyTo(whole);
        whole.Position = 0;
        return ReadSeekable(whole, source);
    }

    private static NamedTensors ReadSeekable(Stream stream, string source)
    {
        var tensors = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        try
        {
            var header = ReadHeader(stream);
            var unsupported = header.Entries
                .Where(entry => entry.Type is null).ToDictionary(entry => entry.Name, entry => entry.Dtype, StringComparer.Ordinal);
            var named = new NamedTensors(tensors, header.Metadata, source, unsupported);
            foreach (var entry in header.Entries)
            {
                if (entry.Type is not { } type)
                {
                    stream.Seek(entry.End - entry.Begin, SeekOrigin.Current);
                    continue;
                }

                var tensor = empty(entry.Shape, type).DetachFromDisposeScope();
                tensors.Add(entry.Name, tensor);
                TensorBytes.Read(stream, tensor, entry.End - entry.Begin);
            }

            return named;
        }
        catch (Exception e)
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
            if (e is InvalidDataException)
                throw new InvalidDataException($"{source} is not a valid safetensors file: {e.Message}", e);
            if (e is EndOfStreamException)
                throw new InvalidDataException($"{source} is not a valid safetensors file: it ends too early", e);
            throw;
        }
    }

    private static SafetensorsHeader ReadHeader(Stream stream)
    {
        Span<byte> prefix = stackalloc byte[8];
        stream.ReadExactly(prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        long rest = stream.Length - stream.Position;
        if (length > SafetensorsHeader.MaxLength || (long)length > rest)
            throw new InvalidDataException(
                $"its header claims {length} bytes; {rest} follow, and {SafetensorsHeader.MaxLength} are allowed");

        var json = new byte[length];
        stream.ReadExactly(json);
        return SafetensorsHeader.Parse(json, rest - (long)length);
    }
}
