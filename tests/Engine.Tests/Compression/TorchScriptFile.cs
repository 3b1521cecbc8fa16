using System.IO.Compression;
using System.Text;

namespace VoxelZoo.Engine.Tests.Compression;

/// <summary>
/// Writes a TorchScript archive without parameters: a stored zip with the source of a class and a pickle that makes an instance of it.
/// Nothing in TorchSharp builds a module that it could save.
/// </summary>
internal static class TorchScriptFile
{
    /// <summary>Writes the file.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="body">Lines of <c>forward(self, x: Tensor)</c>, the last a return.</param>
    /// <param name="returns">The type that it returns.</param>
    public static string Write(string path, string body, string returns = "Tensor")
    {
        var lines = string.Join('\n', body.Split('\n').Select(line => $"    {line}"));
        var code =
            $"""
            class Network(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              def forward(self: __torch__.Network,
                x: Tensor) -> {returns}:
            {lines}

            """;
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        Entry(zip, "network/data.pkl", Pickle());
        Entry(zip, "network/code/__torch__.py", Encoding.ASCII.GetBytes(code));
        Entry(zip, "network/constants.pkl", [0x80, 2, (byte)')', (byte)'.']); // an empty tuple
        Entry(zip, "network/version", "3\n"u8.ToArray());
        return path;
    }

    /// <summary>Protocol 2: the class, no arguments, an instance, its state {training: True}.</summary>
    private static byte[] Pickle() =>
    [
        0x80, 2,
        .. "c__torch__\nNetwork\n"u8, (byte)')', 0x81,
        (byte)'}', (byte)'(', (byte)'X', 8, 0, 0, 0, .. "training"u8, 0x88, (byte)'u',
        (byte)'b', (byte)'.',
    ];

    private static void Entry(ZipArchive zip, string name, byte[] bytes)
    {
        using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(bytes);
    }
}
