using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VoxelZoo.Tensors.Convolutions;

namespace VoxelZoo.Tensors.Native;

/// <summary>
/// Loads libtorch and TorchSharp's native library once, by full path, before the first tensor. Everything that uses tensors
/// passes through here: the host, tests, benchmarks and the kits of plugin authors. Then it checks that convolutions are right.
/// </summary>
public static class NativeTorch
{
    /// <summary>
    /// Environment variable that names a folder with another libtorch 2.10, e.g. a PyTorch installation's <c>torch/lib</c>.
    /// </summary>
    public const string DirectoryVariable = "VOXELZOO_LIBTORCH";

    /// <summary>
    /// AppContext key under which a build may say where libtorch lies, so that it need not be copied beside each program.
    /// </summary>
    public const string DirectoryKey = "VoxelZoo.Libtorch";

    private const string MissingVersion = "GLIBCXX_3.4.32";
    private static readonly Lock Gate = new();
    private static NativeTorchReport? _report;

    /// <summary>What was loaded from where, or null while nothing was loaded.</summary>
    public static NativeTorchReport? Report => _report;

    /// <summary>Loads the native libraries and checks what they compute; later calls return the first call's report.</summary>
    /// <exception cref="DllNotFoundException">
    /// libtorch or the shim is missing or does not load; the message says which file and why.
    /// </exception>
    /// <exception cref="UntrustworthyTorchException">What they compute is wrong and cannot be cured.</exception>
    public static NativeTorchReport Load()
    {
        lock (Gate)
        {
            if (_report is not null)
                return _report;
            var loaded = LoadOnce();
            return _report = OperatingSystem.IsLinux() ? loaded with { Convolutions = ConvolutionCheck.Run() } : loaded;
        }
    }

#pragma warning disable CA2255 // the one place where loading must not depend on the user remembering it
    [ModuleInitializer]
    internal static void LoadWithModule() => Load();
#pragma warning restore CA2255

    private static NativeTorchReport LoadOnce()
    {
        if (!OperatingSystem.IsLinux())
            return new NativeTorchReport("TorchSharp's own search", null, null); // the shim loads as it is elsewhere

        var shim = FindShim();
        var directory = LibtorchDirectory(shim);
        OpenMp.WaitBriefly();
        FreedMemory.Keep();
        LoadLibrary(Path.Combine(directory, "libc10.so"));
        var core = LoadLibrary(Path.Combine(directory, "libtorch_cpu.so"));
        LoadLibrary(Path.Combine(directory, "libtorch.so"));
        NativeLibrary.SetDllImportResolver(typeof(NativeTorch).Assembly, (name, _, _) => name == Libtorch.Library ? core : 0);
        // a CUDA libtorch has one more, which registers the device's kernels
        if (File.Exists(Path.Combine(directory, "libtorch_cuda.so")))
            LoadLibrary(Path.Combine(directory, "libtorch_cuda.so"));

        if (NativeLibrary.TryLoad(shim, out _))
            return new NativeTorchReport(directory, shim, null);

        var bytes = File.ReadAllBytes(shim);
        if (!Weaken(bytes))
            LoadLibrary(shim); // not the known trouble: let the loader say what it is
        return new NativeTorchReport(
            directory,
            PatchedShim.Load(bytes, LoadLibrary),
            $"this system's libstdc++ lacks {MissingVersion}; loaded a copy that needs it only weakly");
    }

    private static bool Weaken(byte[] shim)
    {
        try
        {
            return ElfVersions.Weaken(shim, MissingVersion) > 0;
        }
        catch (InvalidDataException)
        {
            return false; // damaged: the loader's own message says more
        }
    }

    private static nint LoadLibrary(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (DllNotFoundException e)
        {
            throw new DllNotFoundException(
                FirstLine(e) is var why && why.StartsWith(path, StringComparison.Ordinal)
                    ? $"cannot load {why}"
                    : $"cannot load {path}: {why}",
                e);
        }
    }

    // "Unable to load shared library '…' or one of its dependencies …: the loader's reason"
    private static string FirstLine(DllNotFoundException e) =>
        e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault(l => l.Contains(".so"))
            ?? e.Message;

    private static string FindShim()
    {
        var candidates = new[]
        {
            Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", "libLibTorchSharp.so"),
            Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so"),
            Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so"),
        };
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new DllNotFoundException(
                $"libLibTorchSharp.so is not beside the program ({AppContext.BaseDirectory}); reference the TorchSharp package");
    }

    private static string LibtorchDirectory(string shim)
    {
        var beside = Path.GetDirectoryName(shim)!;
        if (Environment.GetEnvironmentVariable(DirectoryVariable) is { Length: > 0 } chosen)
            return Chosen(Path.TrimEndingDirectorySeparator(Path.GetFullPath(chosen)), beside);

        var candidates = new[] { beside, AppContext.GetData(DirectoryKey) as string };
        return candidates.FirstOrDefault(d => d is not null && File.Exists(Path.Combine(d, "libtorch_cpu.so")))
            ?? throw new DllNotFoundException(
                $"no libtorch_cpu.so in {beside}; reference the package TorchSharp-cpu or set {DirectoryVariable} to a folder that has it");
    }

    internal static string Chosen(string directory, string beside)
    {
        if (!File.Exists(Path.Combine(directory, "libtorch_cpu.so")))
            throw new DllNotFoundException(
                $"{DirectoryVariable} is {directory}, where there is no libtorch_cpu.so; point it at a folder such as torch/lib");
        // TorchSharp itself would load the carried one as a second libtorch, and the process would abort
        if (directory != beside && File.Exists(Path.Combine(beside, "libtorch_cpu.so")))
            throw new DllNotFoundException(
                $"{DirectoryVariable} is {directory}, but this program carries a libtorch of its own in {beside}; "
                + "build it with -p:TorchBackend=none, or delete that one");
        return directory;
    }
}

/// <summary>How the native libraries were loaded, for <c>plugins doctor</c> and bug reports.</summary>
/// <param name="Libtorch">Folder that libtorch came from.</param>
/// <param name="Shim">TorchSharp's native library as loaded, or null where TorchSharp's own search was used.</param>
/// <param name="Cure">What had to be done to load it, or null.</param>
public sealed record NativeTorchReport(string Libtorch, string? Shim, string? Cure)
{
    /// <summary>What was found of its convolutions; null on systems where they are not checked.</summary>
    public ConvolutionReport? Convolutions { get; init; }

    /// <summary>What the user has to be told because it costs time, or null.</summary>
    public string? Warning => Convolutions is { OneDnn: false, Cures: var cures } ? cures[^1] : null;

    /// <summary>Everything that was cured, a sentence each.</summary>
    public IReadOnlyList<string> Cures => [.. Cure is null ? [] : new[] { Cure }, .. Convolutions?.Cures ?? []];
}
