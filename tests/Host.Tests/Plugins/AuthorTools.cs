using System.Diagnostics;
using NuGet.Versioning;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>What an author of plugins works with: the .NET SDK and the feed of packages that the build leaves.</summary>
internal static class AuthorTools
{
    /// <summary>The feed.</summary>
    public static readonly string Feed = Path.Combine(Repository.Root, "artifacts/packages");

    /// <summary>The latest version of a package in the feed, which keeps those of earlier builds.</summary>
    public static string Package(string id) => Directory.GetFiles(Feed, $"{id}.*.nupkg")
        .Select(path => (
            Path: path,
            IsVersion: NuGetVersion.TryParse(Path.GetFileNameWithoutExtension(path)[(id.Length + 1)..], out var version),
            Version: version))
        .Where(package => package.IsVersion).MaxBy(package => package.Version).Path;

    /// <summary>Options of a build that takes packages of the feed from nowhere else: one of the same version may be cached.</summary>
    /// <param name="packages">A folder for those.</param>
    public static string[] Restoring(string packages) =>
    [
        $"-p:RestoreAdditionalProjectSources={Feed}", $"-p:RestorePackagesPath={packages}", $"-p:RestoreFallbackFolders={PackageCache}",
        "-nodeReuse:false",
    ];

    /// <summary>Runs <c>dotnet</c>, which has to succeed.</summary>
    public static void Dotnet(params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        var log = Path.Combine(folder.Path, "log");
        // into a file, as the compiler's server outlives the build and would keep the other end of a pipe open
        using var process = Process.Start("sh", ["-c", "exec dotnet \"$@\" >\"$0\" 2>&1", log, .. arguments]);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, File.ReadAllText(log));
    }

    /// <summary>A solution of projects.</summary>
    public static string SolutionOf(IEnumerable<string> projects) =>
        $"<Solution>{string.Concat(projects.Select(project => $"<Project Path=\"{project}\" />"))}</Solution>";

    /// <summary>Runs a test program, all of whose tests have to pass.</summary>
    public static void RunTests(string program)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program) { RedirectStandardOutput = true, Environment = { ["OMP_NUM_THREADS"] = "1" } })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
    }

    private static string PackageCache =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages");
}
