using System.IO.Compression;
using System.Text;

namespace VoxelZoo.Plugins.Tests.Metrics;

internal static class TorchScriptNetwork
{
    /// <summary>Writes a TorchScript archive of one module without weights, whose forward returns an expression of <c>x</c>.</summary>
    public static string Write(string path, string expression, string returns = "Tensor")
    {
        using var archive = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        // pickle: the class, made anew with {training: False}
        Write(
            "data.pkl",
            [
                0x80, 2, .. "c__torch__\nExtractor\n"u8, (byte)')', 0x81, (byte)'}', (byte)'(', (byte)'X', 8, 0, 0, 0, .. "training"u8,
                0x89, .. "ub."u8,
            ]);
        Write("code/__torch__.py", Encoding.UTF8.GetBytes(
            $"""
            class Extractor(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              def forward(self: __torch__.Extractor,
                x: Tensor) -> {returns}:
                return {expression}

            """));
        Write("constants.pkl", [0x80, 2, .. ")."u8]);
        Write("version", "3\n"u8.ToArray());
        return path;

        void Write(string name, byte[] content)
        {
            using var entry = archive.CreateEntry($"network/{name}", CompressionLevel.NoCompression).Open();
            entry.Write(content);
        }
    }
}
