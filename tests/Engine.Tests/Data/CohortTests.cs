using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

public sealed class CohortTests : IDisposable
{
    private readonly CohortFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Patients_come_by_split_and_name_with_the_kinds_they_have()
    {
        _folder.Add("val", "a", "flair").Add("train", "b2", "bravo").Add("train", "b10", "seg").Add("train", "b10", "bravo");
        var cohort = _folder.Open();
        Assert.Equal([("train", "b10"), ("train", "b2"), ("val", "a")], cohort.Patients.Select(patient => (patient.Split, patient.Name)));
        Assert.Equal(["bravo", "seg"], cohort.Patients[0].Kinds);
        Assert.Empty(cohort.Of("test"));
    }

    [Fact]
    public void Folder_that_is_not_there_is_named()
    {
        var error = Assert.Throws<PlanException>(() => Cohort.Open(Path.Combine(_folder.Path, "nowhere")));
        Assert.Contains("nowhere' does not exist", error.Message, StringComparison.Ordinal);
        Assert.Equal("cohort", error.Key);
    }

    [Fact]
    public void Folder_without_splits_is_refused() =>
        Assert.Contains("none of the folders", Assert.Throws<PlanException>(_folder.Open).Message, StringComparison.Ordinal);

    [Fact]
    public void Splits_without_patients_are_refused()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "train", "empty"));
        Assert.Contains("no patient", Assert.Throws<PlanException>(_folder.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_finds_nothing_in_a_sound_cohort()
    {
        _folder.Add("train", "a", "bravo").Add("train", "a", "seg", new VolumeShape(1, 2, 2, 2), 0, 0, 1, 0, 0, 0, 0, 1);
        Assert.Empty(CohortCheck.Run(_folder.Open(), ["bravo", "seg"]));
    }

    [Fact]
    public void Check_tells_a_missing_image()
    {
        _folder.Add("train", "a", "bravo");
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), ["bravo", "seg"]));
        Assert.Equal(("a", _folder.File("train", "a", "seg"), "is missing."), (finding.Patient, finding.File, finding.Finding));
    }

    [Fact]
    public void Check_tells_shapes_that_differ_within_a_patient()
    {
        _folder.Add("train", "a", "bravo").Add("train", "a", "flair", new VolumeShape(1, 1, 2, 2), 0, 1, 2, 3);
        Assert.Equal("is 2×2×1, but bravo is 2×2×2; all images of a patient have one shape.", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding);
    }

    [Fact]
    public void Check_tells_a_file_that_cannot_be_read()
    {
        File.WriteAllText(_folder.File("train", "a", "bravo"), "not an image");
        Assert.StartsWith("cannot be read: ", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_a_mask_that_is_not_binary()
    {
        _folder.Add("train", "a", "seg");
        Assert.Contains("value 2", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_a_constant_volume()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 1, 1, 2), 5, 5);
        Assert.Equal("is 5 everywhere.", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding);
    }

    [Fact]
    public void Check_tells_voxels_that_are_not_finite()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 1, 1, 3), 5, 6, float.NaN);
        Assert.Contains("1 voxels that are not finite", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_of_a_volume_without_any_number_tells_that_alone()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 1, 1, 2), float.NaN, float.NaN);
        Assert.Contains("2 voxels that are not finite", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_a_patient_whose_images_have_other_names()
    {
        _folder.Add("train", "a", "bravo");
        var other = Directory.CreateDirectory(Path.Combine(_folder.Open().Folder, "train", "b")).FullName;
        File.WriteAllText(Path.Combine(other, "bravo.nii"), "not compressed, so not read");
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), ["bravo"]));
        Assert.Equal(("b", other), (finding.Patient, finding.File));
        Assert.StartsWith("is left out: it holds none of bravo.nii.gz, ", finding.Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_a_patient_in_two_splits()
    {
        _folder.Add("train", "a", "bravo").Add("test", "a", "bravo");
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), ["bravo"]));
        Assert.Equal(("test", "is also in train; a patient belongs to one split."), (finding.Split, finding.Finding));
    }
}
