using System.Security.Cryptography;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Files;

/// <summary>Size and SHA-256 of a file.</summary>
/// <param name="Bytes">Size in bytes.</param>
/// <param name="Sha256">Hash, lower-case hexadecimal.</param>
public sealed record FileFacts(long Bytes, string Sha256)
{
    /// <summary>Those of a file.</summary>
    public static FileFacts Of(string path)
    {
        using var stream = RegularFile.OpenRead(path);
        return Of(stream);
    }

    internal static FileFacts Of(Stream stream) => new(stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));

    /// <summary>The hash alone.</summary>
    internal static string Hash(string path) => Of(path).Sha256;
}
