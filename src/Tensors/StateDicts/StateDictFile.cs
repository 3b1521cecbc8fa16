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

    /// <summary>Reads every tensor into CPU memory.</summary>
    /// <returns>The tensors by name; the caller disposes them.</returns>
    /// <exception cref="InvalidDataException">The file holds no state dict; one sentence that names it.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static NamedTensors Read(string path)
    {
        using var stream = RegularFile.OpenRead(path);
        try
        {
            var first = stream.ReadByte();
            stream.Position = 0;
            return first switch
            {
                'P' => Archive(stream, path), // a zip
                0x80 => Legacy(stream, path), // a pickle
                _ => throw new InvalidDataException("it does not begin as one"),
            };
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or InvalidCastException)
        {
            var why = e is InvalidDataException ? e.Message : "it ends too early, or is damaged";
            throw new InvalidDataException($"{path} is not a state dict of PyTorch: {why}", e);
        }
    }

    private static NamedTensors Archive(Stream stream, string path)
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        var program = archive.Entries.FirstOrDefault(entry => entry.FullName.EndsWith($"/{Program}", StringComparison.Ordinal))
            ?? throw new InvalidDataException($"the archive has no {Program}");
        using var pickle = new BufferedStream(program.Open());
        var folder = program.FullName[..^Program.Length];
        return Tensors(new Pickle(pickle).Read(), path, storages => Read(storages, storage =>
        {
            using var numbers = (archive.GetEntry($"{folder}data/{storage.Key}")
                ?? throw new InvalidDataException($"the archive has no numbers {storage.Key}")).Open();
            return storage.Read(numbers);
        }));
    }

    /// <summary>Magic number, version and machine; then the dictionary, the names of the storages, and these in that order.</summary>
    private static NamedTensors Legacy(Stream stream, string path)
    {
        using var buffered = new BufferedStream(stream, 1 << 16);
        if (new Pickle(buffered).Read()?.ToString() != "119547037146038801333356")
            throw new InvalidDataException("it does not begin as one");
        new Pickle(buffered).Read();
        new Pickle(buffered).Read();
        var saved = new Pickle(buffered).Read();
        var keys = (new Pickle(buffered).Read() as List<object?> ?? []).Select(key => key?.ToString() ?? "").ToArray();
        return Tensors(saved, path, storages =>
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

    private static NamedTensors Tensors(object? saved, string path, Func<IReadOnlyList<SavedNumbers>, Dictionary<string, Tensor>> read)
    {
        var layouts = Layouts(saved);
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

    /// <summary>The tensors of a dictionary, or of the one that a checkpoint calls <c>state_dict</c>.</summary>
    private static Dictionary<string, Layout> Layouts(object? saved)
    {
        if (saved is Pickle.Map checkpoint && checkpoint.FirstOrDefault(item => item.Key is "state_dict").Value is Pickle.Map inner)
            saved = inner;
        var layouts = (saved as Pickle.Map ?? []).Where(item => item is (string, Layout))
            .ToDictionary(item => (string)item.Key!, item => (Layout)item.Value!);
        return layouts.Count > 0 ? layouts : throw new InvalidDataException("it has no tensors by name; save the state_dict alone");
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
