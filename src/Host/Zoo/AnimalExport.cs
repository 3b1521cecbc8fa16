using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

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
        var told = new CardOfRun(_experiment, run, Facts);
        var measures = new CardMeasures(checkpoint.Manifest.Files[Animal.WeightsOf(used)].Sha256, Dtype);
        Require(
            "measures",
            measures.Of(_experiment, run).Concat(Facts.Measures).FirstOrDefault()?.Metric,
            $"evaluate the run first, whose evaluation.json has none of {checkpoint.Name}");
        Require(
            "memorisation", Facts.Memorisation ?? measures.Memorisation(_experiment, run), "evaluate the run with the metric memorisation");
        Require("data", told.Data, "say what the run was trained on");
        var provenance = Provenance.Read(run)
            ?? throw new RunFolderException($"{run.Path} has no provenance.json, which says what it was trained on; export a run that has");

        StagedAnimal.Put(folder, temporary =>
        {
            var files = new AnimalFiles(_experiment, run, temporary);
            files.CopyWeights(checkpoint, component, Dtype);
            files.CopyConditions(Conditions, Law);
            AtomicFile.WriteText(
                Path.Combine(temporary, Animal.ExperimentName),
                YamlWriter.Write(PortableExperiment.Of(ExperimentLoader.FileOf(_experiment))));
            if (RunReport.CurveOf(run) is { } curve)
                AtomicFile.WriteText(Path.Combine(temporary, Animal.CurveName), curve);
            var card = new Card
            {
                Id = id,
                Summary = Facts.Summary,
                Network = told.Network(component, used, Dtype),
                Plugins = AnimalPlugins.Of(_experiment.Plan.Sources),
                Volumes = told.Volumes(),
                Training = told.Training(checkpoint, provenance),
                Measures = [.. measures.Of(_experiment, run), .. Facts.Measures],
                Memorisation = (Facts.Memorisation ?? measures.Memorisation(_experiment, run))!,
                // until it was tried
                Trial = new CardTrial { Of = "", Seconds = 0, PeakMebibytes = 0, Machine = "", Blocks = [], Picture = "" },
                Licences = Facts.Licences,
                Use = Facts.Use,
                Files = files.Listed(),
            };
            AtomicFile.WriteText(Path.Combine(temporary, Animal.CardName), CardYaml.Text(card));
            card = card with { Trial = new AnimalTrial(session, _experiment, run, Conditions).Try(card, temporary) };
            card = card with { Files = files.Listed() }; // the trial left a picture
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
}
