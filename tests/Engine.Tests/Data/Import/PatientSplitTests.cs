using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;

namespace VoxelZoo.Engine.Tests.Data.Import;

public sealed class PatientSplitTests
{
    private static (string, double?, string?)[] Patients(int count) =>
        [.. Enumerable.Range(0, count).Select(i => ($"p{i}", (double?)(i * i), (string?)null))];

    [Theory]
    [InlineData("80/10/10", 100, 80, 10, 10)]
    [InlineData("80/10/10", 3, 1, 1, 1)]
    [InlineData("80/10/10", 2, 2, 0, 0)]
    [InlineData("70/30/0", 10, 7, 3, 0)]
    [InlineData("1/1/1", 7, 3, 2, 2)]
    [InlineData(null, 12, 10, 1, 1)]
    public void Draw_gives_each_split_its_share(string? shares, int patients, int train, int val, int test)
    {
        var splits = PatientSplit.Parse(shares).Of(Patients(patients), seed: 3);

        Assert.Equal(
            (train, val, test),
            (
                splits.Values.Count(one => one == "train"),
                splits.Values.Count(one => one == "val"),
                splits.Values.Count(one => one == "test")));
    }

    [Fact]
    public void Draw_gives_each_split_few_and_many_lesions()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var splits = PatientSplit.Parse("80/10/10").Of(Patients(100), seed);
            // one or two of each tenth of val's ten patients, from the fifth with the least lesions to the one with the most
            foreach (var split in new[] { "val", "test" })
                Assert.Equal(
                    [2, 2, 2, 2, 2],
                    Enumerable.Range(0, 5).Select(fifth => Enumerable.Range(20 * fifth, 20).Count(i => splits[$"p{i}"] == split)));
        }
    }

    [Fact]
    public void Seed_changes_who_is_drawn_and_nothing_else_does()
    {
        var (one, again, other) = (
            PatientSplit.Parse("80/10/10").Of(Patients(50), 1),
            PatientSplit.Parse("80/10/10").Of(Patients(50), 1),
            PatientSplit.Parse("80/10/10").Of(Patients(50), 2));

        Assert.Equal(one, again);
        Assert.NotEqual(one, other);
    }

    [Fact]
    public void Splits_of_the_source_are_kept_unless_others_are_asked_for()
    {
        (string, double?, string?)[] patients = [("a", 1, "test"), ("b", 1, "test"), ("c", 1, "val"), ("d", null, null)];

        Assert.Equal(
            "test test val train",
            string.Join(' ', PatientSplit.Parse(null).Of(patients, 0).OrderBy(one => one.Key).Select(one => one.Value)));
        Assert.Equal(4, PatientSplit.Parse("100/0/0").Of(patients, 0).Values.Count(one => one == "train"));
    }

    [Fact]
    public void Table_says_who_belongs_where()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("split.tsv");
        File.WriteAllText(file, "participant\tpatient\tsplit\n1\tp0\ttrain\n2\tp1\ttest\n");

        Assert.Equal("test", PatientSplit.Parse(file).Of(Patients(2), 0)["p1"]);
        Assert.Contains(
            "names no split for 1 of 3 patients: p2",
            Assert.Throws<PlanException>(() => PatientSplit.Parse(file).Of(Patients(3), 0)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Scans_of_a_patient_are_in_one_split()
    {
        using var source = new MadeSource();
        source.AddBids(6);

        var sheet = new CohortImport(
            ImportPlan.Of(SourceListing.Of(source.Path), new ImportRecipe { Layout = "" }),
            source.Beside("cohort")).Run(null, TestContext.Current.CancellationToken).Sheet;

        Assert.Equal(12, sheet.Scans.Count);
        Assert.All(sheet.Scans.GroupBy(scan => scan.Patient), patient => Assert.Single(patient.Select(scan => scan.Split).Distinct()));
        Assert.Equal(["flair", "t1w_gd", "seg"], sheet.Kinds.Keys);
        Assert.Empty(CohortCheck.Run(Cohort.Open(source.Beside("cohort")), [.. sheet.Kinds.Keys]));
    }
}
