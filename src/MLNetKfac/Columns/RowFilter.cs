namespace MLNetKfac.Columns;

/// <summary>Which rows cannot be trained on, and how many there were of each kind.</summary>
internal sealed class RowFilter(ImageColumns columns)
{
    private long _rows;
    private long _withoutLabel;
    private long _notFinite;
    private long _withoutWeight;
    private string? _firstNotFinite;
    private string? _firstWithoutWeight;

    /// <summary>Whether there were any rows, usable or not.</summary>
    public bool HasRows => _rows > 0;

    /// <summary>Counts a row, and says whether it is usable.</summary>
    public bool Accepts(long row, RowHead head)
    {
        _rows++;
        if (!head.HasLabel)
        {
            _withoutLabel++;
        }
        else if (!head.HasWeight)
        {
            _withoutWeight++;
            _firstWithoutWeight ??= $"row {row}, {head.Weight} in column '{columns.Weight!.Value.Name}'";
        }
        else if (!head.IsUsable)
        {
            _notFinite++;
            _firstNotFinite ??= $"row {row}, value {head.NotFinite} of column '{columns.Features.Name}'";
        }

        return head.IsUsable;
    }

    /// <summary>A sentence for each kind of row that was left out.</summary>
    public IEnumerable<string> Sentences()
    {
        if (_withoutLabel > 0)
        {
            yield return $"{_withoutLabel} of {_rows} rows have no label and are left out";
        }

        if (_withoutWeight > 0)
        {
            yield return $"{_withoutWeight} of {_rows} rows have a weight that is missing, negative or infinite and are left out; the first is {_firstWithoutWeight}";
        }

        if (_notFinite > 0)
        {
            yield return $"{_notFinite} of {_rows} rows have a pixel that is NaN or infinite and are left out; the first is {_firstNotFinite}";
        }
    }
}
