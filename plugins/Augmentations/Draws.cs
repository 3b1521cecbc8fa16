using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>Single numbers from a generator.</summary>
internal static class Draws
{
    /// <summary>Uniform in [0, 1).</summary>
    public static double Uniform(this Generator random)
    {
        using var drawn = rand([1], ScalarType.Float64, CPU, generator: random);
        return drawn.item<double>();
    }

    /// <summary>Whether an event of that probability happens; draws in either case.</summary>
    public static bool Happens(this Generator random, double probability) => random.Uniform() < probability;

    /// <summary>Uniform among <paramref name="least"/> … <paramref name="most"/>.</summary>
    public static int Whole(this Generator random, int least, int most) => least + (int)(random.Uniform() * (most - least + 1));

    /// <summary>One of <paramref name="choices"/>, each as likely as the others.</summary>
    public static T Pick<T>(this Generator random, IReadOnlyList<T> choices) => choices[random.Whole(0, choices.Count - 1)];
}
