using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.RFlow;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Augmentations;

/// <summary>Terms of a rectified flow.</summary>
internal static class Terms
{
    public static readonly NoiseProcess Flow = ((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(
        new RFlowOptions(), new DiffusionShape(new VolumeShape(1, 4, 6, 6), new VolumeShape(1, 4, 6, 6), 1), Contexts.Cpu);

    /// <summary>
    /// A term at t = 300 with the given clean samples; the condition is the noisy sample, so that it shows what happens to either.
    /// </summary>
    public static TrainingTerm Of(Tensor clean)
    {
        var (noise, timesteps) = (randn(clean.shape), full(clean.shape[0], S(300.0), ScalarType.Float32));
        var noisy = Flow.AddNoise(clean, noise, timesteps);
        return new TrainingTerm
        {
            Clean = clean,
            Noise = noise,
            Timesteps = timesteps,
            Noisy = noisy,
            Target = Flow.Target(clean, noise, timesteps),
            Condition = noisy.clone(),
        };
    }

    /// <summary>Fails unless the noisy sample and the target are those of the term's data, noise and times.</summary>
    public static void AssertConsistent(TrainingTerm term)
    {
        Assert.True(Reference.Difference(term.Noisy, Flow.AddNoise(term.Clean, term.Noise, term.Timesteps)) < 1e-6);
        Assert.True(Reference.Difference(term.Target, Flow.Target(term.Clean, term.Noise, term.Timesteps)) < 1e-6);
    }
}
