using System.Diagnostics;
using System.Text.RegularExpressions;
using TorchSharp;

namespace VoxelZoo.Tensors.Tests;

public sealed partial class BannedApiTests : IDisposable
{
    private const string Head = """
        using System.IO.Compression; using System.Text; using TorchSharp; using static TorchSharp.torch;
        class Fixture { void Use(Tensor x, nn.Module module, ZipArchive archive, System.IO.Stream stream) { object o; Scalar s; Tensor t;

        """;

    private static readonly string[] Banned =
    [
        "s = 0.5;", "s = 0.5f;", "s = 1;", "s = 1L;", "s = true;", "s = (byte)1;", "s = (short)1;", "s = (System.Half)1;",
        "o = 0.5.ToScalar();", "o = 1.ToScalar();",
        "t = 0.5;", "t = 0.5f;", "t = 1;", "t = 1L;", "t = true;",
        "t = x * 0.5;", "t = 0.5 * x;", "t = x * 2;", "t = x + 1f;", "t = 1L + x;", "t = x - 1;", "t = 1 - x;", "t = x / 2.0;",
        "t = 2 / x;", "t = x % 2;",
        "t = -x + 1;", "t = x < 0.5;", "t = x >= 1;", "t = x.mul(0.5);", "t = x.add(x, 0.5);", "t = x.pow(2);", "t = x.clamp(0, 1);",
        "x.fill_(0);",
        "t = torch.full(3, 1.0);", "t = torch.arange(5);",
        "o = nn.GroupNorm(2, 4);", "o = torch.optim.AdamW(module.parameters());", "o = torch.optim.SGD(module.parameters(), 0.1);",
        "module.save(\"f\");", "module.load(\"f\");", "x.Save(stream);", "x.save(\"f\");", "torch.save(x, \"f\");",
        "t = torch.load(\"f\");",
        "ZipFile.ExtractToDirectory(\"a\", \"b\");",
        "ZipFile.ExtractToDirectory(\"a\", \"b\", true);",
        "ZipFile.ExtractToDirectory(stream, \"b\");",
        "ZipFile.ExtractToDirectory(\"a\", \"b\", Encoding.UTF8, true);", "archive.ExtractToDirectory(\"b\");",
    ];

    // the analyzer does not look into compound assignments; the collector cannot harm them either (CollectionsTests)
    private static readonly string[] Allowed =
    [
        "x *= 0.5;",
        "t = x * VoxelZoo.Tensors.Scalars.S(0.5);",
        "t = x + x;",
        "t = VoxelZoo.Tensors.Norms.GroupNorm(2, 4).forward(x);",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("banned").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_use_that_is_banned_and_no_other_is_reported()
    {
        File.WriteAllText(Path.Combine(_folder, "Fixture.cs"), Head + string.Join('\n', Banned.Concat(Allowed)) + "\n} }");
        var output = Compile();
        Assert.DoesNotMatch("error CS", output);
        var reported = Report().Matches(output).Select(m => int.Parse(m.Groups[1].Value) - 3).ToHashSet();
        Assert.Equal([.. Banned], Banned.Concat(Allowed).Where((_, i) => reported.Contains(i)));
    }

    private string Compile()
    {
        var symbols = Path.Combine(
            Path.GetDirectoryName(ReferenceFile.PathOf("vqvae3d-tiny.io.safetensors"))!, "..", "..", "src", "Tensors", "build",
            "BannedSymbols.txt");
        var platform = Directory.GetFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "System*.dll")
            .Where(f => !f.Contains(".Native", StringComparison.Ordinal));
        string[] arguments =
        [
            "/nologo", "/target:library", "/out:Fixture.dll", "/nowarn:CS0219",
            $"/additionalfile:{symbols}",
            .. Directory.GetFiles(
                Path.Combine((string)AppContext.GetData("BannedApiAnalyzers")!, "analyzers", "dotnet", "cs"),
                "*.dll").Select(a => $"/analyzer:{a}"),
            .. platform.Append(typeof(torch).Assembly.Location).Append(typeof(Norms).Assembly.Location).Select(r => $"/reference:{r}"),
            "Fixture.cs",
        ];
        File.WriteAllLines(Path.Combine(_folder, "arguments.rsp"), arguments.Select(a => $"\"{a}\""));
        var dotnet = Path.Combine(
            Path.GetDirectoryName(typeof(object).Assembly.Location)!,
            "..",
            "..",
            "..",
            OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
        var roslyn = (string)AppContext.GetData("RoslynCompiler")!;
        using var compiler = Process.Start(new ProcessStartInfo(dotnet, [roslyn, "/noconfig", "@arguments.rsp"])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
        })!;
        var output = compiler.StandardOutput.ReadToEnd();
        compiler.WaitForExit();
        return output;
    }

    [GeneratedRegex(@"Fixture\.cs\((\d+),\d+\): \w+ RS0030")]
    private static partial Regex Report();
}
