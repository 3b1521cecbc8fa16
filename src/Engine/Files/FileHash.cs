using System.Security.Cryptography;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Files;

/// <summary>SHA-256 of files.</summary>
internal static class FileHash
{
    /// <summary>The hash of a file's bytes, in lower case.</summary>
    public static string Of(string path)
    {
        using var file = RegularFile.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
