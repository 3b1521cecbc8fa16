namespace VoxelZoo.Abstractions;

/// <summary>
/// The checks that parts share where their options meet the shapes of an experiment: each returns what fits, or refuses with a
/// <see cref="PlanException"/> that names the option.
/// </summary>
public static class Fitting
{
    /// <summary>The channels that enter a network which concatenates the condition to the noisy sample.</summary>
    /// <param name="inChannels">The option <c>in_channels</c>, or null where it is left to the experiment.</param>
    /// <param name="shape">What the network will be given.</param>
    /// <exception cref="PlanException">The option says something else.</exception>
    public static int InChannels(int? inChannels, DiffusionShape shape) => Agree(
        inChannels, shape.InputChannels, "in_channels", $"the latent and its condition have {shape.InputChannels} channels");

    /// <summary>The channels that a network must return: those of the latent.</summary>
    /// <param name="outChannels">The option <c>out_channels</c>, or null where it is left to the experiment.</param>
    /// <param name="shape">What the network must return.</param>
    /// <exception cref="PlanException">The option says something else.</exception>
    public static int OutChannels(int? outChannels, DiffusionShape shape) => Agree(
        outChannels, shape.Latent.Channels, "out_channels", $"the latent has {shape.Latent.Channels} channels");

    /// <summary>What the experiment implies, if the option says the same or nothing.</summary>
    /// <param name="option">The option, or null where it is left to the experiment.</param>
    /// <param name="implied">What it must be.</param>
    /// <param name="key">The option as YAML writes it.</param>
    /// <param name="finding">Whence that follows, for the refusal: <c>the latent has 4 channels</c>.</param>
    /// <exception cref="PlanException">The option says something else.</exception>
    public static int Agree(int? option, int implied, string key, string finding) => option is null || option == implied
        ? implied
        : throw new PlanException($"{key} is {option} but {finding}; leave {key} out", key);

    /// <summary>The channels of a network that is to be built, which an option or an experiment must have given.</summary>
    /// <param name="inChannels">The option <c>in_channels</c>.</param>
    /// <param name="outChannels">The option <c>out_channels</c>.</param>
    /// <param name="network">What the refusal calls it.</param>
    /// <exception cref="PlanException">One of them is null.</exception>
    public static (int In, int Out) Require(int? inChannels, int? outChannels, string network = "network") =>
        (inChannels, outChannels) is ({ } from, { } to)
            ? (from, to)
            : throw new PlanException(
                $"the {network}'s channels in and out are not known; set in_channels and out_channels", "in_channels");

    /// <summary>Refuses a volume of other channels than a compressor's.</summary>
    /// <param name="inChannels">The compressor's option <c>in_channels</c>.</param>
    /// <param name="volume">What it will be given.</param>
    /// <exception cref="PlanException">The volume has other channels.</exception>
    public static void RefuseOtherChannels(int inChannels, VolumeShape volume)
    {
        if (volume.Channels != inChannels)
            throw new PlanException($"in_channels is {inChannels} but the volume has {volume.Channels} channels", "in_channels");
    }

    /// <summary>Refuses a grid whose depth, height or width does not divide; the first one that does not is named.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="divisor">By what each size must divide.</param>
    /// <param name="key">The option at fault as YAML writes it, or null.</param>
    /// <param name="refusal">Words the refusal.</param>
    /// <exception cref="PlanException">A size leaves a remainder.</exception>
    public static void RefuseRemainder(VolumeShape grid, int divisor, string? key, Func<Remainder, string> refusal)
    {
        foreach (var (axis, size) in new[] { ("depth", grid.Depth), ("height", grid.Height), ("width", grid.Width) })
            if (size % divisor != 0)
                throw new PlanException(refusal(new Remainder(axis, size, divisor)), key);
    }

    /// <summary>The shape that a volume has once its blocks of f×f×f voxels are channels.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="factor">f, the side of a block.</param>
    /// <param name="key">The option that sets it, as YAML writes it.</param>
    /// <exception cref="PlanException">A size leaves a remainder.</exception>
    public static VolumeShape BlocksAsChannels(VolumeShape volume, int factor, string key)
    {
        RefuseRemainder(
            volume, factor, key,
            remainder => $"{remainder.Axis} {remainder.Size} of the {volume} volume does not divide into blocks of {factor}; "
                + $"pad it to {remainder.Padded} or change {key}");
        return volume.Coarser(factor) with { Channels = volume.Channels * factor * factor * factor };
    }

    /// <summary>Refuses a grid that a network of so many levels, each of which halves it, cannot halve as often.</summary>
    /// <param name="grid">The grid of the first level.</param>
    /// <param name="levels">The levels; one more than the halvings.</param>
    /// <param name="key">The option that sets them, as YAML writes it.</param>
    /// <param name="remedy">What to do, without a full stop.</param>
    /// <exception cref="PlanException">A size leaves a remainder.</exception>
    public static void RefuseLevels(VolumeShape grid, int levels, string key, Func<Remainder, string> remedy) => RefuseRemainder(
        grid, 1 << (levels - 1), key,
        remainder => $"{remainder.Axis} {remainder.Size} of the {grid.Depth}×{grid.Height}×{grid.Width} grid is not divisible by "
            + $"{remainder.Divisor}, as {levels} levels need; {remedy(remainder)}");
}

/// <summary>A size of a grid that does not divide.</summary>
/// <param name="Axis"><c>depth</c>, <c>height</c> or <c>width</c>.</param>
/// <param name="Size">The size, in voxels.</param>
/// <param name="Divisor">By what it should divide.</param>
public sealed record Remainder(string Axis, int Size, int Divisor)
{
    /// <summary>The next larger size that divides.</summary>
    public int Padded => (Size + Divisor - 1) / Divisor * Divisor;

    /// <summary>The most levels, each after the first half as large as the one before, that the size allows.</summary>
    public int Levels => 1 + int.TrailingZeroCount(Size);
}
