using TorchSharp;
using VoxelZoo.Engine.Data;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>Samples whose latents lie in files; batches hold no images.</summary>
internal sealed class LatentSource(string folder, IReadOnlyList<LatentSample> samples) : IBatchSource
{
    public int Count => samples.Count;

    public Batch Load(IReadOnlyList<int> indices, int epoch, int index, CancellationToken stop)
    {
        using var scope = torch.NewDisposeScope();
        var chosen = indices.Select(i => samples[i]).ToArray();
        var files = new List<NamedTensors>();
        try
        {
            foreach (var sample in chosen)
            {
                stop.ThrowIfCancellationRequested();
                files.Add(SafetensorsFile.Read(Path.Combine(folder, sample.Split, $"{sample.Patient}.safetensors")));
            }

            return new Batch
            {
                Epoch = epoch,
                Index = index,
                Patients = [.. chosen.Select(sample => sample.Patient)],
                Images = new Dictionary<string, torch.Tensor>(),
                RealSlices = [.. chosen.Select(sample => sample.RealSlices)],
                Latents = new LatentPair(Together(LatentCache.TargetKey)!, Together(LatentCache.ConditionKey)),
                SizeBins = Together(LatentCache.SizeBinsKey),
            };
        }
        finally
        {
            foreach (var file in files)
                file.Dispose();
        }

        torch.Tensor? Together(string key) =>
            files[0].ContainsKey(key) ? torch.cat([.. files.Select(file => file[key])], 0).DetachFromDisposeScope() : null;
    }
}
