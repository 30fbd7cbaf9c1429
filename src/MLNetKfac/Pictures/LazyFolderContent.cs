namespace MLNetKfac.Pictures;

/// <summary>What a folder holds, by a check that is made when it is first asked for. If the check fails or is cancelled, the next who asks makes it again.</summary>
internal sealed class LazyFolderContent(Func<FolderContent> check)
{
    private readonly Lock _checking = new();
    private FolderContent? _content;

    /// <exception cref="InvalidOperationException">The check itself asks, by the callback that tells of its progress.</exception>
    public FolderContent Value
    {
        get
        {
            if (_checking.IsHeldByCurrentThread)
            {
                throw new InvalidOperationException("the pictures are being checked: their number is known when the check has ended");
            }

            lock (_checking)
            {
                return _content ??= check();
            }
        }
    }
}
