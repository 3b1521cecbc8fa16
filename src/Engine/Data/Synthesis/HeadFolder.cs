using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>Finds the head that ships, wherever the program is started.</summary>
public static class HeadFolder
{
    /// <summary>The folder itself, or the one of that name under a parent of the working directory or of the program.</summary>
    public static string Find(string folder) =>
        Directory.Exists(folder)
            ? folder
            : NearFolders.Above().Select(place => Path.Combine(place, folder)).FirstOrDefault(Directory.Exists) ?? folder;
}
