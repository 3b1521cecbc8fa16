using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Zoo;

/// <summary>Makes an animal of a run: weights, what they need beside them, an experiment of no machine, and the card.</summary>
/// <param name="session">The parts.</param>
/// <param name="run">The run.</param>
/// <param name="sets">Values over its experiment.</param>
internal sealed class AnimalExport(Session session, RunFolder run, IReadOnlyList<Assignment> sets)
{
    private readonly Experiment _experiment = ExperimentLoader.Load(session, run, [.. sets]);

    /// <summary>As what the weights are kept.</summary>
    public required string Dtype { get; init; }

    /// <summary>How many of the split's conditions ship, at most.</summary>
    public required int Conditions { get; init; }

    /// <summary>Whether all conditions of the training split ship too, by whose law numbers of tumours are drawn.</summary>
    public required bool Law { get; init; }

    /// <summary>The checkpoint.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>What a person says of it.</summary>
    public required CardFacts Facts { get; init; }

    /// <summary>Makes the folder, whole or not at all.</summary>
    /// <param name="id">Family and name.</param>
    /// <param name="folder">The folder, which is not there.</param>
    /// <exception cref="RunFolderException">The run lacks something that a card has to say.</exception>
    public Animal Write(string id, string folder)
    {
        var checkpoint = run.OpenNamedCheckpoint(Checkpoint, session.Context.Observer.Warned);
        var component = new[] { Component.Control, Component.Adapter, Component.Denoiser, Component.Compressor }.First(checkpoint.Has);
        var used = checkpoint.Used(component);
        var measures = new CardMeasures(checkpoint.Manifest.Files[Animal.WeightsOf(used)].Sha256, Dtype);
        Require("measures", measures.Of(_experiment, run).Concat(Facts.Measures).FirstOrDefault()?.Metric, $"evaluate the run first, whose evaluation.json has none of {checkpoint.Name}");
        Require("memorisation", Facts.Memorisation ?? measures.Memorisation(_experiment, run), "evaluate the run with the metric memorisation");
        Require("data", Facts.Data ?? Synthesized(), "say what the run was trained on");
        var provenance = Provenance.Read(run) ?? throw new RunFolderException($"{run.Path} has no provenance.json, which says what it was trained on; export a run that has");

        StagedAnimal.Put(folder, temporary =>
        {
            CopyWeights(checkpoint, component, temporary);
            CopyConditions(temporary);
            AtomicFile.WriteText(
                Path.Combine(temporary, Animal.ExperimentName), YamlWriter.Write(PortableExperiment.Of(ExperimentLoader.FileOf(_experiment))));
            if (RunReport.CurveOf(run) is { } curve)
                AtomicFile.WriteText(Path.Combine(temporary, Animal.CurveName), curve);
            var card = new Card
            {
                Id = id,
                Summary = Facts.Summary,
                Network = NetworkOf(component, used),
                Plugins = AnimalPlugins.Of(_experiment.Plan.Sources),
                Volumes = VolumesOf(),
                Training = TrainingOf(checkpoint, provenance),
                Measures = [.. measures.Of(_experiment, run), .. Facts.Measures],
                Memorisation = (Facts.Memorisation ?? measures.Memorisation(_experiment, run))!,
                Trial = new CardTrial { Of = "", Seconds = 0, PeakMebibytes = 0, Machine = "", Blocks = [], Picture = "" }, // until it was tried
                Licences = Facts.Licences,
                Use = Facts.Use,
                Files = FilesOf(temporary),
            };
            AtomicFile.WriteText(Path.Combine(temporary, Animal.CardName), CardYaml.Text(card));
            card = card with { Trial = Try(card, temporary) };
            card = card with { Files = FilesOf(temporary) }; // the trial left a picture
            AtomicFile.WriteText(Path.Combine(temporary, Animal.CardName), CardYaml.Text(card));
            AtomicFile.WriteText(Path.Combine(temporary, Animal.ReadmeName), CardReadme.Of(card));
        });
        return CardYaml.Read(folder);
    }

