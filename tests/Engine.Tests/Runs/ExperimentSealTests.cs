using System.Security.Cryptography;
using System.Text;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Tests.Runs;

public sealed class ExperimentSealTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private RunFolder Run => RunFolder.Join(_folder);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void File_that_was_written_is_accepted_and_the_one_before_no_more()
    {
        foreach (var text in new[] { "id: a\n", "id: b\n" })
        {
            ExperimentSeal.Write(Run, text);
            ExperimentSeal.Check(Run);
            Assert.Equal(text, File.ReadAllText(Run.Experiment));
        }

        File.WriteAllText(Run.Experiment, "id: a\n");
        Assert.Contains(
            "was changed since", Assert.Throws<RunFolderException>(() => ExperimentSeal.Check(Run)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("id: a\n", true)]
    [InlineData("id: b\n", true)]
    [InlineData("id: c\n", false)]
    public void File_of_a_process_that_was_killed_while_it_replaced_it_is_accepted(string text, bool isAccepted)
    {
        File.WriteAllText(Run.Seal, $$"""{"experiment": ["{{Hash("id: a\n")}}", "{{Hash("id: b\n")}}"]}""");
        File.WriteAllText(Run.Experiment, text);

        var refusal = Record.Exception(() => ExperimentSeal.Check(Run));

        Assert.Equal(isAccepted, refusal is null);
    }

    [Fact]
    public void Run_that_was_killed_before_its_experiment_was_written_has_not_begun()
    {
        File.WriteAllText(Run.Seal, $$"""{"experiment": ["{{Hash("id: a\n")}}"]}""");

        ExperimentSeal.Check(Run);

        Assert.True(RunFolder.HasNotBegun(_folder));
    }

    [Fact]
    public void Damaged_seal_is_refused_with_what_to_do()
    {
        ExperimentSeal.Write(Run, "id: a\n");
        File.WriteAllText(Run.Seal, File.ReadAllText(Run.Seal).Replace(Hash("id: a\n"), Hash("id: b\n"), StringComparison.Ordinal));

        Assert.StartsWith(
            $"{Run.Seal} cannot be read (",
            Assert.Throws<RunFolderException>(() => ExperimentSeal.Check(Run)).Message,
            StringComparison.Ordinal);
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
