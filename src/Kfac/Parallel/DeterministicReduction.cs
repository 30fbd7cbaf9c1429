namespace Kfac.Parallel;

/// <summary>What adds the result of a slice, which is in <paramref name="place"/>, to those before it.</summary>
internal delegate void AddSlice(int place, bool isFirst);

/// <summary>
/// Adds up the results of the slices 0, 1, 2, … of a region in that order, whichever worker ends first, each as soon as its turn
/// comes: the same bits for any number of workers. A slice's result is in a place that is free again once it has been added,
/// so that few places are in use, and those stay in the cache. Nobody ever waits, nothing is allocated.
/// </summary>
internal sealed class DeterministicReduction
{
    private const int Unfinished = -1;

    private readonly object _gate = new();
    private readonly AddSlice _add;
    private readonly bool[] _isTaken;
    private readonly int[] _placeOf;
    private int _next;
    private bool _isAdding;

    /// <param name="places">Places there are, one for each slice of the largest region.</param>
    /// <param name="add">Called for one slice after the other, by the worker that ends one.</param>
    public DeterministicReduction(int places, AddSlice add)
    {
        _add = add;
        _isTaken = new bool[places];
        _placeOf = new int[places];
        Begin();
    }

    /// <summary>Before a region.</summary>
    public void Begin()
    {
        Array.Clear(_isTaken);
        Array.Fill(_placeOf, Unfinished);
        (_next, _isAdding) = (0, false);
    }

    /// <summary>A place for the result of a slice that a worker begins.</summary>
    public int Take()
    {
        lock (_gate)
        {
            int place = Array.IndexOf(_isTaken, false);
            _isTaken[place] = true;
            return place;
        }
    }

    /// <summary>Tells that the result of <paramref name="slice"/> is in <paramref name="place"/>; adds it and others whose turn it is, unless another worker is at that.</summary>
    public void Finish(int slice, int place)
    {
        lock (_gate)
        {
            _placeOf[slice] = place;
            if (_isAdding)
            {
                return;
            }

            _isAdding = true;
        }

        while (TryNext(out int next, out bool isFirst))
        {
            _add(next, isFirst);
            lock (_gate)
            {
                _isTaken[next] = false;
            }
        }
    }

    private bool TryNext(out int place, out bool isFirst)
    {
        lock (_gate)
        {
            isFirst = _next == 0;
            place = _next < _placeOf.Length ? _placeOf[_next] : Unfinished;
            if (place == Unfinished)
            {
                return _isAdding = false;
            }

            _next++;
            return true;
        }
    }
}
