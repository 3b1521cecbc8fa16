using System.Text.Json.Nodes;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>The property that chooses the host's libtorch, by evaluation: the CUDA packages are several gigabytes.</summary>
public sealed class TorchBackendTests
{
    private const string Host = "src/Host/Host.csproj";

    [Theory]
    [InlineData("", "TorchSharp-cpu")]
    [InlineData("-p:TorchBackend=cpu", "TorchSharp-cpu")]
    [InlineData("-p:TorchBackend=cuda-linux", "TorchSharp-cuda-linux")]
    [InlineData("-p:TorchBackend=cuda-windows", "TorchSharp-cuda-windows")]
    [InlineData("-p:TorchBackend=none", null)]
    public void Backend_chooses_the_package_that_brings_libtorch(string property, string? package)
    {
        var references = JsonNode.Parse(
            MsBuild.Run(Host, [.. property.Length > 0 ? [property] : Array.Empty<string>(), "-getItem:PackageReference"]).Out)!;

        var names = references["Items"]!["PackageReference"]!.AsArray().Select(p => (string)p!["Identity"]!).ToArray();
        Assert.Contains("System.CommandLine", names);
        Assert.Equal(
            package is null ? [] : [package],
            names.Where(
                name => name.StartsWith("TorchSharp", StringComparison.Ordinal) || name.StartsWith("libtorch", StringComparison.Ordinal)));
    }

    [Fact]
    public void Backend_that_there_is_not_is_refused_before_anything_is_restored()
    {
        var (code, output) = MsBuild.Run(Host, "-p:TorchBackend=cuda", "-t:CollectPackageReferences");

        Assert.Equal(1, code);
        Assert.Contains(
            "error VZ0003: TorchBackend is 'cuda'; it takes cpu, cuda-linux, cuda-windows or none", output, StringComparison.Ordinal);
    }
}
