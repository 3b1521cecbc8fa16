using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors.Tests;

/// <summary>
/// Garbage collections beside tensor operations. With TorchSharp as it is published, <c>x + y</c> and <c>leaky_relu</c> each fail about
/// once in 20,000 calls here, as did <c>x * 0.5</c>.
/// </summary>
public sealed class CollectionsTests
{
    private const int Operations = 300_000;

    [Fact]
    public void TorchSharp_is_loaded_with_its_optimisations_disabled() =>
        Assert.True(typeof(torch).Assembly.GetCustomAttributes(false).OfType<DebuggableAttribute>().Single().IsJITOptimizerDisabled);

    [Fact]
    public void Operations_beside_collections_neither_throw_nor_err()
    {
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        var threads = get_num_threads();
        set_num_threads(1);
        try
        {
            using var x = ones(8);
            using var y = ones(8);
            for (var done = 0; done < Operations; done += Check(x, y))
            {
            }
        }
        finally
        {
            set_num_threads(threads);
            stop.Cancel();
            collector.Join();
        }
    }

    [Fact]
    public async Task Without_the_cure_the_same_operations_throw()
    {
        var (code, output) = await RunWith((string)AppContext.GetData("PublishedTorchSharp")!);

        // an exception from the native side, a wrong value, or the end of the process
        var errs = output.Contains("ExternalException") || output.Contains(" instead of ") || code is 134 or 139;
        Assert.True(code != 0 && errs, output);
    }

    [Fact]
    public async Task What_is_compiled_ahead_for_the_program_keeps_its_arguments_too()
    {
        var precompiled = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Host/release/TorchSharp.dll"));
        Assert.SkipUnless(File.Exists(precompiled), $"the program is not built: there is no {precompiled}");
        Assert.True(new FileInfo(precompiled).Length > new FileInfo(typeof(torch).Assembly.Location).Length, "it holds no code but IL");

        var (code, output) = await RunWith(precompiled);

        Assert.True(code == 0, output);
    }

    /// <summary>Runs the operations in a copy of this program that has another TorchSharp.</summary>
    private static async Task<(int Code, string Output)> RunWith(string torchSharp)
    {
        var folder = Directory.CreateTempSubdirectory("voxelzoo-other-torchsharp-").FullName;
        try
        {
            CopyProgram(AppContext.BaseDirectory, folder);
            File.Copy(torchSharp, Path.Combine(folder, "TorchSharp.dll"), overwrite: true);
            string[] arguments =
            [
                Path.Combine(folder, Path.GetFileName(typeof(CollectionsTests).Assembly.Location)),
                "-method",
                $"*.{nameof(Operations_beside_collections_neither_throw_nor_err)}",
            ];
            var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var child = Process.Start(start)!;
            var errors = child.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await errors;
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (child.ExitCode, output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void CopyProgram(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        // libtorch is large
        foreach (var folder in Directory.EnumerateDirectories(from))
            Directory.CreateSymbolicLink(Path.Combine(to, Path.GetFileName(folder)), folder);
    }

    /// <summary>500 operations of the kinds that failed.</summary>
    private static int Check(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < 100; i++)
        {
            Is(0.125f, x * S(0.125));
            Is(2f, x + y);
            Is(-0.25f, F.leaky_relu(-x, 0.25));
            Is(1.5f, x.addcmul(x, y, S(0.5)));
        }

        return 500;
    }

    private static void Is(float expected, Tensor tensor)
    {
        if (tensor.data<float>()[0] != expected)
            Assert.Fail($"{tensor.data<float>()[0]} instead of {expected}");
    }
}
