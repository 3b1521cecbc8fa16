namespace VoxelZoo.Engine.Plans;

/// <summary>Numbers of parameters.</summary>
/// <param name="Denoiser">Of the network.</param>
/// <param name="Conditioning">Of modules that turn scalars into a modulation of the time embedding.</param>
/// <param name="Compressor">Of the compressor, which diffusion training does not change.</param>
public sealed record ParameterCounts(long Denoiser, long Conditioning, long Compressor)
{
    /// <summary>Of the ControlNet beside a frozen denoiser, or null without one.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public long? Controlnet { get; init; }

    /// <summary>Of the low-rank change of a frozen denoiser, or null without one.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public long? Adapter { get; init; }

    /// <summary>Parameters that training changes.</summary>
    internal long Trained => (Adapter ?? Controlnet ?? Denoiser) + Conditioning;
}
