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
        Assert.Contains("another process is writing", Assert.Throws<RunFolderException>(() => Take(SampleNumbers.Replace)).Message, StringComparison.Ordinal);
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
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder.Path, old)).FullName, "old"), "");

        using (var samples = Take(SampleNumbers.Replace))
        {
            for (var number = 0; number < 3; number++)
                samples.Write(number, folder => File.WriteAllText(Path.Combine(folder, "new"), ""));
            Assert.Equal(["00000/new", "00001/new", "00002/new", "00003/old", "00117/old", "notes/old"], Files());
            samples.EndReplacement();
        }

        Assert.Equal(["00000/new", "00001/new", "00002/new", "notes/old"], Files());
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

    private string[] Files() =>
        [.. Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_folder.Path, file)).Where(file => file[0] != '.').Order(StringComparer.Ordinal)];

    private SampleFolder Take(SampleNumbers numbers) => new(_folder.Path, numbers, 3, SingleProcess.Instance);
}
