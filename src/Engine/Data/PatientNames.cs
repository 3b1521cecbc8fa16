using System.Globalization;
using System.Text;

namespace VoxelZoo.Engine.Data;

/// <summary>Names that mean one patient and are written in two ways.</summary>
internal static class PatientNames
{
    /// <summary>
    /// Latin letters with an accent, each after the letter without it, by the combining character that stands for the accent alone. The
    /// program runs without the system's tables of Unicode, and so without <see cref="string.Normalize()"/>.
    /// </summary>
    private static readonly Dictionary<char, string> Accents = new()
    {
        ['\u0300'] = "AÀEÈIÌOÒUÙaàeèiìoòuù",
        ['\u0301'] = "AÁEÉIÍOÓUÚYÝaáeéiíoóuúyýCĆcćLĹlĺNŃnńRŔrŕSŚsśZŹzź",
        ['\u0302'] = "AÂEÊIÎOÔUÛaâeêiîoôuûCĈcĉGĜgĝHĤhĥJĴjĵSŜsŝWŴwŵYŶyŷ",
        ['\u0303'] = "AÃNÑOÕaãnñoõIĨiĩUŨuũ",
        ['\u0304'] = "AĀaāEĒeēIĪiīOŌoōUŪuū",
        ['\u0306'] = "AĂaăEĔeĕGĞgğIĬiĭOŎoŏUŬuŭ",
        ['\u0307'] = "CĊcċEĖeėGĠgġIİZŻzż",
        ['\u0308'] = "AÄEËIÏOÖUÜaäeëiïoöuüyÿYŸ",
        ['\u030a'] = "AÅaåUŮuů",
        ['\u030b'] = "OŐoőUŰuű",
        ['\u030c'] = "CČcčDĎdďEĚeěLĽlľNŇnňRŘrřSŠsšTŤtťZŽzž",
        ['\u0327'] = "CÇcçGĢgģKĶkķLĻlļNŅnņRŖrŗSŞsşTŢtţ",
        ['\u0328'] = "AĄaąEĘeęIĮiįUŲuų",
    };

    /// <summary>
    /// What is left of a name without the case of letters, blanks, characters that are not seen, and the two ways to write an accent.
    /// </summary>
    public static string Key(string name) => Seen(Composed(name)).ToUpperInvariant();

    /// <summary>How two names of one key differ, in words.</summary>
    public static string Difference(string one, string other)
    {
        List<string> differences = [];
        var (a, b) = (Composed(one), Composed(other));
        if ((a == one) != (b == other))
            differences.Add("the way in which accents are written (Unicode NFC and NFD)");
        var (seenA, seenB) = (Seen(a), Seen(b));
        if (seenA.Length != a.Length || seenB.Length != b.Length)
            differences.Add("blanks");
        if (seenA != seenB)
            differences.Add("the case of letters");
        return string.Join(" and ", differences);
    }

    private static string Seen(string name) =>
        string.Concat(name.Where(letter => !char.IsWhiteSpace(letter) && char.GetUnicodeCategory(letter) != UnicodeCategory.Format));

    /// <summary>
    /// The name with each letter that an accent follows as one character, as Linux and Windows write it; macOS writes two.
    /// </summary>
    private static string Composed(string name)
    {
        var composed = new StringBuilder();
        foreach (var letter in name)
        {
            var at = composed.Length > 0 && Accents.TryGetValue(letter, out var pairs) ? Place(pairs, composed[^1]) : -1;
            if (at < 0)
                composed.Append(letter);
            else
                composed[^1] = Accents[letter][at + 1];
        }

        return composed.ToString();
    }

    private static int Place(string pairs, char letter)
    {
        for (var at = 0; at < pairs.Length; at += 2)
        {
            if (pairs[at] == letter)
                return at;
        }

        return -1;
    }
}
