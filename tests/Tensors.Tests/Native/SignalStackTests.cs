using System.Runtime.CompilerServices;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors.Tests.Native;

/// <summary>Where it fails on a CPU with AMX, it takes the process with it.</summary>
public sealed class SignalStackTests
{
    [Fact]
    public void Null_reference_of_a_thread_that_computed_in_bfloat16_is_an_exception()
    {
        // the end of one thread is not to touch what the next one has
        for (var i = 0; i < 20; i++)
        {
            Exception? caught = null;
            var thread = new Thread(() => caught = Record.Exception(() =>
            {
                ComputeInBfloat16();
                LengthOf(null);
            }));
            thread.Start();
            thread.Join();
            Assert.IsType<NullReferenceException>(caught);
        }
    }

    [Fact]
    public void Thread_that_computes_in_bfloat16_has_room_for_registers_and_handler()
    {
        if (!OperatingSystem.IsLinux())
            return;
        var (before, after, again) = (0L, 0L, 0L);
        var thread = new Thread(() =>
        {
            before = SignalStack.Size!.Value;
            ComputeInBfloat16();
            after = SignalStack.Size!.Value;
            SignalStack.Widen();
            again = SignalStack.Size!.Value;
        });
        thread.Start();
        thread.Join();
        Assert.True(after >= SignalStack.Needed, $"{before}, then {after} of {SignalStack.Needed} bytes");
        Assert.Equal(after, again);
    }

    private static void ComputeInBfloat16()
    {
        using var scope = NewDisposeScope();
        using var autocast = Autocast.Begin(CPU, ScalarType.BFloat16);
        Assert.Equal(ScalarType.BFloat16, F.linear(rand(64, 64), rand(64, 64)).dtype);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int LengthOf(string? text) => text!.Length;
}
