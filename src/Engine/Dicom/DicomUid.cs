using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace VoxelZoo.Engine.Dicom;

/// <summary>Unique identifiers of DICOM.</summary>
internal static class DicomUid
{
    /// <summary>
    /// The identifier of what a text says all of: <c>2.25.</c> and a UUID of its SHA-256 as a whole number (PS3.5 B.2; RFC 9562, version
    /// 8).
    /// </summary>
    public static string Of(string text)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes(text))[..16];
        bytes[6] = (byte)(bytes[6] & 0x0F | 0x80);
        bytes[8] = (byte)(bytes[8] & 0x3F | 0x80);
        return $"2.25.{new BigInteger(bytes, isUnsigned: true, isBigEndian: true)}";
    }
}
