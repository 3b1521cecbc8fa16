using System.CommandLine;
using System.Text.Json;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Reports;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Displays;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Verbs.Data;

/// <summary><c>data check DIR</c>: reads a whole cohort, lists its patients and tells what training would stumble over.</summary>
internal sealed class DataCheckVerb : Verb
{
    private readonly Argument<string> _folder;
    private readonly Option<string[]> _kinds;
    private readonly Option<string?> _html;

    public DataCheckVerb()
        : base("check", "Reads every volume of a cohort, lists the patients and tells what is wrong")
    {
        _folder = With(new Argument<string>("DIR") { Description = "A cohort: DIR/{train,val,test}/PATIENT/KIND.nii.gz" });
        _kinds = With(new Option<string[]>("--kinds")
        {
            Description = "Images that every patient must have, such as bravo seg",
            HelpName = "KIND",
            AllowMultipleArgumentsPerToken = true,
        });
        _html = With(
            new Option<string?>("--html") { Description = "Also write a page with a picture of every patient", HelpName = "FILE.html" });
        With(CommonOptions.Json);
    }

    public override bool StopsInOrder => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var cohort = Cohort.Open(parse.GetRequiredValue(_folder));
        string[] kinds =
        [
            .. (parse.GetValue(_kinds) ?? [])
                .SelectMany(words => words.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)),
        ];
        if (kinds.Except(cohort.Kinds.Union(ImageKinds.Original)).FirstOrDefault() is { } unknown)
            throw new UsageException(
                $"{_kinds.Name} {unknown}: no patient has such an image; the cohort's kinds are "
                + $"{string.Join(", ", cohort.Kinds)}{Spelling.Suggestion(unknown, cohort.Kinds.Union(ImageKinds.Original))}");
        var page = parse.GetValue(_html) is { } file ? Page(file) : null;
        var (findings, patients) = (new List<CohortFinding>(), new List<PatientFacts>());
        foreach (var finding in CohortCheck.Run(cohort, kinds, Look))
        {
            cancellation.ThrowIfCancellationRequested();
            findings.Add(finding);
        }

        var marked = PatientFacts.Marked(patients);
        if (page is not null)
            AtomicFile.WriteText(parse.GetValue(_html)!, page.Html(cohort, marked, findings));
        Output.Write(
            parse, () => JsonSerializer.SerializeToNode(findings, AtomicFile.Json)!, () => CohortTable.Of(cohort, marked, findings));
        return findings.Count == 0 ? ExitCode.Done : ExitCode.Failed;

        void Look(CohortPatient patient, IReadOnlyDictionary<string, NiftiVolume> images)
        {
            cancellation.ThrowIfCancellationRequested();
            if (PatientFacts.Of(patient, images) is { } facts)
                patients.Add(facts);
            page?.Add(patient, images);
        }
    }

    private static CohortPage Page(string file)
    {
        OutFile.Require(file);
        if (Directory.Exists(file) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file))))
            throw new UsageException($"--html {file}: name a file in a folder that is there");
        if (File.Exists(file) && !CohortPage.IsOne(file))
            throw new UsageException($"--html {file}: this is there already and no page of `data check`; name another file, or remove it");
        NativeTorch.Load();
        return new CohortPage();
    }
}
