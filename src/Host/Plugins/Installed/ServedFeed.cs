using NuGet.Common;
using NuGet.Configuration;
using NuGet.Protocol;
using NuGet.Protocol.Core.Types;
using NuGet.Versioning;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>
/// Packages that a server gives by NuGet's protocol. A plugin's package has its plugin's id. What it says is not believed: a package that
/// it gave is looked at as any file is.
/// </summary>
internal sealed class ServedFeed : PluginFeed
{
    /// <summary>How long the server may take to say what versions it has.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>How many versions are looked at for one that is for this host, from the latest on.</summary>
    private const int Tried = 8;

    private readonly SourceRepository _repository;
    private readonly CancellationToken _cancellation;
    private readonly long _largest;
    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-feed-").FullName;

    private ServedFeed(Uri address, long largest, CancellationToken cancellation)
    {
        (Place, _largest, _cancellation) = (address.ToString(), largest, cancellation);
        _repository = Repository.Factory.GetCoreV3(Known(Place) ?? new PackageSource(Place));
    }

    /// <inheritdoc/>
    public override string Place { get; }

    /// <summary>The feed of an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="cancellation">Ends what the server is asked.</param>
    /// <param name="largest">The largest package that is taken, in bytes. Default: 4 GiB.</param>
    /// <exception cref="UsageException">It is no address, of another protocol, or holds a password, which would be written
    /// down.</exception>
    public static ServedFeed At(string address, CancellationToken cancellation = default, long largest = 4L << 30)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            throw new UsageException($"--source {address}: a feed is a folder of .nupkg files, or an address that begins with "
                + $"https:// or http://");
        if (uri.UserInfo.Length > 0)
            throw new UsageException(
                $"--source: the address of {uri.Host} holds a name or password, which would be written down; leave them out, and "
                    + $"give them to `dotnet nuget add source`");
        return new ServedFeed(uri, largest, cancellation);
    }

    /// <inheritdoc/>
    public override FeedPackage Latest(string id)
    {
        var versions = Versions(id);
        if (versions.Length == 0)
            throw new UsageException($"{Place} holds no package `{id}`; a plugin's package is called by the plugin's id");
        List<FeedPackage> unfit = [];
        foreach (var version in versions.Take(Tried))
        {
            if (Downloaded(id, version) is not { } package)
                throw new UsageException($"{Place}: the package `{id}` {version.ToNormalizedString()} holds no plugin; `dotnet pack` "
                    + $"of a project that refers to VoxelZoo.Abstractions makes a package of one");
            if (package.Manifest.Id != id)
                throw new UsageException($"{Place}: the package `{id}` {version.ToNormalizedString()} holds the plugin "
                    + $"`{package.Manifest.Id}`, and is not taken for it; download it, and install the file");
            if (package.Fits)
                return package;
            unfit.Add(package);
        }

        throw Unfit(id, unfit);
    }

    /// <inheritdoc/>
    public override FeedPackage? Later(string id, NuGetVersion than) => Versions(id)
        .TakeWhile(version => version > than)
        .Take(Tried)
        .Select(version => Downloaded(id, version))
        .FirstOrDefault(package => package is { Fits: true } && package.Manifest.Id == id && package.Version > than);

    /// <inheritdoc/>
    public override void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The source as the user told NuGet of it, with its credentials; null where it is not told of.</summary>
    private static PackageSource? Known(string address)
    {
        try
        {
            return new PackageSourceProvider(Settings.LoadDefaultSettings(Environment.CurrentDirectory)).LoadPackageSources()
                .FirstOrDefault(source => source.IsEnabled && source.Source.TrimEnd('/') == address.TrimEnd('/'));
        }
        catch (NuGetConfigurationException)
        {
            return null; // a broken file of NuGet's concerns no plugin
        }
    }

    /// <summary>The versions of a package, the latest first; those before a release only where nothing was released.</summary>
    private NuGetVersion[] Versions(string id)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        patience.CancelAfter(Patience);
        return Asked(patience.Token, async (packages, cache) =>
        {
            var versions = await packages.GetAllVersionsAsync(id, cache, NullLogger.Instance, patience.Token).ConfigureAwait(false);
            var all = versions.OrderDescending().ToArray();
            return all.Where(version => !version.IsPrerelease).ToArray() is { Length: > 0 } released ? released : all;
        });
    }

    private FeedPackage? Downloaded(string id, NuGetVersion version)
    {
        var name = $"{id} {version.ToNormalizedString()}";
        var path = Path.Combine(_folder, $"{id}.{version.ToNormalizedString()}.nupkg");
        using var tooLarge = new CancellationTokenSource();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_cancellation, tooLarge.Token);
        try
        {
            using var file = new CappedFile(path, _largest, tooLarge);
            if (!Asked(stop.Token, (packages, cache) => packages.CopyNupkgToStreamAsync(id, version, file, cache, NullLogger.Instance,
                stop.Token)))
                throw new UsageException($"--source {Place}: the server does not give {name}, of which it told");
        }
        catch (Exception) when (tooLarge.IsCancellationRequested)
        {
            throw new UsageException($"--source {Place}: the package of {name} has more than {_largest >> 20} MiB; download it, and "
                + $"install the file");
        }

        return Opened(path, $"{Place}#{id}/{version.ToNormalizedString()}");
    }

    private T Asked<T>(CancellationToken stop, Func<FindPackageByIdResource, SourceCacheContext, Task<T>> ask)
    {
        using var cache = new SourceCacheContext { NoCache = true, DirectDownload = true };
        try
        {
            return Answer().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested || !_cancellation.IsCancellationRequested)
        {
            throw new UsageException($"--source {Place}: the server did not answer in time");
        }
        catch (Exception e) when (e is not (OperationCanceledException or UsageException or IOException or UnauthorizedAccessException))
        {
            // whatever a server says can come back as any exception
            throw new UsageException($"--source {Place}: the server does not answer as a feed of NuGet's: "
                + $"{Thrown.FirstLine(e.GetBaseException())}", e);
        }

        async Task<T> Answer()
        {
            var packages = await _repository.GetResourceAsync<FindPackageByIdResource>(stop).ConfigureAwait(false)
                ?? throw new FatalProtocolException("it has no packages");
            return await ask(packages, cache).ConfigureAwait(false);
        }
    }

    /// <summary>A file that stops what writes it where it becomes too large.</summary>
    private sealed class CappedFile(string path, long largest, CancellationTokenSource stop)
        : FileStream(path, FileMode.Create, FileAccess.ReadWrite)
    {
        public override void Write(byte[] array, int offset, int count)
        {
            Require(count);
            base.Write(array, offset, count);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            Require(count);
            return base.WriteAsync(buffer, offset, count, cancellationToken);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Require(buffer.Length);
            return base.WriteAsync(buffer, cancellationToken);
        }

        private void Require(int more)
        {
            if (Position + more <= largest)
                return;
            stop.Cancel();
            throw new OperationCanceledException(stop.Token);
        }
    }
}
