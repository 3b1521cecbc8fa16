using System.Globalization;

namespace VoxelZoo.Engine.Diffusion.Sweeps;

/// <summary>A solver with the one number that decides what it costs.</summary>
public sealed record SolverConfiguration
{
    private SolverConfiguration(string sampler, int? steps, double? tolerance, int calls) =>
        (Sampler, Steps, Tolerance, Calls) = (sampler, steps, tolerance, calls);

    /// <summary>The sampler's id.</summary>
    public string Sampler { get; }

    /// <summary>Steps of a solver with a fixed number of them.</summary>
    public int? Steps { get; }

    /// <summary>Relative and absolute tolerance of a solver that chooses its steps.</summary>
    public double? Tolerance { get; }

    /// <summary>
    /// Network calls for a volume, about: known where steps are fixed, from experience where they are not. For the
    /// order, and for how long it will take.
    /// </summary>
    public int Calls { get; }

    /// <summary>Its name, such as <c>heun2_10</c> or <c>dopri5_1e-3</c>.</summary>
    public string Name =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Sampler}_{Steps?.ToString(CultureInfo.InvariantCulture) ?? Tolerance?.ToString("0e-0", CultureInfo.InvariantCulture)}");

    /// <summary>The 33 configurations of a sweep, those that take the least time first.</summary>
    public static IReadOnlyList<SolverConfiguration> All { get; } =
    [
        .. new[] { ("euler", 1), ("midpoint", 2), ("heun2", 2), ("heun3", 3), ("rk4", 4) }
            .SelectMany(solver => new[] { 5, 10, 25, 50, 100 }.Select(
                steps => new SolverConfiguration(solver.Item1, steps, null, solver.Item2 * steps)))
            .Concat(
            [
                new("fehlberg2", null, 1e-2, 8), new("fehlberg2", null, 1e-3, 10),
                new("bosh3", null, 1e-2, 42), new("bosh3", null, 1e-3, 52),
                new("dopri5", null, 1e-2, 44), new("dopri5", null, 1e-3, 68), new("dopri8", null, 1e-2, 121),
                new("dopri8", null, 1e-3, 238),
            ])
            .OrderBy(configuration => configuration.Calls),
    ];

    /// <summary>A sampler with a number of steps.</summary>
    public static SolverConfiguration Of(string sampler, int steps) => new(sampler, steps, null, steps);

    /// <summary>The values of the section <c>sampling</c> that make it.</summary>
    public IReadOnlyList<(string Key, IFormattable Value)> Options =>
        Steps is { } steps ? [("steps", steps)] : [("rtol", Tolerance!), ("atol", Tolerance!)];
}
