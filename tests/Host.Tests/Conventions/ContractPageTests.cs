using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>docs/contract.md names every type of the contract and every member of each.</summary>
public sealed class ContractPageTests
{
    private static readonly string[] OfObjects = ["Equals", "GetHashCode", "ToString", "Deconstruct", "PrintMembers"];

    private static readonly Dictionary<string, XElement> Documentation = XDocument.Load(
        Path.ChangeExtension(typeof(PlanException).Assembly.Location, ".xml"))
        .Descendants("member").ToDictionary(member => (string)member.Attribute("name")!);

    private static readonly Dictionary<string, string> Sections = File.ReadAllText(Path.Combine(Repository.Root, "docs/contract.md"))
        .Split("\n### ").Skip(1).ToDictionary(section => section.Split('\n')[0].Trim('`'));

    public static TheoryData<string> Types =>
        new(typeof(PlanException).Assembly.GetExportedTypes().Where(IsForAuthors).Select(type => type.FullName!));

    /// <summary>
    /// Not the host's view of what authors implement by its generic sister, nor the attributes that differ by their names alone.
    /// </summary>
    private static bool IsForAuthors(Type type) => !type.IsSubclassOf(typeof(PartAttribute))
        && (type == typeof(IPart) || !type.IsInterface || type.IsGenericType || type.Assembly.GetType($"{type.FullName}`1") is null);

    [Theory]
    [MemberData(nameof(Types))]
    public void Page_names_every_member(string name)
    {
        var type = typeof(PlanException).Assembly.GetType(name)!;

        Assert.True(Sections.TryGetValue(Shown(type), out var section), $"docs/contract.md lacks a section:\n{Section(type)}");
        var missing = Members(type).Where(member => !Regex.IsMatch(section, $@"^\| `{member.Name}[`(\[]", RegexOptions.Multiline))
            .ToArray();
        Assert.True(
            missing.Length == 0, $"in its section `{Shown(type)}`, docs/contract.md lacks\n{string.Join('\n', missing.Select(Line))}");
    }

    private static string Section(Type type) => string.Join('\n',
        [$"### `{Shown(type)}`", "", Sentence($"T:{type.FullName}"), "", "| member | is |", "|---|---|", .. Members(type).Select(Line)]);

    private static string Shown(Type type) =>
        type.IsGenericType
            ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(each => each.Name))}>"
            : type.Name;

    private static IEnumerable<MemberInfo> Members(Type type) => type.IsSubclassOf(typeof(Delegate)) ? [] :
        type.GetMembers(
            BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static)
            .Where(member => !OfObjects.Contains(member.Name) && !member.Name.Contains('<') && !member.Name.Contains('.') && member switch
            {
                MethodInfo method => !method.IsSpecialName && (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly),
                PropertyInfo property =>
                    property.Name != "EqualityContract" && property.GetMethod is { } getter && (getter.IsPublic || getter.IsFamily),
                FieldInfo field => field is { IsPublic: true, IsSpecialName: false },
                _ => false,
            })
            .DistinctBy(member => member.Name);

    private static string Line(MemberInfo member)
    {
        var (type, parameters) = (member.DeclaringType!.FullName, (member as MethodInfo)?.GetParameters());
        var key = Documentation.Keys.FirstOrDefault(
            each => Regex.IsMatch(each, $@"^[MPF]:{Regex.Escape(type!)}\.{member.Name}(``\d+)?(\(.*)?$"))
            ?? "";
        var arguments = parameters is null ? "" : $"({string.Join(", ", parameters.Select(each => each.Name))})";
        return $"| `{member.Name}{arguments}` | {(Sentence(key) is { Length: > 0 } sentence ? sentence : OfParameter(type!, member.Name))} "
            + "|";
    }

    /// <summary>What a record says of a member among its parameters.</summary>
    private static string OfParameter(string type, string name) =>
        Documentation.GetValueOrDefault($"T:{type}")?.Elements("param")
            .FirstOrDefault(each => (string?)each.Attribute("name") == name) is { } parameter
            ? Line(parameter)
            : "";

    private static string Sentence(string key) =>
        Documentation.GetValueOrDefault(key)?.Element("summary") is { } summary ? Line(summary) : "";

    private static string Line(XElement element) => Regex.Replace(string.Concat(element.Nodes().Select(Text)), @"\s+", " ").Trim();

    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement reference when (string?)(reference.Attribute("cref")
            ?? reference.Attribute("name")
            ?? reference.Attribute("langword")) is { } name
            && !reference.Nodes().Any() =>
            $"`{Regex.Replace(name.Split('(')[0].Split('.')[^1], @"`+\d", "")}`",
        XElement element => string.Concat(element.Nodes().Select(Text)),
        _ => "",
    };
}
