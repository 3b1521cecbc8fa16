using System.Diagnostics;
using System.Text.RegularExpressions;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>
/// The contract's public surface cannot change without another version: the build's analyzer compares it with the version's record.
/// </summary>
public sealed partial class PublicApiTests : IDisposable
{
    private static readonly string Contract = Path.Combine(Repository.Root, "src/Abstractions");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Renamed_member_is_reported_as_one_too_many_and_one_too_few()
    {
        foreach (var file in Directory.GetFiles(Contract, "*.cs", SearchOption.AllDirectories))
            _folder.Write(
                Path.GetRelativePath(Contract, file), File.ReadAllText(file).Replace("TimeGrid", "TimeList", StringComparison.Ordinal));

        var output = Compile();

        Assert.DoesNotMatch("error CS", output);
        Assert.Equal(
            [
                "RS0016 abstract VoxelZoo.Abstractions.NoiseProcess.TimeList(int steps) -> double[]!",
                "RS0017 abstract VoxelZoo.Abstractions.NoiseProcess.TimeGrid(int steps) -> double[]!",
            ],
            Report().Matches(output).Select(m => $"{m.Groups[1].Value} {m.Groups[2].Value}").Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Version_without_a_record_is_refused()
    {
        var (code, output) = MsBuild.Run(
            "src/Abstractions/Abstractions.csproj", "-p:VoxelZooContractVersion=1.999.0", "-t:RefuseUnrecordedVersion");

        Assert.Equal(1, code);
        Assert.Contains(
            "error VZ0004: the version 1.999.0 of VoxelZoo.Abstractions has no record of its public surface",
            output,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Member_of_the_version_that_was_packed_last_and_is_no_more_fails_the_build()
    {
        // another assembly in its place has members that this one never had
        var packed = Path.Combine(Repository.Root, "src/Conformance/api/packed/VoxelZoo.Conformance.dll");

        var (code, output) = MsBuild.Run(
            "src/Conformance.Xunit/Conformance.Xunit.csproj",
            "-p:Configuration=Release",
            $"-p:PackedApi={packed}",
            "-p:BuildProjectReferences=false",
            "-t:ComparePackedApi");

        Assert.Equal(1, code);
        Assert.Contains("error CP0001: Type 'VoxelZoo.Conformance.ConformanceCheck' exists on ", output, StringComparison.Ordinal);
    }

    private string Compile()
    {
        _folder.Write(
            "Usings.cs",
            string.Join(
                '\n',
                new[]
                {
                    "", ".Collections.Generic", ".IO", ".Linq", ".Threading", ".Threading.Tasks",
                }.Select(n => $"global using System{n};")));
        var platform = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var references = Directory.GetFiles(platform, "System*.dll").Where(f => !f.Contains(".Native", StringComparison.Ordinal))
            .Concat(new[]
            {
                "VoxelZoo.Tensors", "TorchSharp", "System.Composition.AttributedModel", "Microsoft.Extensions.Logging.Abstractions",
            }
                .Select(name => Path.Combine(AppContext.BaseDirectory, $"{name}.dll")));
        var record = Path.Combine(Contract, "api", Version());
        string[] arguments =
        [
            "/nologo", "/target:library", "/nullable:enable", "/out:Contract.dll",
            $"/additionalfile:{record}/PublicAPI.Shipped.txt", $"/additionalfile:{record}/PublicAPI.Unshipped.txt",
            $"/analyzer:{AppContext.GetData("PublicApiAnalyzers")}/analyzers/dotnet/Microsoft.CodeAnalysis.PublicApiAnalyzers.dll",
            .. references.Select(r => $"/reference:{r}"),
            .. Directory.GetFiles(_folder.Path, "*.cs", SearchOption.AllDirectories),
        ];
        var response = _folder.Write("arguments.rsp", string.Join('\n', arguments.Select(a => $"\"{a}\"")));
        using var compiler = Process.Start(
            new ProcessStartInfo("dotnet", [(string)AppContext.GetData("RoslynCompiler")!, "/noconfig", $"@{response}"])
            {
                WorkingDirectory = _folder.Path,
                RedirectStandardOutput = true,
            })!;
        var output = compiler.StandardOutput.ReadToEnd();
        compiler.WaitForExit();
        return output;
    }

    private static string Version() =>
        VersionProperty().Match(File.ReadAllText(Path.Combine(Contract, "build/VoxelZoo.Contract.props"))).Groups[1].Value;

    [GeneratedRegex("(RS00(?:16|17)): Symbol '(.*)' is ")]
    private static partial Regex Report();

    [GeneratedRegex("<VoxelZooContractVersion>(.*)</VoxelZooContractVersion>")]
    private static partial Regex VersionProperty();
}
