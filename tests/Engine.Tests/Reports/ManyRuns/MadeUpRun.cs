using System.Text.Json.Nodes;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Tests.Reports.ManyRuns;

/// <summary>The files of a run that never was; its <c>experiment.yaml</c> is JSON.</summary>
internal sealed class MadeUpRun
{
    private const string Pixels = """
        {"id": "exp1", "title": "Baseline", "target": "bravo", "condition": {"images": ["seg"]},
         "data": {"height": 128, "width": 64, "depth": 32},
         "architecture": {"use": "unet3d", "channels": [4, 8]},
         "strategy": {"use": "rflow", "prediction": "velocity"},
         "training": {"epochs": 10, "learning_rate": 0.0001, "validation_timesteps": 4},
         "evaluation": {"metrics": [{"use": "kid", "extractor": "scattering"}]}}
        """;

    private MadeUpRun(RunFolder folder) => Folder = folder;

    public RunFolder Folder { get; }

    /// <summary>A completed run of ten epochs.</summary>
    public static MadeUpRun Create(string path, double loss, Action<JsonNode>? change = null, string validationHash = "v")
    {
        var run = new MadeUpRun(RunFolder.Create(path));
        var experiment = JsonNode.Parse(Pixels)!;
        change?.Invoke(experiment);
        File.WriteAllText(run.Folder.Experiment, experiment.ToJsonString());
        File.WriteAllText(run.Folder.Description, """
            {
              "target": "bravo",
              "input_shape": [1, 1, 32, 128, 64],
              "parameters": {"denoiser": 270005697, "conditioning": 0, "compressor": 0}
            }
            """);
        run.WriteStatus(new RunStatus
        {
            Status = RunState.Completed,
            Epoch = 10,
            Epochs = 10,
            Step = 100,
            Best = new BestValidation(8, loss),
            TrainingSeconds = 45_720,
        });
        using (var log = MetricsLog.Continue(run.Folder.Metrics, 0, Assert.Fail))
        {
            for (var epoch = 1; epoch <= 10; epoch++)
                log.Add(new MetricsEntry
                {
                    Kind = "epoch",
                    Step = epoch * 10,
                    Epoch = epoch,
                    Loss = 1.0 / epoch,
                    LearningRate = 1e-4,
                    GradientNorm = 1,
                    ValidationLoss = epoch == 8 ? loss : loss + 1,
                    Seconds = 89,
                    PeakMebibytes = 2048,
                });
        }

        Provenance.Write(run.Folder, new Provenance
        {
            Binaries = [new BinaryFacts("voxelzoo", "0.1.0", "aaaaaaaaaaaaaaaa")],
            Plugins = [new BinaryFacts("unet3d", "0.1.0", "bbbbbbbbbbbbbbbb")],
            Data = new Dictionary<string, DataFacts>
            {
                ["val"] = new(2, "all") { Kinds = new Dictionary<string, string> { ["bravo"] = validationHash } },
                ["test"] = new(3, "all") { Kinds = new Dictionary<string, string> { ["bravo"] = "t" } },
            },
            System = "an operating system",
            Runtime = "a runtime",
        });
        return run;
    }

    public MadeUpRun WriteStatus(RunStatus status)
    {
        Folder.WriteStatus(
            status with { Started = new(2026, 2, 19, 0, 0, 0, TimeSpan.Zero), Updated = new(2026, 2, 20, 0, 0, 0, TimeSpan.Zero) });
        return this;
    }

    public MadeUpRun Change(Func<RunStatus, RunStatus> change) => WriteStatus(change(Folder.ReadStatus()!));

    /// <summary>Volumes that its best checkpoint generated, judged by one metric against the test split.</summary>
    public MadeUpRun Generate(
        double value,
        string extractor = "scattering",
        int generated = 5,
        int real = 3,
        bool? higherIsBetter = false,
        string? basis = null,
        double? best = null)
    {
        new EvaluationFile<EvaluationResult>
        {
            Experiment = "exp1",
            Results = [],
            Generated =
            [
                new SetResult
                {
                    Checkpoints = ["best"], Checkpoint = "step-00000080", WeightsSha256 = "w", Source = "generate", Volumes = generated,
                    Sampler = "euler", FunctionEvaluations = 25, Guidance = 1, Seed = 1,
                    Metrics =
                    [
                        new SetQuality
                        {
                            Metric = "kid",
                            Against = "test",
                            RealVolumes = real,
                            Value = value,
                            Extractor = extractor,
                            Basis = basis,
                            HigherIsBetter = higherIsBetter,
                            BestValue = best,
                            Warnings = ["few volumes"],
                        },
                    ],
                },
            ],
        }.Write(Folder);
        return this;
    }

    /// <summary>A picture of a sample.</summary>
    public MadeUpRun Sample()
    {
        var folder = Directory.CreateDirectory(Path.Combine(Folder.Samples, "00000")).FullName;
        File.WriteAllText(Path.Combine(folder, "montage.png"), "a picture");
        File.WriteAllText(
            Path.Combine(folder, "sample.json"),
            """{"sampler": "euler", "function_evaluations": 25, "condition": "patient_1", "checkpoint": "step-00000080"}""");
        return this;
    }

    /// <summary>A file of the run, whatever it is.</summary>
    public MadeUpRun Write(string name, string text)
    {
        var path = Path.Combine(Folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return this;
    }

    /// <summary>Reads what is written above.</summary>
    public sealed class Sources : IRunSources
    {
        public Dictionary<string, JobChain> Chains { get; } = [];

        public JsonObject Experiment(RunFolder run)
        {
            try
            {
                return JsonNode.Parse(File.ReadAllText(run.Experiment))!.AsObject();
            }
            catch (System.Text.Json.JsonException e)
            {
                throw new RunFolderException($"{run.Experiment} cannot be read: {e.Message}");
            }
        }

        public JobChain? Chain(string path) => Chains.GetValueOrDefault(Path.GetFileName(path));
    }
}
