using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>Measures the volumes that a model generates while it is trained.</summary>
public interface IGenerationMeter : IDisposable
{
    /// <summary>After every so many epochs.</summary>
    int Every { get; }

    /// <summary>Generates some and measures them, by the same noise and conditions each time.</summary>
    /// <param name="model">The model, in evaluation mode.</param>
    GenerationMeasures Measure(DiffusionModel model);
}
