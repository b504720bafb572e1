using System.Buffers;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hostdev.Kubectl.Commands;

/// <summary>
/// A support bundle while it is written: a tar.gz, entry by entry, each of which is in memory while it is written and no longer. What could
/// not be read is noted, and stands in it at the end.
/// </summary>
internal sealed class BundleFile : IAsyncDisposable
{
    public const string MissingName = "missing.txt";

    private static readonly JsonWriterOptions s_indented = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for people to read; nothing of it goes into HTML
    };

    private readonly TarWriter _tar;
    private readonly DateTimeOffset _time;
    private readonly string _folder;
    private readonly List<string> _missing = [];

    /// <param name="to">Is closed with it.</param>
    /// <param name="folder">That all entries are in, so that whoever unpacks it finds them together.</param>
    public BundleFile(Stream to, string folder, DateTimeOffset time)
    {
        (_folder, _time) = (folder, time);
        _tar = new TarWriter(new GZipStream(to, CompressionLevel.Optimal), TarEntryFormat.Pax, leaveOpen: false);
    }

    public int Entries { get; private set; }

    /// <summary>What could not be read, each with why.</summary>
    public IReadOnlyList<string> Missing => _missing;

    public void Lack(string what, string why) => _missing.Add($"{what}: {why}");

    /// <param name="name">With slashes; whatever else stands in it that is no good name becomes a dash.</param>
    public async Task AddAsync(string name, string text, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream(Encoding.UTF8.GetBytes(text), writable: false);
        var entry = new PaxTarEntry(TarEntryType.RegularFile, $"{_folder}/{FileName(name)}")
        {
            DataStream = content,
            ModificationTime = _time,
            Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        await _tar.WriteEntryAsync(entry, cancellationToken).ConfigureAwait(false);
        Entries++;
    }

    public Task AddAsync(string name, JsonObject json, CancellationToken cancellationToken)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text, s_indented))
            json.WriteTo(writer);
        return AddAsync(name, Encoding.UTF8.GetString(text.WrittenSpan) + "\n", cancellationToken);
    }

    /// <summary>Objects, one in a line.</summary>
    public Task AddAsync(string name, IEnumerable<JsonObject> lines, CancellationToken cancellationToken) =>
        AddAsync(name, string.Concat(lines.Select(l => l.ToJsonString() + "\n")), cancellationToken);

    public Task AddMissingAsync(CancellationToken cancellationToken) =>
        AddAsync(
            MissingName,
            _missing.Count == 0 ? "Nothing: everything that was asked for could be read.\n" : string.Concat(_missing.Select(m => m + "\n")),
            cancellationToken
        );

    public async ValueTask DisposeAsync() => await _tar.DisposeAsync().ConfigureAwait(false);

    /// <summary>Names of objects come from the cluster: none leads out of the folder.</summary>
    private static string FileName(string name) =>
        string.Join(
            '/',
            name.Split('/')
                .Select(part => string.Concat(part.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '-')))
                .Select(part => part.Trim('.') is { Length: > 0 } kept ? kept : "-")
        );
}
