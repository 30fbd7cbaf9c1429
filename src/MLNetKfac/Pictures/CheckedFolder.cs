namespace MLNetKfac.Pictures;

/// <summary>The check of a folder, made when its result is first asked for. One that failed or was cancelled is made again by the next who asks.</summary>
internal sealed class CheckedFolder(Func<FolderContent> check)
{
    private readonly Lock _checking = new();
    private FolderContent? _content;

    /// <exception cref="InvalidOperationException">The check itself asks, by the callback that tells of its progress.</exception>
    public FolderContent Content
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
