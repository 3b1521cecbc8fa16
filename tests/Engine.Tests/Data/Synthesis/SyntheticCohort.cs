using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Synthesis;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Data.Synthesis;

/// <summary>A coarse cohort that the tests of a class share.</summary>
public sealed class SyntheticCohort : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public SyntheticCohort()
    {
        Made = CohortSynthesizer.Run(Options, _folder.File("cohort"));
        Cohort = Cohort.Open(Made.Folder);
    }

    public static SynthesisOptions Options { get; } = new()
    {
        Source = Path.Combine(AppContext.BaseDirectory, "colin27"),
        Train = 3,
        Val = 1,
        Test = 1,
        Depth = 32,
        Height = 64,
        Width = 64,
        MinLesions = 2,
    };

    public SynthesizedCohort Made { get; }

    public Cohort Cohort { get; }

    /// <summary>A patient's image in tensor order.</summary>
    internal static float[] Image(CohortPatient patient, string kind) => NiftiFile.Read(patient.File(kind)).Turned();

    public void Dispose() => _folder.Dispose();
}
