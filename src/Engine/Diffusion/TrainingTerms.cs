using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>Terms of the loss.</summary>
internal static class TrainingTerms
{
    /// <summary>Some samples of a term.</summary>
    /// <param name="term">The term.</param>
    /// <param name="rows">Takes some samples of a tensor.</param>
    public static TrainingTerm Rows(this TrainingTerm term, Func<Tensor, Tensor> rows) => term with
    {
        Clean = rows(term.Clean),
        Noise = rows(term.Noise),
        Timesteps = rows(term.Timesteps),
        Noisy = rows(term.Noisy),
        Target = rows(term.Target),
        Condition = term.Condition is null ? null : rows(term.Condition),
        VoxelWeights = term.VoxelWeights is null ? null : rows(term.VoxelWeights),
        Omega = term.Omega is null ? null : rows(term.Omega),
    };
}
