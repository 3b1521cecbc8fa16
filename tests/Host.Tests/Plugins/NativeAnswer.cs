using System.IO.Compression;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>A native library for Linux on x64 with one function, <c>int answer(void)</c>; made by gcc 12 from one line of C.</summary>
internal static class NativeAnswer
{
    private const string Packed =
        "H4sIAAAAAAACA+2Yv07DMBDGL0lbBSpRQFSCiTIVhLCaigF1QEjlz8ICExtKWqNUImmVGEEnXoXHYKzEwovwHjTtuXWsRKUSMN1vyJdzfPbFnu57vbi+NA0D"
        + "JBacwjwCOEMdrKtjJ1AcP1fAnswtQj6fRloB10nCUrJWBdfcTesI0irzzCXzbNSbL9Etwc+Rv3s7zisssZ+hqKnEi0jmbUIBRpgwq9UN42cewWPPm76xuK/m"
        + "vSfzP4AgCIIgCIIgCIL4Y9a0PrOAeod9nOyN37S+boDxKsZV1DLq9j/Vf9Vut2r759zruWHNabImaxw5x4dd7jnNJ+cAhwBY7MciEq4HzHdjH1h3GMbDYKoi"
        + "Aib4iwDG/fuHyA34ZNwNeh1gnX4Q8FD8Ur1lPFNTO2epWzD3CbLuZQPXMLV7kNqY+SDTntzW7mMHv5navUqtZvT1KnuK9zHxDYy0lnJ8CEld8RYy/RUNW4sd"
        + "3MMCzc+opH0MS8uXdbRw/0aOYVLP+X9VrYw665jfXnB+35i55bqwEgAA";

    /// <summary>The library whose answer is a number below 128.</summary>
    public static byte[] Library(int answer)
    {
        using var unpacked = new MemoryStream();
        using (var packed = new GZipStream(new MemoryStream(Convert.FromBase64String(Packed)), CompressionMode.Decompress))
            packed.CopyTo(unpacked);
        var bytes = unpacked.ToArray();
        bytes[bytes.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xB8, 1, 0, 0, 0, 0xC3]) + 1] = (byte)answer; // mov eax, 1; ret
        return bytes;
    }
}
