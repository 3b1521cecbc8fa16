using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Data;

/// <summary><c>data import SOURCE --to COHORT</c>: makes a cohort of folders as others lay them out.</summary>
internal sealed class DataImportVerb : Verb
{
    private const string DicomLayout = "dicom";

    private readonly Argument<string> _source;
    private readonly Option<string> _to;
    private readonly Option<string[]> _layout, _map, _labels, _intensity, _spacing;
    private readonly Option<string?> _split;
    private readonly Option<long?> _seed;
    private readonly Option<bool> _link, _dry;

    public DataImportVerb()
        : base("import", "Makes a cohort of a folder as BIDS, BraTS, nnU-Net or others lay it out")
    {
        _source = With(new Argument<string>("SOURCE") { Description = "The folder that holds the images; it is only read" });
        _to = With(new Option<string>("--to") { Description = "The cohort's folder", HelpName = "COHORT", Required = true });
        const string layouts = "auto, bids, brats, nnunet, folders, dicom, or csv with a table's file; by default auto";
        _layout = With(Words("--layout", layouts, "NAME", 2));
        _map = With(Several("--map", "What files are, as in --map \"*_t1c=t1c\"; PATTERN= leaves them out", "PATTERN=KIND"));
        _labels = With(Several("--labels", "Which labels of masks make which mask, as in --labels \"1,4:tumour\"", "LABELS:NAME"));
        _split = With(new Option<string?>("--split")
        {
            Description = "Shares of the patients in train, val and test, or a table with columns patient and split; "
                + "by default the source's own, or else 80/10/10",
            HelpName = "SHARES|FILE",
        });
        _seed = With(new Option<long?>("--seed") { Description = "Seed of the split; by default 0", HelpName = "N" });
        const string spacing = "Voxel size in mm, one number or three (right, front, top); by default the files' own, or their median";
        _spacing = With(Words("--spacing", spacing, "MM", 3));
        const string intensity = "percentile LOW HIGH, zscore, fixed LOW HIGH or keep; by default percentile 0.5 99.5, within the head";
        _intensity = With(Words("--intensity", intensity, "RULE", 3));
        _link = With(new Option<bool>("--link") { Description = "Link to files that need no change; grids and intensities are kept" });
        _dry = With(new Option<bool>("--dry-run") { Description = "Say what is taken for what, and stop; touches nothing" });
        With(CommonOptions.Json);
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var layout = parse.GetValue(_layout) ?? [];
        var name = layout.FirstOrDefault("auto");
        if (!SourceListing.Layouts.Contains(name))
            throw new UsageException($"{_layout.Name} {name}: name one of "
                + $"{string.Join(", ", SourceListing.Layouts)}{Spelling.Suggestion(name, SourceListing.Layouts)}");
        var (source, recipe) = (parse.GetRequiredValue(_source), Recipe(parse));
        if (!DicomConversion.IsNeeded(source, name))
            return Import(parse, recipe, source, name, layout.ElementAtOrDefault(1), cancellation);
        // conversion takes minutes, and all this is known before
        ImportPlan.CheckRecipe(recipe);
        CohortImport.CheckFolder(parse.GetRequiredValue(_to), source);
        var conversion = DicomConversion.Of(source);
        if (parse.GetValue(_dry))
            return Rehearse(parse, recipe, conversion, cancellation);
        var nifti = Path.TrimEndingDirectorySeparator(Path.GetFullPath(parse.GetRequiredValue(_to))) + ".nifti";
        conversion.Convert(nifti, done => TellConverted(conversion, Places.Shown(nifti), done), cancellation);
        return Import(parse, recipe, nifti, DicomLayout, null, cancellation);
    }

