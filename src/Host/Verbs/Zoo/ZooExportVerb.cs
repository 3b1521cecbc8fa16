using System.CommandLine;
using System.Text.RegularExpressions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Verbs.Runs;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Zoo;

/// <summary><c>zoo export RUN --as ID</c>: makes an animal of a run.</summary>
internal sealed partial class ZooExportVerb : Verb
{
    private readonly Argument<string> _run;
    private readonly Option<string> _as, _dtype, _facts, _zoo = ZooArguments.Zoo(), _checkpoint = RunArguments.Checkpoint();
    private readonly Option<int> _conditions;
    private readonly Option<bool> _law;

    public ZooExportVerb()
        : base("export", "Makes an animal of a run: weights, experiment, conditions to sample from, and a card")
    {
        _run = With(RunArguments.Run());
        _as = With(new Option<string>("--as") { Description = "What it is called", HelpName = "FAMILY/NAME", Required = true });
        _facts = With(new Option<string>("--facts")
        {
            Description = "YAML of what no run knows: summary, licences {code, weights, data}, use {intended, limits}; "
                + "and data, machine, memorisation, measures where the run does not tell",
            HelpName = "FILE",
            Required = true,
        });
        _dtype = With(new Option<string>("--dtype")
        {
            Description = "As what weights are kept: float32 or bfloat16",
            DefaultValueFactory = _ => "float32",
        }.Among("float32", "bfloat16"));
        _conditions = With(new Option<int>("--conditions")
        {
            Description = "Most patients whose conditions ship, of the split that is sampled",
            HelpName = "N",
            DefaultValueFactory = _ => 8,
        });
        _law = With(new Option<bool>("--law")
        {
            Description = "Of masks from numbers of tumours: ship all conditions of the training split too, "
                + "so that `generate` can draw such numbers by their law",
        });
        With(_checkpoint);
        With(_zoo);
        With(CommonOptions.Set("sampling.steps=25"));
        With(CommonOptions.Cohort);
        With(CommonOptions.AllowChangedPlugin);
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var id = parse.GetRequiredValue(_as);
        if (!Id().IsMatch(id))
            throw new UsageException(
                $"{_as.Name} {id}: an animal is called FAMILY/NAME, in small letters, digits, dots and dashes, such as unet3d/head-32");
        if (parse.GetValue(_conditions) < 1)
            throw new UsageException(
                $"{_conditions.Name} {parse.GetValue(_conditions)}: one patient's conditions at least have to ship, "
                + "or nothing says where volumes lie");
        var folder = Path.GetFullPath(Path.Combine(parse.GetRequiredValue(_zoo), id));
        if (Path.Exists(folder))
            throw new UsageException(
                $"{_as.Name} {id}: {Places.Shown(folder)} is there already; choose another name, or take that away first");
        var facts = Binder.Bind<CardFacts>(YamlReader.ReadFile(parse.GetRequiredValue(_facts)));
        using var session = new Session(parse);
        var run = RunFolder.Open(parse.GetRequiredValue(_run));
        string[] made = [.. Above(folder).TakeWhile(above => !Directory.Exists(above))];
        try
        {
            var export = new AnimalExport(session, run, [.. CommonOptions.Sets(parse), .. CommonOptions.CohortSet(parse)])
            {
                Dtype = parse.GetRequiredValue(_dtype),
                Conditions = parse.GetValue(_conditions),
                Law = parse.GetValue(_law),
                Checkpoint = parse.GetValue(_checkpoint) ?? EvaluatedOptions.Best,
                Facts = facts,
            };
            var animal = export.Write(id, folder);
            Output.Line($"{Places.Shown(animal.Folder)}: {animal.Card.Files.Count} files, {ByteCount.Shown(animal.Card.Bytes)}");
            return ExitCode.Done;
        }
        catch
        {
            foreach (var empty in made.TakeWhile(above => !Directory.Exists(above) || !Directory.EnumerateFileSystemEntries(above).Any()))
            {
                if (Directory.Exists(empty))
                    Directory.Delete(empty);
            }

            throw;
        }
    }

    private static IEnumerable<string> Above(string folder)
    {
        for (var above = Path.GetDirectoryName(folder); above is not null; above = Path.GetDirectoryName(above))
            yield return above;
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*\z")]
    private static partial Regex Id();
}
