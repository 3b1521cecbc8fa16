using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>A server of NuGet's protocol, version 3, within the tests' own process.</summary>
internal sealed class NugetServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Dictionary<string, byte[]> _answers = [];
    private readonly string _root;

    public NugetServer()
    {
        // a port that is free; another process may take it in between, then the next one is tried
        for (var port = 20_000 + Environment.ProcessId % 20_000; ; port++)
        {
            _root = $"http://localhost:{port}";
            _listener.Prefixes.Clear();
            _listener.Prefixes.Add(_root + "/");
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException)
            {
            }
        }

        Say("/index.json", new JsonObject
        {
            ["version"] = "3.0.0",
            ["resources"] = new JsonArray(new JsonObject { ["@id"] = _root + "/packages/", ["@type"] = "PackageBaseAddress/3.0.0" }),
        });
        _ = Serve();
    }

    /// <summary>The address of the feed.</summary>
    public string Address => _root + "/index.json";

    /// <summary>What was asked for that packages are downloaded by.</summary>
    public List<string> Downloads { get; } = [];

    /// <summary>Gives versions of a package from files.</summary>
    public void Give(string id, params (string Version, string File)[] versions)
    {
        Say($"/packages/{id}/index.json", new JsonObject { ["versions"] = new JsonArray([.. versions
            .Select(one => JsonValue.Create(one.Version))]) });
        foreach (var (version, file) in versions)
            _answers[$"/packages/{id}/{version}/{id}.{version}.nupkg"] = File.ReadAllBytes(file);
    }

    /// <summary>Answers with anything.</summary>
    public void Say(string path, JsonNode json) => _answers[path] = Encoding.UTF8.GetBytes(json.ToJsonString());

    private async Task Serve()
    {
        while (true)
        {
            HttpListenerContext asked;
            try
            {
                asked = await _listener.GetContextAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            var path = asked.Request.Url!.AbsolutePath;
            if (path.EndsWith(".nupkg", StringComparison.Ordinal))
                Downloads.Add(path.Split('/')[^1]);
            if (_answers.TryGetValue(path, out var bytes))
                await asked.Response.OutputStream.WriteAsync(bytes).ConfigureAwait(false);
            else
                asked.Response.StatusCode = 404;
            asked.Response.Close();
        }
    }

    public void Dispose() => _listener.Close();
}
