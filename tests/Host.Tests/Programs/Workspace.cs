using System.Diagnostics;
using System.Security.Cryptography;

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>A folder for runs, and the program on one thread in it, so that tests beside each other do not slow each other down.</summary>
internal sealed class Workspace : IDisposable
{
    public static readonly Dictionary<string, string> OneThread = new() { ["OMP_NUM_THREADS"] = "1" };

    private readonly TemporaryFolder _folder = new();

    /// <summary>The folder of the run that a test makes.</summary>
    public string Run => At("run");

    public string At(string name) => Path.Combine(_folder.Path, name);

    /// <summary>Whether something of that name is there; the last part may be a pattern.</summary>
    public bool Holds(string pattern) =>
        Path.GetDirectoryName(At(pattern))! is var folder
        && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder, Path.GetFileName(pattern)).Any();

    public string Write(string name, string text) => _folder.Write(name, text);

    public VoxelZooProgram.Outcome Program(params string[] arguments) => VoxelZooProgram.RunWith(OneThread, arguments);

    /// <summary>
    /// The program's command line in this process, which spares a start: for all but what stops the program, limits it, measures it, or
    /// asks for equal weights of two trainings, as they begin with numbers of this process's one generator.
    /// </summary>
    public VoxelZooProgram.Outcome Here(params string[] arguments) => VoxelZooProgram.RunHere(arguments);

    /// <summary>Makes a run's experiment.yaml the one that training wrote, where a test has given it other words.</summary>
    public static void Seal(string run) => File.WriteAllText(
        Path.Combine(run, "experiment.seal.json"),
        $$"""{"experiment": ["{{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(run, "experiment.yaml"))))}}"]}""");

    /// <summary>Trains the smallest experiment, or another one, at its smoke profile.</summary>
    public VoxelZooProgram.Outcome Smoke(string experiment = "exp11", params string[] more) =>
        Program(Training(experiment, more));

    /// <summary>The same in this process; see <see cref="Here"/>.</summary>
    public VoxelZooProgram.Outcome SmokeHere(string experiment = "exp11", params string[] more) => Here(Training(experiment, more));

    /// <summary>A run of an experiment at its smoke profile, as <see cref="Smoke"/> would leave it.</summary>
    public void Trained(string experiment = "exp11", string run = "run") => Copy(SmokeRuns.Of(experiment), run);

    /// <summary>Copies a folder as <c>cp -a</c> does, to one of this workspace that is not there yet.</summary>
    public void Copy(string from, string to)
    {
        using var copy = Process.Start("cp", ["-a", from, At(to)]);
        copy.WaitForExit();
        Assert.Equal(0, copy.ExitCode);
    }

    private string[] Training(string experiment, string[] more) => ["train", experiment, "--profile", "smoke", "--run", Run, .. more];

    public void Dispose() => _folder.Dispose();
}
