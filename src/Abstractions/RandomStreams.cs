using System.Security.Cryptography;
using System.Text;
using TorchSharp;

namespace VoxelZoo.Abstractions;

/// <summary>
/// Named, independent random streams of one run, so that drawing more from one changes nothing in another: evaluating does
/// not alter training. All draws are made on the CPU, so they are the same on every device. Not thread-safe.
/// </summary>
public sealed class RandomStreams : IDisposable
{
    /// <summary>Order of the data and cropping.</summary>
    public const string Data = "data";

    /// <summary>Noise that is added in training.</summary>
    public const string Noise = "noise";

    /// <summary>Timesteps drawn in training.</summary>
    public const string Timestep = "timestep";

    /// <summary>Condition dropout and augmentations. Layers such as <c>nn.Dropout</c> draw from torch's global generator instead.</summary>
    public const string Dropout = "dropout";

    /// <summary>Everything that validation, sampling and metrics draw.</summary>
    public const string Evaluation = "evaluation";

    private readonly Dictionary<string, torch.Generator> _streams = [];

    /// <summary>Creates the streams of a run.</summary>
    /// <param name="seed">Streams of the same seed and name give the same numbers on every machine.</param>
    public RandomStreams(long seed) => Seed = seed;

    /// <summary>The run's seed.</summary>
    public long Seed { get; }

    /// <summary>The stream of that name, created at its first use. The streams own it; do not dispose it.</summary>
    public torch.Generator this[string name]
    {
        get
        {
            if (!_streams.TryGetValue(name, out var stream))
                _streams[name] = stream = new torch.Generator((ulong)SeedOf(Seed, name), torch.CPU);
            return stream;
        }
    }

    /// <summary>Seed of the named stream: 63 bits of SHA-256 over the run's seed and the name.</summary>
    public static long SeedOf(long seed, string name)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}/{name}"));
        return (long)(BitConverter.ToUInt64(hash) >> 1);
    }

    /// <summary>The state of every stream in use, for a checkpoint.</summary>
    public IReadOnlyDictionary<string, byte[]> Capture()
    {
        var states = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (name, stream) in _streams)
        {
            using var state = stream.get_state();
            states[name] = state.data<byte>().ToArray();
        }

        return states;
    }

    /// <summary>Puts the streams back to captured states; streams that are not among them start anew.</summary>
    public void Restore(IReadOnlyDictionary<string, byte[]> states)
    {
        Clear();
        foreach (var (name, bytes) in states)
        {
            using var state = torch.tensor(bytes);
            this[name].set_state(state);
        }
    }

    /// <summary>Frees the generators.</summary>
    public void Dispose() => Clear();

    private void Clear()
    {
        foreach (var stream in _streams.Values)
            stream.Dispose();
        _streams.Clear();
    }
}
