namespace Hostdev.Kube.Client;

/// <summary>
/// A file whose content changes while we run: a token or certificate that something else renews. Read again when it is asked for and the
/// last look is a minute old (as client-go does). While a new content cannot be read or understood, the last good one stays.
/// </summary>
internal sealed class RereadFile<T>(string path, string field, Func<byte[], T> parse, TimeProvider time)
    where T : class
{
    private static readonly TimeSpan _trusted = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private long _looked;
    private byte[]? _bytes;
    private T? _value;

    /// <param name="now">Look at the file whatever the age of the last look: what we have was refused.</param>
    public T Read(bool now = false)
    {
        lock (_gate)
        {
            if (_value is not null && !now && time.GetElapsedTime(_looked) < _trusted)
                return _value;
            try
            {
                var bytes = File.ReadAllBytes(path);
                // The same content stays the same value: whoever holds connections made with it keeps them.
                if (_value is null || !bytes.AsSpan().SequenceEqual(_bytes))
                {
                    _value = parse(bytes);
                    _bytes = bytes;
                }
            }
            catch (Exception e) when (_value is not null && e is IOException or UnauthorizedAccessException or KubeConfigurationException)
            {
                // Half written, or replaced at this moment: the next look finds it.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new KubeConfigurationException(
                    $"{field}: {path} cannot be read: {e.Message}. Correct the path or the file's permissions",
                    e
                );
            }

            _looked = time.GetTimestamp();
            return _value;
        }
    }
}
