using System.CommandLine;
using Spectre.Console;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Synthesis;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Data;

/// <summary><c>data synthesize</c>: makes a cohort from a real head.</summary>
internal sealed class DataSynthesizeVerb : Verb
{
    private static readonly string[] Shortcuts = ["train", "val", "test", "seed"];
    private readonly Option<string> _out;
    private readonly Option<long?>[] _numbers;

    public DataSynthesizeVerb()
        : base("synthesize", "Makes a cohort of deformed copies of a real head with simulated metastases")
    {
        _out = With(new Option<string>("--out") { Description = "The cohort's folder", HelpName = "DIR", Required = true });
        _numbers = [.. Shortcuts.Select(key => With(new Option<long?>($"--{key}") { Description = $"As --set {key}=N", HelpName = "N" }))];
        With(CommonOptions.Set("train=8"));
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var numbers = Shortcuts.Zip(_numbers, (key, option) => (key, value: parse.GetValue(option))).Where(n => n.value is not null);
        var section = ExperimentFile.FromSets(
            [.. CommonOptions.Sets(parse), .. numbers.Select(n => Assignment.By($"--{n.key}", n.key, n.value))], "data synthesize");
        var options = Binder.Bind<SynthesisOptions>(section);
        options = options with { Source = HeadFolder.Find(options.Source) };
        var folder = parse.GetRequiredValue(_out);
        OutFolder.Require(folder);
        var made = section.Placed(() => Make(options, folder, cancellation));
        Output.Line(
            $"{Places.Shown(made.Folder)}: {made.Patients} patients of {made.Shape.Depth}×{made.Shape.Height}×{made.Shape.Width} (D×H×W), "
            + $"{made.Tumours.Sum()} metastases; by size {string.Join(' ', made.Tumours)}");
        return ExitCode.Done;
    }

    private static SynthesizedCohort Make(SynthesisOptions options, string folder, CancellationToken cancellation)
    {
        if (Console.IsOutputRedirected)
            return CohortSynthesizer.Run(options, folder, stop: cancellation);
        SynthesizedCohort? made = null;
        AnsiConsole.Progress().Start(context =>
        {
            var task = context.AddTask("patients", maxValue: options.Train + options.Val + options.Test);
            made = CohortSynthesizer.Run(options, folder, done => task.Value = done, cancellation);
        });
        return made!;
    }
}
