using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Verbs.Data;

/// <summary><c>data check DIR</c>: reads a whole cohort and tells what training would stumble over.</summary>
internal sealed class DataCheckVerb : Verb
{
    private readonly Argument<string> _folder;
    private readonly Option<string[]> _kinds;

    public DataCheckVerb()
        : base("check", "Reads every volume of a cohort and tells what is wrong with it")
    {
        _folder = With(new Argument<string>("DIR") { Description = "A cohort: DIR/{train,val,test}/PATIENT/KIND.nii.gz" });
        _kinds = With(new Option<string[]>("--kinds")
        {
            Description = "Images that every patient must have, such as bravo seg",
            HelpName = "KIND",
            AllowMultipleArgumentsPerToken = true,
        });
        With(CommonOptions.Json);
    }

    public override bool StopsInOrder => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var cohort = Cohort.Open(parse.GetRequiredValue(_folder));
        string[] kinds = [.. (parse.GetValue(_kinds) ?? []).SelectMany(words => words.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        if (kinds.Except(cohort.Kinds.Union(ImageKinds.Original)).FirstOrDefault() is { } unknown)
            throw new UsageException($"{_kinds.Name} {unknown}: no patient has such an image; the cohort's kinds are {string.Join(", ", cohort.Kinds)}{Spelling.Suggestion(unknown, cohort.Kinds.Union(ImageKinds.Original))}");
        var findings = new List<CohortFinding>();
        foreach (var finding in CohortCheck.Run(cohort, kinds))
        {
            cancellation.ThrowIfCancellationRequested();
            findings.Add(finding);
        }

        Output.Write(parse, () => JsonSerializer.SerializeToNode(findings, AtomicFile.Json)!, () => Table(cohort, findings));
        return findings.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static Rows Table(Cohort cohort, List<CohortFinding> findings)
    {
        var splits = Cohort.AllSplits.Select(split => $"{split} {cohort.Of(split).Count}");
        return new Rows(
        [
            .. findings.Select(f => Output.Text($"{Path.GetRelativePath(cohort.Folder, f.File)} {f.Finding}")),
            new Text($"{cohort.Patients.Count} patients ({string.Join(", ", splits)}): {(findings.Count == 0 ? "nothing wrong" : $"{findings.Count} {(findings.Count == 1 ? "finding" : "findings")}")}"),
        ]);
    }
}