    /// <summary>Converts DICOM into a folder that goes again, of which the user hears nothing.</summary>
    private ExitCode Rehearse(ParseResult parse, ImportRecipe recipe, DicomConversion conversion, CancellationToken cancellation)
    {
        var passing = Directory.CreateTempSubdirectory("voxelzoo-dicom-").FullName;
        try
        {
            conversion.Convert(passing, done => TellConverted(conversion, "a folder that goes again", done), cancellation);
            return Import(parse, recipe, passing, DicomLayout, null, cancellation, shown: conversion.Source);
        }
        catch (PlanException e)
        {
            throw new PlanException(e.Message.Replace(passing, conversion.Source, StringComparison.Ordinal), e.Key);
        }
        finally
        {
            Directory.Delete(passing, recursive: true);
        }
    }

    /// <summary>Says that the conversion begins, and each tenth of it.</summary>
    private static void TellConverted(DicomConversion conversion, string place, int done)
    {
        if (done == 0)
            Console.Error.WriteLine($"{conversion.Count} series of DICOM become NIfTI in {place}");
        else if (done * 10 / conversion.Count > (done - 1) * 10 / conversion.Count && conversion.Count >= 20)
            Console.Error.WriteLine($"{done} of {conversion.Count} series are converted");
    }

    private ExitCode Import(
        ParseResult parse,
        ImportRecipe recipe,
        string source,
        string layout,
        string? table,
        CancellationToken cancellation,
        string? shown = null)
    {
        var listing = SourceListing.Of(source, layout, table, parse.GetValue(_map) ?? []);
        var plan = ImportPlan.Of(listing, recipe);
        var import = new CohortImport(plan, parse.GetRequiredValue(_to));
        import.CheckFolder();
        var json = parse.GetValue(CommonOptions.Json);
        if (!json)
            Output.Write(ImportTable.Of(plan, shown ?? listing.Source));
        foreach (var sentence in plan.Told)
            ConsoleObserver.Warn(sentence);
        if (parse.GetValue(_dry))
        {
            if (json)
                Output.Write(Json(plan, shown ?? listing.Source));
            return ExitCode.Done;
        }

        var outcome = Import(import, parse.GetRequiredValue(_to), cancellation);
        Tell(parse, plan, outcome);
        if (json)
            Output.Write(JsonSerializer.SerializeToNode(outcome.Sheet, AtomicFile.Json)!);
        return ExitCode.Done;
    }

    private ImportRecipe Recipe(ParseResult parse)
    {
        var recipe = new ImportRecipe
        {
            Layout = "",
            Map = parse.GetValue(_map) ?? [],
            Labels = parse.GetValue(_labels) ?? [],
            Split = parse.GetValue(_split),
            Seed = parse.GetValue(_seed) ?? 0,
            Spacing = parse.GetValue(_spacing) is { Length: > 0 } sizes ? Spacing(sizes) : null,
            Link = parse.GetValue(_link),
        };
        var usual = recipe.Link ? "keep" : recipe.Intensity;
        var intensity = parse.GetValue(_intensity) is { Length: > 0 } words ? string.Join(' ', words) : usual;
        return recipe with { Intensity = IntensityRule.Parse(intensity).ToString() };
    }

