using System.ComponentModel.DataAnnotations;

namespace Acme.DpmSolver;

/// <summary>Options of <c>dpm_solver</c>.</summary>
public sealed record DpmSolverOptions
{
    /// <summary>Steps from noise to data; each calls the network once. Default 20.</summary>
    [Range(1, 1000)]
    public int Steps { get; init; } = 20;

    /// <summary>Order of the method: 2 uses the estimate of the step before as well, 1 is DDIM. Default 2.</summary>
    [Range(1, 2)]
    public int Order { get; init; } = 2;
}
