using System.CommandLine;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>init COHORT --like EXP</c>: writes an experiment like another one, fitted to a cohort.</summary>
internal sealed class InitVerb : Verb
{
    /// <summary>What experiments are like where nobody says.</summary>
    public const string UsualLike = "pixel_unet";

    private readonly Argument<string> _cohort;
    private readonly Option<string> _like;
    private readonly Option<string?> _out;

    public InitVerb()
        : base("init", "Writes an experiment like another one, fitted to a cohort: kinds, grid, batch")
    {
        _cohort = With(new Argument<string>("COHORT") { Description = "A cohort's folder; `data import` makes one" });
        _like = With(new Option<string>("--like")
        {
            Description = "The experiment that it is to be like, such as pixel_unet or exp1; by default pixel_unet",
            HelpName = "EXP",
            DefaultValueFactory = _ => UsualLike,
        });
        _out = With(new Option<string?>("--out") { Description = "The file; by default COHORT_EXP.yaml here", HelpName = "FILE.yaml" });
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var folder = parse.GetRequiredValue(_cohort);
        var cohort = Cohort.Open(folder);
        var plugins = ProgramHost.Catalogue(parse);
        var named = parse.GetRequiredValue(_like);
        var like = ExperimentFolder.Resolve(named, plugins);
        var likeId = ExperimentLoader.IdOf(like, plugins);
        var id = $"{Plain(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))))}_{likeId}";
        var file = parse.GetValue(_out) ?? $"{id}.yaml";
        Require(file);
        using var session = new Session(parse);
        var fit = new FittedExperiment(session, cohort, like).Find();
        var full = Path.GetFullPath(file);
        var beside = Path.GetRelativePath(Path.GetDirectoryName(full)!, Path.GetFullPath(like));
        // one that lies elsewhere stays there when the new file is moved; one of a plugin's goes elsewhere when that is updated
        var extends = PluginExperiments.All(plugins).Contains((named, like)) ? named
            : beside.StartsWith("..", StringComparison.Ordinal) ? Path.GetFullPath(like) : beside;
        AtomicFile.WriteText(full, fit.Text(cohort, id, likeId, extends));
        var experiment = Written(session, full);
        var made = fit.Condition.Count > 0 ? $" from {string.Join(", ", fit.Condition)}" : "";
        Output.Line(
            $"{Places.Shown(full)}: {string.Join("+", fit.Target)}{made}, "
                + $"{fit.Grid.Depth}×{fit.Grid.Height}×{fit.Grid.Width} (D×H×W), batch {fit.Batch}; {experiment.Memory.Describe()}");
        foreach (var (split, lacking, all) in fit.Lacking(cohort))
            Output.Line(
                $"{lacking} of the {all} patients in {split} lack an image of these; training leaves them out, more than a tenth of a "
                    + "split only with data.allow_missing: true");
        Output.Line($"next: voxelzoo train {Shell.Quote(Places.Shown(full))}");
        return ExitCode.Done;
    }

    /// <summary>The experiment that was written; a file of none goes again.</summary>
    private static Experiment Written(Session session, string file)
    {
        try
        {
            return ExperimentLoader.Load(session, ExperimentLoader.Read(file, plugins: session.Registry.Catalogue), null);
        }
        catch
        {
            File.Delete(file);
            throw;
        }
    }

    private static void Require(string file)
    {
        OutFile.Require(file);
        if (Path.GetExtension(file) is not (".yaml" or ".yml"))
            throw new UsageException($"--out {file}: an experiment's file ends in .yaml");
        if (Path.Exists(file))
            throw new UsageException($"{file} is there already; name another file with --out, or remove it");
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file))))
            throw new UsageException($"--out {file}: there is no folder {Places.Shown(Path.GetDirectoryName(Path.GetFullPath(file))!)}; "
                + "make it first");
    }

    /// <summary>A folder's name with what an id may hold.</summary>
    private static string Plain(string folder)
    {
        var name = string.Concat(folder.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-' or '.' ? letter : '_'))
            .TrimStart('.', '-');
        return name.Length == 0 ? "cohort" : name[..Math.Min(name.Length, 64)];
    }
}
