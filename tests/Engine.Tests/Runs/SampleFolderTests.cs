using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Tests.Runs;

public sealed class SampleFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Numbers_continue_after_what_is_there()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "00006"));
        using var samples = Take(SampleNumbers.Continue);
        Assert.Equal(7, samples.First);
    }

    [Fact]
    public void Two_that_write_at_once_have_other_numbers()
    {
        using var first = Take(SampleNumbers.Continue);
        using var second = Take(SampleNumbers.Continue);
        Assert.Equal((0, 3), (first.First, second.First));
    }

    [Fact]
    public void Numbers_that_another_process_is_writing_are_not_replaced()
    {
        using var first = Take(SampleNumbers.Continue);
        Assert.Contains(
            "another process is writing",
            Assert.Throws<RunFolderException>(() => Take(SampleNumbers.Replace)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Claim_of_a_process_that_was_killed_counts_no_more()
    {
        File.WriteAllText(Path.Combine(_folder.Path, ".claim-0-3"), "");
        Directory.CreateDirectory(Path.Combine(_folder.Path, ".tmp-00001-1"));
        using (var samples = Take(SampleNumbers.Replace))
            Assert.Equal(0, samples.First);
        Assert.Empty(Directory.GetDirectories(_folder.Path));
    }

    [Fact]
    public void Replaced_set_keeps_its_higher_numbers_until_the_new_one_is_there_and_then_loses_them()
    {
        foreach (var old in new[] { "00001", "00002", "00003", "00117", "notes" })
        {
            Put(old, "sample.json");
            Put(old, "old.nii.gz");
        }

        using (var samples = Take(SampleNumbers.Replace))
        {
            for (var number = 0; number < 3; number++)
                samples.Write(number, folder => File.WriteAllText(Path.Combine(folder, "new.nii.gz"), ""));
            Assert.Equal(
                ["00000/new.nii.gz", "00001/new.nii.gz", "00002/new.nii.gz", "00003/old.nii.gz", "00117/old.nii.gz", "notes/old.nii.gz"],
                Volumes());
            samples.EndReplacement();
        }

        Assert.Equal(["00000/new.nii.gz", "00001/new.nii.gz", "00002/new.nii.gz", "notes/old.nii.gz"], Volumes());
    }

    [Theory]
    [InlineData("00001", "scan.nii.gz", null)]
    [InlineData("00001", "mine.txt", "sample.json")]
    [InlineData("99999", "mine.txt", "sample.json")]
    [InlineData("00001", "mine.nii.gz/notes.txt", "sample.json")]
    [InlineData("00001", "native/mine.txt", "sample.json")]
    public void What_is_not_this_programs_is_refused_instead_of_replaced(string folder, string file, string? record)
    {
        Put(folder, file);
        if (record is not null)
            Put(folder, record);
        Put("00117", "sample.json");
        var before = Files();

        var refusal = Assert.Throws<RunFolderException>(() => Take(SampleNumbers.Replace));

        Assert.Contains($"{folder} holds what no sample of this program does", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(before, Files());
    }

    [Fact]
    public void Sample_with_volumes_on_the_patients_grid_is_replaced()
    {
        foreach (var old in new[] { "00001", "00117" })
        {
            Put(old, "sample.json");
            Put(Path.Combine(old, "native"), "t1c.nii.gz");
            Put(Path.Combine(old, ".native.tmp"), "t1c.nii.gz"); // of a process that was killed
        }

        using (var samples = Take(SampleNumbers.Replace))
        {
            for (var number = 0; number < 3; number++)
                samples.Write(number, folder => File.WriteAllText(Path.Combine(folder, "new.nii.gz"), ""));
            samples.EndReplacement();
        }

        Assert.Equal(["00000/new.nii.gz", "00001/new.nii.gz", "00002/new.nii.gz"], Files());
    }

    [Fact]
    public void Folders_that_only_look_like_numbers_are_left_alone_and_not_counted()
    {
        Put("20190101", "scan.nii.gz");
        Put("00004", "scan.nii.gz");
        Put("00001", "sample.json");

        using (var replaced = Take(SampleNumbers.Replace))
            replaced.EndReplacement();
        Assert.Equal(["00001/sample.json", "00004/scan.nii.gz", "20190101/scan.nii.gz"], Files());

        using var continued = Take(SampleNumbers.Continue);
        Assert.Equal(5, continued.First); // 2, 3 and 4 would take another's
    }

    [Fact]
    public void Replaced_set_is_not_what_another_process_writes()
    {
        using var other = Take(SampleNumbers.Continue, first: 4);
        other.Write(4, folder => File.WriteAllText(Path.Combine(folder, "other"), ""));
        using var samples = Take(SampleNumbers.Replace);

        samples.EndReplacement();

        Assert.Equal(["00004/other"], Files());
    }

    [Fact]
    public void Continued_set_loses_nothing()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "00006"));
        using var samples = Take(SampleNumbers.Continue);

        samples.EndReplacement();

        Assert.True(Directory.Exists(Path.Combine(_folder.Path, "00006")));
    }

    /// <summary>Samples whose numbers begin where the ones before end.</summary>
    private SampleFolder Take(SampleNumbers numbers, int first)
    {
        var before = Directory.CreateDirectory(Path.Combine(_folder.Path, $"{first - 1:D5}"));
        var samples = Take(numbers);
        before.Delete();
        return samples;
    }

    private void Put(string folder, string file)
    {
        var path = Path.Combine(_folder.Path, folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
    }

    private string[] Volumes() => [.. Files().Where(file => file.EndsWith(".nii.gz", StringComparison.Ordinal))];

    private string[] Files() =>
        [
            .. Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(_folder.Path, file)).Where(file => file[0] != '.').Order(StringComparer.Ordinal),
        ];

    [Theory]
    [InlineData(0, 0)] // nothing was replaced
    [InlineData(2, 1)]
    [InlineData(3, 1)] // the higher numbers of the old set are there still
    public void Set_that_is_replaced_in_part_only_is_told(int written, int told)
    {
        Put("00001", "sample.json");
        Put("00004", "sample.json");
        List<string> warnings = [];
        using (var samples = new SampleFolder(_folder.Path, SampleNumbers.Replace, 3, SingleProcess.Instance, warnings.Add))
        {
            for (var number = 0; number < written; number++)
                samples.Write(number, _ => { });
        }

        Assert.Equal(told, warnings.Count(warning => warning.Contains("replaced in part only", StringComparison.Ordinal)));
    }

    [Fact]
    public void Set_that_is_replaced_as_a_whole_is_no_news()
    {
        Put("00001", "sample.json");
        using (var samples = new SampleFolder(
            _folder.Path, SampleNumbers.Replace, 1, SingleProcess.Instance, warning => Assert.Fail(warning)))
        {
            samples.Write(0, _ => { });
            samples.EndReplacement();
        }
    }

    private SampleFolder Take(SampleNumbers numbers) => new(_folder.Path, numbers, 3, SingleProcess.Instance);
}
