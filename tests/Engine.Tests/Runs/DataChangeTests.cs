using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Data;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Runs;

public sealed class DataChangeTests : IDisposable
{
    private static readonly VolumeShape Shape = new(1, 1, 1, 2);
    private readonly CohortFolder _folder = new();
    private readonly TinyCohort _tiny = new();
    private readonly TinyRun _run = new();

    public void Dispose()
    {
        _folder.Dispose();
        _tiny.Dispose();
        _run.Dispose();
    }

    private ExperimentPlan Plan => TinyRun.Plan(_tiny);

    private void Recorded()
    {
        foreach (var name in new[] { "a", "b", "c" })
            Add(name, 1);
        AtomicFile.WriteJson(_run.Folder.Provenance, Provenance.Collect(Plan, _folder.Open()));
    }

    private void Add(string name, float voxel) =>
        _folder.Add("train", name, "bravo", Shape, 0, voxel).Add("train", name, "t1_pre", Shape, 0, voxel);

    private IReadOnlyList<DataChange> Compare(bool allow) =>
        Provenance.CompareData(_run.Folder, Plan, _folder.Open(), allow, "put it back");

    [Fact]
    public void Cohort_that_is_as_it_was_has_no_changes()
    {
        Recorded();
        Assert.Empty(Compare(allow: false));
    }

    [Fact]
    public void Patients_that_came_went_or_changed_are_named_and_refused()
    {
        Recorded();
        Add("d", 1);
        Add("b", 2);
        Directory.Delete(Path.Combine(_folder.Path, "train", "a"), recursive: true);
        Assert.Contains(
            "in train: added d; removed a; changed b",
            Assert.Throws<PlanException>(() => Compare(allow: false)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Voxels that no rule clips are the same by each, and what training makes of them is not.</summary>
    [Fact]
    public void Cohort_that_was_imported_by_another_rule_is_refused_be_the_volumes_the_same()
    {
        Add("a", 1);
        var plan = Plan with { Data = Plan.Data with { Normalization = Normalization.Cohort } };
        void Import(double high) => new CohortSheet
        {
            Recipe = new ImportRecipe { Layout = "folders", Intensity = $"fixed 0 {high}" },
            Source = "",
            Kinds = plan.Kinds.ToDictionary(kind => kind, _ => new KindFacts(false, "source", new IntensitySpan(0, high))),
            Shape = [],
            Spacing = [],
            Listing = "",
            Scans = [],
            LeftOut = [],
        }.WriteWithoutSource(_folder.Path);
        IReadOnlyList<DataChange> Changes(bool allow) => Provenance.CompareData(_run.Folder, plan, _folder.Open(), allow, "put it back");
        Import(100);
        AtomicFile.WriteJson(_run.Folder.Provenance, Provenance.Collect(plan, _folder.Open()));
        Assert.Empty(Changes(allow: false));

        Import(200);

        var refusal = Assert.Throws<PlanException>(() => Changes(allow: false)).Message;
        Assert.Contains("in cohort.json: changed bravo", refusal, StringComparison.Ordinal);
        Provenance.RecordSegment(_run.Folder, plan, _folder.Open(), Changes(allow: true), []);
        Assert.Empty(Changes(allow: false));
    }

    [Fact]
    public void Allowed_change_is_recorded_for_its_segment_and_compared_from_then_on()
    {
        Recorded();
        Add("d", 1);
        var changes = Compare(allow: true);
        Assert.Empty(RunFile.ReadJson<Provenance>(_run.Folder.Provenance, "")!.ChangedData); // not before the segment begins
        Provenance.RecordSegment(_run.Folder, Plan, _folder.Open(), changes, []);
        var recorded = RunFile.ReadJson<Provenance>(_run.Folder.Provenance, "")!;
        var change = Assert.Single(recorded.ChangedData);
        Assert.Equal((1, 3, 4), (change.Segment, change.Before["train"].Patients, recorded.Data["train"].Patients));
        Assert.Equal(["d"], Assert.Single(change.Changes).Added);
        Assert.Empty(Compare(allow: false));
    }

    [Fact]
    public void Run_of_before_patients_were_recorded_says_so()
    {
        Recorded();
        var old = RunFile.ReadJson<Provenance>(_run.Folder.Provenance, "")!;
        AtomicFile.WriteJson(
            _run.Folder.Provenance,
            old with { Data = old.Data.ToDictionary(split => split.Key, split => split.Value with { Volumes = null }) });
        Assert.Empty(Compare(allow: false));
        Add("d", 1);
        Assert.Contains(
            "of before patients were recorded",
            Assert.Throws<PlanException>(() => Compare(allow: false)).Message,
            StringComparison.Ordinal);
    }
}
