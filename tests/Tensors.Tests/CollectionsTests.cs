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
    private const int Operations = 1_000_000;

    [Fact]
    public void TorchSharp_is_loaded_with_its_optimisations_disabled() =>
        Assert.True(typeof(torch).Assembly.GetCustomAttributes(false).OfType<DebuggableAttribute>().Single().IsJITOptimizerDisabled);

    [Fact]
    public void A_million_operations_beside_collections_neither_throw_nor_err()
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
        var folder = Directory.CreateTempSubdirectory("voxelzoo-published-").FullName;
        try
        {
            CopyProgram(AppContext.BaseDirectory, folder);
            File.Copy((string)AppContext.GetData("PublishedTorchSharp")!, Path.Combine(folder, "TorchSharp.dll"), overwrite: true);
            var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
            string[] arguments =
            [
                Path.Combine(folder, Path.GetFileName(typeof(CollectionsTests).Assembly.Location)),
                "-method",
                $"*.{nameof(A_million_operations_beside_collections_neither_throw_nor_err)}",
            ];
            foreach (var argument in arguments)
                start.ArgumentList.Add(argument);
            using var child = Process.Start(start)!;
            var errors = child.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await errors;
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            // an exception from the native side, a wrong value, or the end of the process
            var errs = output.Contains("ExternalException") || output.Contains(" instead of ") || child.ExitCode is 134 or 139;
            Assert.True(child.ExitCode != 0 && errs, output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void CopyProgram(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
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
