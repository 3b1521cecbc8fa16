using System.IO.Compression;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>Packages of fixtures, good ones and such as somebody might make who means harm.</summary>
internal sealed class Packages : IDisposable
{
    private readonly Fixtures _fixtures = new();

    /// <summary>A folder for packages, which is a feed.</summary>
    public string Feed => _fixtures.Folder;

    public string At(string name) => Path.Combine(Feed, name);

    /// <summary>A package of a fixture.</summary>
    /// <param name="fixture">The fixture.</param>
    /// <param name="name">The package's name.</param>
    /// <param name="version">Another version than the fixture's, or null.</param>
    /// <param name="more">Adds to it.</param>
    /// <param name="contract">Another range of contracts, or null.</param>
    public string Of(string fixture, string name, string? version = null, Action<ZipArchive>? more = null, string? contract = null)
    {
        var folder = _fixtures.Add(fixture, ".folder");
        if (version is not null)
            Fixtures.Edit(folder, "version", version);
        if (contract is not null)
            Fixtures.Edit(folder, "contract", contract);
        var path = Empty(name, zip =>
        {
            foreach (var file in Directory.GetFiles(folder))
                zip.CreateEntryFromFile(file, $"plugin/{Path.GetFileName(file)}");
            more?.Invoke(zip);
        });
        Directory.Delete(folder, recursive: true);
        return path;
    }

    /// <summary>A package with nothing in it but what is added.</summary>
    public string Empty(string name, Action<ZipArchive> fill)
    {
        using var zip = ZipFile.Open(At(name), ZipArchiveMode.Create);
        fill(zip);
        return At(name);
    }

    public void Dispose() => _fixtures.Dispose();
}
