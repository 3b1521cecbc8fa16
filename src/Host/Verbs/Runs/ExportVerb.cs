using System.CommandLine;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>export RUN --bids|--nnunet|--dicom DIR</c>: writes a run's samples as a data set that other programs read.</summary>
internal sealed class ExportVerb : Verb
{
    private readonly Argument<string> _run;
    private readonly Option<string?> _bids, _nnunet, _dicom;

    public ExportVerb()
        : base("export", "Writes a run's samples as a data set of BIDS, nnU-Net or DICOM, with where each comes from")
    {
        _run = With(RunArguments.Run());
        _bids = With(new Option<string?>("--bids") { Description = "A folder for the samples as BIDS has them", HelpName = "DIR" });
        _nnunet = With(
            new Option<string?>("--nnunet") { Description = "A folder for images and masks as nnU-Net trains on them", HelpName = "DIR" });
        _dicom = With(
            new Option<string?>("--dicom")
            {
                Description = "A folder for the samples as DICOM, on the patient's own grid where `sample --native` wrote such volumes",
                HelpName = "DIR",
            });
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var run = RunFolder.Open(parse.GetRequiredValue(_run));
        var (layout, folder) = (parse.GetValue(_bids), parse.GetValue(_nnunet), parse.GetValue(_dicom)) switch
        {
            ({ } bids, null, null) => (ExportLayout.Bids, bids),
            (null, { } nnunet, null) => (ExportLayout.Nnunet, nnunet),
            (null, null, { } dicom) => (ExportLayout.Dicom, dicom),
            _ => throw new UsageException("name one folder, with --bids DIR, with --nnunet DIR or with --dicom DIR"),
        };
        OutFile.Require(folder);
        var samples = new SampleExport(run) { Warned = ConsoleObserver.Warn, Stop = cancellation }.Write(layout, folder);
        Output.Line($"{Places.Shown(Path.GetFullPath(folder))}: {samples} {(samples == 1 ? "sample" : "samples")}");
        return ExitCode.Done;
    }
}
