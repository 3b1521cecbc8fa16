using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Configuration;

public sealed class ExperimentFolderTests
{
    /// <summary>Two such links are looked through 2⁴⁰ times by whoever follows them as far as the system does.</summary>
    [Fact]
    public void Links_that_lead_back_do_not_keep_anyone_looking()
    {
        using var folder = new TemporaryFolder();
        folder.Write("zoo/small.yaml", "id: small\n");
        folder.Write("zoo/_base.yaml", "id: base\n");
        foreach (var name in new[] { "back", "again" })
            Directory.CreateSymbolicLink(Path.Combine(folder.Path, name), folder.Path);

        Assert.Contains(Path.Combine(folder.Path, "zoo", "small.yaml"), ExperimentFolder.List(folder.Path));
        Assert.All(ExperimentFolder.List(folder.Path), file => Assert.EndsWith("small.yaml", file, StringComparison.Ordinal));
    }
}
