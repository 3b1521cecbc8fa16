using System.Diagnostics;
using System.Runtime.InteropServices;
using TorchSharp;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Zoo;

/// <summary>Uses an animal as whoever gets it would, from its own files, and makes its picture.</summary>
/// <param name="session">The parts.</param>
/// <param name="experiment">The experiment of the run that it is made of.</param>
/// <param name="run">That run.</param>
/// <param name="most">How many volumes are pictured, at most.</param>
internal sealed class AnimalTrial(Session session, Experiment experiment, RunFolder run, int most)
{
    /// <summary>Tries it.</summary>
    /// <param name="card">Its card.</param>
    /// <param name="folder">Its folder, which gets the picture.</param>
    public CardTrial Try(Card card, string folder)
    {
        var place = Directory.CreateTempSubdirectory("voxelzoo-").FullName;
        try
        {
            var unpacked = AnimalRuns.Unpack(new Animal(folder, card), Path.Combine(place, "run"));
            var time = Stopwatch.StartNew();
            var trial = ExperimentLoader.Load(session, unpacked).Try(unpacked, Path.Combine(place, "samples"));
            var seconds = Math.Round(time.Elapsed.TotalSeconds, 1);
            return new CardTrial
            {
                Of = trial.Of,
                Seconds = seconds,
                PeakMebibytes = (int)(MemoryStatistics.PeakResident >> 20),
                Machine = $"{RuntimeInformation.OSArchitecture}, {CpuFacts.InstructionSet}, {torch.get_num_threads()} threads",
                Blocks = trial.Blocks,
                Picture = Picture(unpacked, trial, Path.Combine(place, "gallery"), Path.Combine(folder, Animal.PictureName)),
            };
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    /// <summary>Makes the animal's picture.</summary>
    /// <returns>What is seen on it.</returns>
    private string Picture(RunFolder unpacked, TrialVolume trial, string samples, string picture)
    {
        var cohort = experiment.OpenCohort(run); // which has the real volumes too
        var count = Math.Min(most, cohort.Of(AnimalGallery.SplitOf(experiment.Plan)).Count);
        Assignment[] sets =
        [
            Assignment.By("zoo export", "data.cohort", Path.GetFullPath(cohort.Folder)),
            Assignment.By("zoo export", "sampling.count", count),
        ];
        var gallery = new AnimalGallery(session, ExperimentLoader.Load(session, unpacked, sets), cohort);
        if (gallery.Exists)
            return gallery.Write(unpacked, samples, picture);

        if (trial.Picture is null)
            return "none";
        File.Copy(trial.Picture, picture);
        return "the volume of the trial";
    }
}