    private static void Require(string key, string? value, string remedy)
    {
        if (string.IsNullOrWhiteSpace(value))
            throw new RunFolderException($"the card's {key} cannot be read from the run; {remedy}, or give {key} in the file of --facts");
    }

    /// <summary>The averaged weights where there are any, and those that the run used and did not train.</summary>
    private void CopyWeights(Checkpoint checkpoint, string component, string folder)
    {
        foreach (var trained in new[] { component, Component.Conditioning }.Where(checkpoint.Has))
            CopyWeights(checkpoint.File(checkpoint.Used(trained)), Path.Combine(folder, Animal.WeightsOf(trained)));
        var frozen = new FrozenParts(run);
        string[] used = [FrozenParts.Compressor, FrozenParts.ConditionCompressor, FrozenParts.Denoiser, .. component == Component.Adapter ? [FrozenParts.Start] : (string[])[]];
        foreach (var name in used.Where(frozen.Has))
            CopyWeights(frozen.Verify(name), Path.Combine(folder, Animal.WeightsOf(name)));
        if (new NormalizationFile(frozen).Read() is { } statistics)
            new NormalizationFile(new FrozenParts(folder)).Write(statistics);
    }

    private void CopyWeights(string from, string to)
    {
        using var weights = SafetensorsFile.Read(from);
        using var scope = torch.NewDisposeScope();
        var type = Dtype == "float32" ? torch.float32 : torch.bfloat16;
        SafetensorsFile.Write(to, weights.ToDictionary(one => one.Key, one => one.Value.is_floating_point() ? one.Value.to(type) : one.Value));
    }

    /// <summary>The conditions of the split that is sampled, without what was learned from them.</summary>
    private void CopyConditions(string folder)
    {
        if (_experiment is not DiffusionExperiment { Plan: var plan })
            return;
        var cohort = _experiment.OpenCohort(run);
        CopyConditions(plan, cohort, plan.Sampling.Split, Conditions, folder);
        if (Law)
            CopyConditions(plan, cohort, Cohort.Train, int.MaxValue, folder);
        if (plan.Data.Normalization == Normalization.Cohort)
            cohort.Sheet?.WriteWithoutSource(Path.Combine(folder, Animal.ConditionsName));
    }

    private static void CopyConditions(ExperimentPlan plan, Cohort cohort, string split, int most, string folder)
    {
        var patients = cohort.Of(split).Where(patient => !plan.GivenKinds.Except(patient.Kinds).Any()).Take(most).ToArray();
        if (patients.Length == 0)
            throw new RunFolderException($"no patient in {split} of {cohort.Folder} has {string.Join(" and ", plan.GivenKinds)}, from which the animal would be sampled; name another cohort with --cohort");
        foreach (var (patient, kind) in patients.SelectMany(patient => plan.GivenKinds.Select(kind => (patient, kind))))
        {
            // in a cohort of the card's words alone: names of patients stay at home
            var place = Path.Combine(folder, Animal.ConditionsName, split, $"{split}_{Array.IndexOf(patients, patient):D3}");
            Directory.CreateDirectory(place);
            using var from = RegularFile.OpenRead(patient.File(kind));
            AtomicFile.Write(Path.Combine(place, Path.GetFileName(patient.File(kind))), from.CopyTo);
        }
    }

    private CardNetwork NetworkOf(string component, string used) => new()
    {
        Component = component,
        Part = _experiment.Plan switch
        {
            ExperimentPlan plan => plan.Architecture.Id,
            CompressionPlan plan => plan.Compressor.Id,
            var other => throw new ArgumentException($"{other.GetType()} has no network"),
        },
        Parameters = _experiment switch
        {
            DiffusionExperiment { Description.Parameters: var counts } => counts.Denoiser + counts.Conditioning + counts.Compressor + (counts.Controlnet ?? 0),
            CompressionExperiment { Description.Parameters: var counts } => counts.Compressor,
            var other => throw new ArgumentException($"{other.GetType()} has no network"),
        },
        Weights = used,
        Dtype = Dtype,
    };

