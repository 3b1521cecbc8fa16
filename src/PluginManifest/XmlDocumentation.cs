using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace VoxelZoo.PluginManifest;

/// <summary>The sentences that compilers leave in XML files beside assemblies.</summary>
internal sealed class XmlDocumentation
{
    private readonly Dictionary<string, XElement> _members = [];

    /// <summary>Adds the sentences of a file; one that is not there or is damaged has none.</summary>
    public void Add(string path)
    {
        if (!File.Exists(path))
            return;
        try
        {
            foreach (var member in XDocument.Parse(ReadText(path)).Descendants("member"))
                _members[(string?)member.Attribute("name") ?? ""] = member;
        }
        catch (XmlException)
        {
            // listings do without
        }
    }

    /// <summary>What is said of a property, in one line; empty where nothing is.</summary>
    public string Of(PropertyInfo property)
    {
        var type = (property.DeclaringType!.FullName ?? property.DeclaringType.Name).Split('[')[0].Replace('+', '.');
        if (_members.GetValueOrDefault($"P:{type}.{property.Name}")?.Element("summary") is { } summary)
            return Line(summary);
        // of a record's parameters, with the record
        return _members.GetValueOrDefault($"T:{type}")?.Elements("param")
            .FirstOrDefault(each => (string?)each.Attribute("name") == property.Name) is { } parameter
            ? Line(parameter)
            : "";
    }

    private static string ReadText(string path)
    {
        using var reader = new StreamReader(path);
        return reader.ReadToEnd();
    }

    // other options are called by their keys
    private static string Named(string name) =>
        name[(name.LastIndexOf('.') + 1)..] is var last && name.StartsWith("P:", StringComparison.Ordinal)
            ? OptionsSchema.KeyOf(last)
            : last;

    private static string Line(XElement element) => Regex.Replace(string.Concat(element.Nodes().Select(Text)), @"\s+", " ").Trim();

    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement reference when (string?)reference.Attribute("cref") is { } name && !reference.Nodes().Any() => Named(name),
        XElement word when (string?)(word.Attribute("langword") ?? word.Attribute("name") ?? word.Attribute("href")) is { } name
            && !word.Nodes().Any() =>
            name,
        XElement element => string.Concat(element.Nodes().Select(Text)),
        _ => "",
    };
}