    private double[] Spacing(string[] sizes)
    {
        double Number(string size) => double.TryParse(size, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new UsageException($"{_spacing.Name} {size}: expected a voxel size in mm");
        double[] numbers = [.. sizes.Select(Number)];
        return numbers is [var one] ? [one, one, one] : numbers;
    }

    private static ImportOutcome Import(CohortImport import, string folder, CancellationToken cancellation)
    {
        try
        {
            return Watched(import, cancellation);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine($"{Places.Shown(Path.GetFullPath(folder))}: what is written stays, and the same command goes on");
            throw;
        }
    }

    private static ImportOutcome Watched(CohortImport import, CancellationToken cancellation)
    {
        if (!Output.IsWatched)
            return import.Run(null, cancellation);
        ImportOutcome? outcome = null;
        ProgressColumn[] columns =
            [new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()];
        AnsiConsole.Progress().Columns(columns).Start(context =>
        {
            var bar = context.AddTask("looking");
            outcome = import.Run(
                progress =>
                {
                    (bar.MaxValue, bar.Value) = (progress.Total, progress.Done);
                    bar.Description = progress.LookingAt ? "looking" : "writing";
                },
                cancellation);
        });
        return outcome!;
    }

    private void Tell(ParseResult parse, ImportPlan plan, ImportOutcome outcome)
    {
        var (sheet, place) = (outcome.Sheet, Places.Shown(Path.GetFullPath(parse.GetRequiredValue(_to))));
        foreach (var one in sheet.LeftOut.Except(plan.Listing.LeftOut))
            ConsoleObserver.Warn($"{one.Path} is left out: it {one.Why}");
        foreach (var warning in sheet.Warnings)
            ConsoleObserver.Warn(warning);
        string[] labels = [.. sheet.Scans.SelectMany(scan => scan.Labels.Keys).Distinct().Order(StringComparer.Ordinal)];
        if (labels.Length > 1 && sheet.Recipe.Labels.Count == 0)
            ConsoleObserver.Warn(
                $"masks have the labels {string.Join(", ", labels)}, and all above one half are taken as tumour; "
                + "--labels says which are, as in "
                    + $"--labels \"{labels[0]},{labels[^1]}:tumour\"");
        var size = sheet.Shape.Count == 0
            ? "their own voxels"
            : FormattableString.Invariant(
                $"{string.Join('×', sheet.Shape)} voxels of {string.Join('×', sheet.Spacing)} mm (right, front, top)");
        var splits = string.Join(", ", Cohort.AllSplits.Select(split => $"{split} {sheet.Scans.Count(scan => scan.Split == split)}"));
        var kept = outcome.Kept > 0 ? $"; {outcome.Kept} were there from before" : "";
        var left = sheet.LeftOut.Count > 0 ? $"; {sheet.LeftOut.Count} left out, see {CohortSheet.FileName}" : "";
        foreach (var one in outcome.Mended)
            ConsoleObserver.Warn($"{place}/{one.Path} {one.Why}, and was made again");
        if (outcome.Mended.Count > 0)
        {
            Output.Line($"{place}: {outcome.Written} of {sheet.Scans.Count} scans were not as they were written, and are again; what stood "
                + "in a file's place is kept beside it (.replaced)");
            return;
        }

        Output.Line(outcome.Written == 0
            ? $"{place}: nothing to do, all {outcome.Kept} scans are there and their sources are as they were"
            : $"{place}: {sheet.Scans.Count} scans ({splits}) of {size}{kept}{left}");
        Output.Line($"next: voxelzoo init {Shell.Quote(place)} --like {Like(parse)}");
    }

    /// <summary>An experiment that is there for <c>init</c> to begin from.</summary>
    private static string Like(ParseResult parse)
    {
        if (ExperimentFolder.List(ExperimentFolder.Find()).Any(file => Path.GetFileNameWithoutExtension(file) == InitVerb.UsualLike))
            return InitVerb.UsualLike;
        var brought = PluginExperiments.All(ProgramHost.Catalogue(parse));
        return brought.Count > 0 ? brought[0].Name : "FILE.yaml, where the file is an experiment of VoxelZoo's folder `experiments`";
    }

    private static JsonObject Json(ImportPlan plan, string source) => new()
    {
        ["source"] = source,
        ["layout"] = plan.Listing.Layout,
        ["kinds"] = JsonSerializer.SerializeToNode(plan.Listing.Kinds, AtomicFile.Json),
        ["scans"] = JsonSerializer.SerializeToNode(plan.Listing.Scans, AtomicFile.Json),
        ["patients"] = JsonSerializer.SerializeToNode(plan.Counts(), AtomicFile.Json),
        ["left_out"] = JsonSerializer.SerializeToNode(plan.Listing.LeftOut, AtomicFile.Json),
    };

    private static Option<string[]> Several(string name, string description, string help) =>
        new(name) { Description = $"{description}. May be given several times", HelpName = help };

    private static Option<string[]> Words(string name, string description, string help, int most) => new(name)
    {
        Description = description,
        HelpName = help,
        Arity = new ArgumentArity(1, most),
        AllowMultipleArgumentsPerToken = true,
    };
}
