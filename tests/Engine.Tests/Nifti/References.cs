using System.Text.Json;

namespace VoxelZoo.Engine.Tests.Nifti;

/// <summary>The reference files beside the test program.</summary>
internal static class References
{
    public static string Path(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "Reference", "nifti", name);

    public static JsonElement Facts { get; } = JsonDocument.Parse(File.ReadAllText(Path("facts.json"))).RootElement;

    public static TheoryData<string> Good => [.. Facts.GetProperty("good").EnumerateObject().Select(file => file.Name)];

    public static TheoryData<string> Bad => [.. Facts.GetProperty("bad").EnumerateArray().Select(file => file.GetString()!)];
}
