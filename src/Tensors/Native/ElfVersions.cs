using System.Buffers.Binary;
using System.Text;

namespace VoxelZoo.Tensors.Native;

/// <summary>Edits the symbol-version table of a 64-bit little-endian ELF file that is held in memory.</summary>
internal static class ElfVersions
{
    private const uint SectionVersionNeeds = 0x6ffffffe; // SHT_GNU_verneed
    private const ushort FlagWeak = 2; // VER_FLG_WEAK

    /// <summary>Marks every need of <paramref name="version"/> as weak, so that a library without it satisfies the loader.</summary>
    /// <returns>How many needs were marked; 0 when the file names no such version.</returns>
    /// <exception cref="InvalidDataException">The file is no such ELF file, or it is damaged.</exception>
    internal static int Weaken(Span<byte> elf, string version)
    {
        try
        {
            return WeakenSections(elf, version);
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException("a damaged ELF file: a table points outside of it", e);
        }
    }

    private static int WeakenSections(Span<byte> elf, string version)
    {
        if (elf.Length < 0x40 || !elf[..6].SequenceEqual("\u007fELF\u0002\u0001"u8))
            throw new InvalidDataException("not a 64-bit little-endian ELF file");

        var sections = checked((int)BinaryPrimitives.ReadInt64LittleEndian(elf[0x28..]));
        int entrySize = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3A..]), count = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3C..]);
        var marked = 0;
        for (var i = 0; i < count; i++)
        {
            var section = elf[checked(sections + i * entrySize)..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) != SectionVersionNeeds)
                continue;

            var needs = checked((int)BinaryPrimitives.ReadInt64LittleEndian(section[24..]));
            var stringSection = elf[checked(sections + BinaryPrimitives.ReadInt32LittleEndian(section[40..]) * entrySize)..];
            var strings = checked((int)BinaryPrimitives.ReadInt64LittleEndian(stringSection[24..]));
            marked += WeakenSection(elf, needs, strings, Encoding.ASCII.GetBytes(version + "\0"));
        }

        return marked;
    }

    private static int WeakenSection(Span<byte> elf, int need, int strings, ReadOnlySpan<byte> version)
    {
        var marked = 0;
        while (true)
        {
            int versions = BinaryPrimitives.ReadUInt16LittleEndian(elf[(need + 2)..]);
            var entry = need + BinaryPrimitives.ReadInt32LittleEndian(elf[(need + 8)..]);
            for (var k = 0; k < versions; k++)
            {
                var name = strings + BinaryPrimitives.ReadInt32LittleEndian(elf[(entry + 8)..]);
                if (elf[name..].StartsWith(version))
                {
                    var flags = elf[(entry + 4)..];
                    BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | FlagWeak));
                    marked++;
                }

                if (k + 1 < versions)
                    entry = Forward(entry, BinaryPrimitives.ReadInt32LittleEndian(elf[(entry + 12)..]));
            }

            var next = BinaryPrimitives.ReadInt32LittleEndian(elf[(need + 12)..]);
            if (next == 0)
                return marked;
            need = Forward(need, next);
        }
    }

    // backwards or in place, a damaged list would never end
    private static int Forward(int position, int step) =>
        step > 0 ? checked(position + step) : throw new InvalidDataException("a damaged ELF file: a list runs backwards");
}
