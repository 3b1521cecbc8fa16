using System.IO.Compression;
using TorchSharp;
using VoxelZoo.Tensors.Native;
using VoxelZoo.Tensors.StateDicts;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>
/// Reads the tensors of a state dict that <c>torch.save</c> wrote (<c>.pth</c>, <c>.pt</c>, <c>.bin</c>), in the layout of today and in
/// that of before PyTorch 1.6. No code of the file is run.
/// </summary>
public static class StateDictFile
{
    private const string Program = "data.pkl";

    /// <summary>How deep dictionaries of tensors are looked for within others.</summary>
    private const int Depth = 3;

    /// <summary>Writes a file that <c>torch.load</c> reads as an ordered dictionary of tensors: whole, or not at all.</summary>
    /// <param name="path">Replaced where it exists.</param>
    /// <param name="tensors">Of any device and strides; they are not changed and stay the caller's.</param>
    /// <exception cref="ArgumentException">A tensor is of a type that no state dict holds.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        path = RegularFile.Replaceable(path);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite))
            {
                StateDictWriter.Write(stream, [.. tensors]);
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

    /// <summary>Reads every tensor of the only dictionary, or the one that is called <c>state_dict</c>, into CPU memory.</summary>
    /// <inheritdoc cref="Read(string, string?)"/>
    public static NamedTensors Read(string path) => Read(path, null);

    /// <summary>Reads every tensor of a dictionary into CPU memory.</summary>
    /// <param name="path">The file.</param>
    /// <param name="member">
    /// The dictionary where a checkpoint holds several, such as <c>ema</c> or <c>model.unet</c>; null for the only one, or the one that it
    /// calls <c>state_dict</c>.
    /// </param>
    /// <returns>The tensors by name; the caller disposes them.</returns>
    /// <exception cref="InvalidDataException">The file holds no state dict, or several; one sentence that names it.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static NamedTensors Read(string path, string? member)
    {
        using var stream = RegularFile.OpenRead(path);
        try
        {
            var first = stream.ReadByte();
            stream.Position = 0;
            return first switch
            {
                'P' => Archive(stream, path, member), // a zip
                0x80 => Legacy(stream, path, member), // a pickle
                _ => throw new InvalidDataException("it does not begin as one"),
            };
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or InvalidCastException)
        {
            var why = e is InvalidDataException ? e.Message : "it ends too early, or is damaged";
            throw new InvalidDataException($"{path} is not a state dict of PyTorch: {why}", e);
        }
    }

    private static NamedTensors Archive(Stream stream, string path, string? member)
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        var program = archive.Entries.FirstOrDefault(entry => entry.FullName.EndsWith($"/{Program}", StringComparison.Ordinal))
            ?? throw new InvalidDataException($"the archive has no {Program}");
        using var pickle = new BufferedStream(program.Open());
        var folder = program.FullName[..^Program.Length];
        return Tensors(new Pickle(pickle).Read(), path, member, storages => Read(storages, storage =>
        {
            using var numbers = (archive.GetEntry($"{folder}data/{storage.Key}")
                ?? throw new InvalidDataException($"the archive has no numbers {storage.Key}")).Open();
            return storage.Read(numbers);
        }));
    }

    /// <summary>Magic number, version and machine; then the dictionary, the names of the storages, and these in that order.</summary>
    private static NamedTensors Legacy(Stream stream, string path, string? member)
    {
        using var buffered = new BufferedStream(stream, 1 << 16);
        if (new Pickle(buffered).Read()?.ToString() != "119547037146038801333356")
            throw new InvalidDataException("it does not begin as one");
        new Pickle(buffered).Read();
        new Pickle(buffered).Read();
        var saved = new Pickle(buffered).Read();
        var keys = (new Pickle(buffered).Read() as List<object?> ?? []).Select(key => key?.ToString() ?? "").ToArray();
        return Tensors(saved, path, member, storages =>
        {
            var byKey = storages.ToDictionary(storage => storage.Key);
            return Read([.. keys.Select(key => byKey.GetValueOrDefault(key)
                ?? throw new InvalidDataException($"nothing uses the numbers {key}"))], storage =>
            {
                var count = new byte[8];
                buffered.ReadExactly(count);
                return BitConverter.ToInt64(count) == storage.Count
                    ? storage.Read(buffered)
                    : throw new InvalidDataException($"the numbers {storage.Key} are not as many as is said");
            });
        });
    }

    private static NamedTensors Tensors(
        object? saved, string path, string? member, Func<IReadOnlyList<SavedNumbers>, Dictionary<string, Tensor>> read)
    {
        var layouts = Layouts(saved, member);
        var numbers = read([.. layouts.Values.Select(layout => layout.Numbers).DistinctBy(storage => storage.Key)]);
        try
        {
            var tensors = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
            foreach (var (name, layout) in layouts)
                tensors[name] = layout.Copy(numbers[layout.Numbers.Key]);
            return new NamedTensors(tensors, new Dictionary<string, string>(), path, new Dictionary<string, string>());
        }
        finally
        {
            foreach (var storage in numbers.Values)
                storage.Dispose();
        }
    }

    /// <summary>The tensors of the dictionary that is named, or of the one that is meant where none is.</summary>
    private static Dictionary<string, Layout> Layouts(object? saved, string? member)
    {
        var all = Members(saved as Pickle.Map ?? [], "", Depth).ToArray();
        if (all.Length == 0)
            throw new InvalidDataException("it has no tensors by name; save the state_dict alone");
        var found = member is not null ? all.Where(one => one.Name == member).ToArray()
            : all.FirstOrDefault(one => one.Name == "state_dict") is { Tensors: not null } usual ? [usual]
            : all;
        return found is [var only]
            ? only.Tensors
            : throw new InvalidDataException(
                (member is null
                    ? "it has several dictionaries of tensors, of which one is to be named: "
                    : $"it has no dictionary `{member}` of tensors, but ")
                + string.Join(", ", all.Select(one => $"{(one.Name.Length == 0 ? "the outermost" : one.Name)} ({one.Tensors.Count})")));
    }

    /// <summary>The dictionaries that hold tensors, with the way to them.</summary>
    private static IEnumerable<(string Name, Dictionary<string, Layout> Tensors)> Members(Pickle.Map map, string way, int depth)
    {
        var tensors = map.Where(item => item is (string, Layout)).ToDictionary(item => (string)item.Key!, item => (Layout)item.Value!);
        if (tensors.Count > 0)
            yield return (way, tensors);
        if (depth == 0)
            yield break;
        foreach (var (key, value) in map)
        {
            if (key is not string name || value is not Pickle.Map inner)
                continue;
            foreach (var member in Members(inner, way.Length == 0 ? name : $"{way}.{name}", depth - 1))
                yield return member;
        }
    }

    private static Dictionary<string, Tensor> Read(IReadOnlyList<SavedNumbers> storages, Func<SavedNumbers, Tensor> read)
    {
        var numbers = new Dictionary<string, Tensor>();
        try
        {
            foreach (var storage in storages)
                numbers[storage.Key] = read(storage);
            return numbers;
        }
        catch
        {
            foreach (var made in numbers.Values)
                made.Dispose();
            throw;
        }
    }
}