    private CardVolumes VolumesOf()
    {
        var (plan, data) = (_experiment.Plan, _experiment.Plan.Data);
        return new CardVolumes
        {
            Target = plan.Target,
            Condition = plan is not ExperimentPlan { Condition: var condition }
                ? []
                : [.. condition.Images, .. condition.SizeBins is null ? [] : (string[])[CardVolumes.SizeBins]],
            Shape = [data.Depth, data.Height, data.Width],
            Spacing = [data.Spacing.Depth, data.Spacing.Height, data.Spacing.Width],
            Range = [0, 1],
            Preprocessing = string.Create(
                CultureInfo.InvariantCulture,
                $"{(data.SliceStep > 1 ? $"every {data.SliceStep}th slice, " : "")}means of blocks of pixels down to {data.Height}×{data.Width}, up to {data.OriginalDepth} slices padded to {data.Depth} ({OptionsShape.KeyOf(data.PadMode.ToString())}); intensities {IntensitiesOf(data.Normalization)} become 0 to 1, masks 0 or 1"),
        };
    }

    private static string IntensitiesOf(Normalization normalization) => normalization switch
    {
        Normalization.PerVolume => "of each volume from its smallest to its largest",
        Normalization.Cohort => "within the span that cohort.json names for their kind",
        _ => "from 0 to the clip_max of their kind",
    };

    private CardTraining TrainingOf(Checkpoint checkpoint, Provenance provenance)
    {
        var position = checkpoint.Manifest.Position;
        return new CardTraining
        {
            Experiment = _experiment.Plan.Id,
            ExperimentSha256 = checkpoint.Manifest.Experiment,
            Data = (Facts.Data ?? Synthesized())!,
            Splits = provenance.Data.Where(split => split.Value.Patients > 0)
                .ToDictionary(split => split.Key, split => new CardData { Patients = split.Value.Patients, Sha256 = split.Value.Sha256 }),
            Steps = position.Step,
            Epochs = position.Epoch,
            Seconds = Math.Round(position.TrainingSeconds, 1),
            Seed = _experiment.Plan.Training.Seed,
            Machine = Facts.Machine ?? provenance.System,
            Date = run.ReadStatus() is { } status ? status.Updated.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : throw new RunFolderException($"{run.Path} has no status.json, which says when it was trained; export a run that has"),
            Start = new FrozenParts(run).List().FirstOrDefault(part => part.Name == FrozenParts.Start) is { } start
                ? $"weights of {Path.GetFileName(Path.TrimEndingDirectorySeparator(start.Run))} ({start.Sha256[..12]})"
                : "fresh weights",
        };
    }

    private string? Synthesized() => _experiment.Plan.Data.Synthesize is not { } made ? null : string.Create(
        CultureInfo.InvariantCulture,
        $"Heads that were made of the one that ships (samples/colin27) by `data synthesize`: deformed by {made.Deformation} mm, {made.MinLesions} to {made.MaxLesions} painted metastases in each, seed {made.Seed}; {made.Train} to train on, {made.Val} to validate, {made.Test} to test.");

    /// <summary>Uses the animal as whoever gets it would, from its own files.</summary>
    private CardTrial Try(Card card, string folder)
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
        var cohort = _experiment.OpenCohort(run); // which has the real volumes too
        var count = Math.Min(Conditions, cohort.Of(AnimalGallery.SplitOf(_experiment.Plan)).Count);
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

    private static SortedDictionary<string, CardFile> FilesOf(string folder) => new(
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != Animal.CardName).ToDictionary(
            file => Path.GetRelativePath(folder, file),
            file => FileOf(FileFacts.Of(file))),
        StringComparer.Ordinal);

    private static CardFile FileOf(FileFacts facts) => new() { Bytes = facts.Bytes, Sha256 = facts.Sha256 };
}
