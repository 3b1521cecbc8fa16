using System.Runtime.InteropServices;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Verbs.Parts;

/// <summary>Tensors that a command line names, with everything that can be wrong with them as one sentence.</summary>
internal static class TensorFile
{
    private const int Named = 8;

    /// <summary>Reads a safetensors file; the caller disposes the result.</summary>
    /// <exception cref="UsageException">The file cannot be read or breaks the format.</exception>
    public static NamedTensors Read(string path) => Refusing(() => SafetensorsFile.Read(path), path);

    /// <summary>A tensor of the file that has to have so many dimensions, and finite numbers.</summary>
    public static Tensor Get(this NamedTensors tensors, string name, params int[] dimensions)
    {
        if (!tensors.ContainsKey(name) && !tensors.Unsupported.ContainsKey(name))
            throw new UsageException($"{tensors.Source} has no tensor `{name}` (it has {Names(tensors)})");
        var tensor = Refusing(() => tensors[name], tensors.Source);
        if (!dimensions.Contains((int)tensor.dim()))
            throw new UsageException(
                $"{tensors.Source}: `{name}` is {Shape(tensor)}, expected {string.Join(" or ", dimensions)} dimensions");
        return FiniteValues.Complaint(tensor) is { } complaint
            ? throw new UsageException($"{tensors.Source}: of `{name}`, {complaint}")
            : tensor;
    }

    /// <summary>Loads a module's weights from a file, all or none.</summary>
    public static void Load(nn.Module module, string path) =>
        Refusing<object?>(
            () =>
            {
                using var weights = SafetensorsFile.Read(path);
                Weights.Load(module, weights, path);
                return null;
            },
            path);

    /// <summary>Writes a file as a whole or not at all.</summary>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors) =>
        Writing(() => SafetensorsFile.Write(path, tensors), path);

    /// <summary>Writes a file, and says in one sentence why it cannot be.</summary>
    /// <exception cref="UsageException">Nothing could ever be written there.</exception>
    /// <exception cref="UnwrittenException">Something went wrong, such as a disk that is full.</exception>
    public static void Writing(Action write, string path) =>
        Refusing<object?>(
            () =>
            {
                try
                {
                    write();
                    return null;
                }
                catch (Exception e) when (e is (IOException or UnauthorizedAccessException)
                    and not (UnwrittenException or DirectoryNotFoundException or { HResult: RegularFile.Refused })
                        && !Directory.Exists(path))
                {
                    throw new UnwrittenException(path, e);
                }
            },
            path);

    /// <summary>Runs a part on tensors of a file. What torch or the part refuses is the fault of the tensors.</summary>
    /// <param name="part">The part.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="compute">Runs it.</param>
    /// <param name="optional">The tensors that some parts need and others do not take; those that are absent are named.</param>
    public static TResult Compute<T, TResult>(
        Part<T> part, NamedTensors tensors, Func<TResult> compute, params IReadOnlyList<string> optional)
        where T : class, IPart
    {
        try
        {
            return compute();
        }
        catch (Exception e) when (e is ExternalException or ArgumentException or PlanException)
        {
            var lacking = string.Concat(optional.Where(name => !tensors.ContainsKey(name))
                .Select(name => $"; the file has no tensor `{name}`, which the {part.Kind} may need"));
            throw new UsageException(
                $"{tensors.Source}: the {part.Kind} `{part.Id}` cannot take these tensors: {LoadedPlugin.Cause(e).TrimEnd('.')}{lacking}",
                e);
        }
        catch (Exception e) when (e is not (UsageException or OperationCanceledException))
        {
            throw new PluginFailedException(
                $"the {part.Kind} `{part.Id}` of the plugin `{part.Plugin}` {part.Version} failed: {LoadedPlugin.Cause(e)}", e);
        }
    }

    /// <summary>For messages: <c>[2, 1, 16, 16, 16]</c>.</summary>
    public static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";

    // a file of weights has thousands
    private static string Names(NamedTensors tensors)
    {
        var names = tensors.Keys.Concat(tensors.Unsupported.Keys).Order(StringComparer.Ordinal).ToArray();
        return names.Length switch
        {
            0 => "none",
            <= Named => string.Join(", ", names),
            _ => $"{string.Join(", ", names.Take(Named))} and {names.Length - Named:N0} more",
        };
    }

    /// <summary>Does something with a file, and refuses what is wrong with it in one sentence.</summary>
    public static TResult Refusing<TResult>(Func<TResult> act, string path)
    {
        try
        {
            return act();
        }
        catch (InvalidDataException e)
        {
            throw new UsageException(e.Message, e);
        }
        catch (Exception e) when ((e is IOException or UnauthorizedAccessException) && Directory.Exists(path))
        {
            throw new UsageException($"{path} is a folder, expected a file", e);
        }
        catch (FileNotFoundException e)
        {
            throw new UsageException($"{path}: there is no such file", e);
        }
        catch (DirectoryNotFoundException e)
        {
            throw new UsageException($"{path}: there is no such folder", e);
        }
        catch (UnwrittenException e) when (e.IsRefusal)
        {
            throw new UsageException(e.Message, e);
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not UnwrittenException)
        {
            throw new UsageException($"{path}: {e.Message}", e);
        }
    }
}
