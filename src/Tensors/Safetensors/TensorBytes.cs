using TorchSharp;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Safetensors;

/// <summary>
/// Moves a tensor's bytes to and from a stream in windows over native memory, so that no size is limited to 2 GiB and
/// nothing is copied into the managed heap.
/// </summary>
internal static unsafe class TensorBytes
{
    private const int Window = 16 << 20;

    /// <summary>Fills a contiguous CPU tensor.</summary>
    internal static void Read(Stream stream, Tensor tensor, long bytes)
    {
        var pointer = (byte*)Libtorch.DataPointer(tensor);
        for (long done = 0; done < bytes; done += Window)
        {
            var window = new Span<byte>(pointer + done, (int)Math.Min(Window, bytes - done));
            stream.ReadExactly(window);
            // any other byte in a bool tensor is undefined behaviour in native code
            if (tensor.dtype == ScalarType.Bool && window.ContainsAnyExceptInRange((byte)0, (byte)1))
                throw new InvalidDataException("a BOOL tensor holds bytes other than 0 and 1");
        }

        GC.KeepAlive(tensor);
    }

    /// <summary>Writes the elements in row-major order, wherever the tensor lives and however it is strided.</summary>
    internal static void Write(Stream stream, Tensor tensor, long bytes)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var plain = tensor.cpu().contiguous();
        var pointer = (byte*)Libtorch.DataPointer(plain);
        for (long done = 0; done < bytes; done += Window)
            stream.Write(new ReadOnlySpan<byte>(pointer + done, (int)Math.Min(Window, bytes - done)));
        GC.KeepAlive(plain);
    }
}
