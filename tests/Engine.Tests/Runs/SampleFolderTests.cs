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

    private SampleFolder Take(SampleNumbers numbers) => new(_folder.Path, numbers, 3, SingleProcess.Instance);
}
