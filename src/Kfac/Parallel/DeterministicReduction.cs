namespace Kfac.Parallel;

/// <summary>What adds the result of a slice, which is in <paramref name="slot"/>, to those before it.</summary>
internal delegate void AddSlice(int slot, bool isFirst);

/// <summary>
/// Adds up the results of the slices 0, 1, 2, … of a region in that order, whichever worker ends first, each as soon as its turn
/// comes: the same bits for any number of workers. A slice's result is in a slot that is free again once it has been added,
/// so that few slots are in use, and those stay in the cache. Nobody ever waits, nothing is allocated.
/// </summary>
internal sealed class DeterministicReduction
{
    private const int Unfinished = -1;

    private readonly object _gate = new();
    private readonly AddSlice _add;
    private readonly bool[] _isTaken;
    private readonly int[] _slotOf;
    private int _next;
    private bool _isAdding;

    /// <param name="slots">Slots there are, one for each slice of the largest region.</param>
    /// <param name="add">Called for one slice after the other, by the worker that ends one.</param>
    public DeterministicReduction(int slots, AddSlice add)
    {
        _add = add;
        _isTaken = new bool[slots];
        _slotOf = new int[slots];
        Begin();
    }

    /// <summary>Before a region.</summary>
    public void Begin()
    {
        Array.Clear(_isTaken);
        Array.Fill(_slotOf, Unfinished);
        (_next, _isAdding) = (0, false);
    }

    /// <summary>A slot for the result of a slice that a worker begins.</summary>
    public int Take()
    {
        lock (_gate)
        {
            int slot = Array.IndexOf(_isTaken, false);
            _isTaken[slot] = true;
            return slot;
        }
    }

    /// <summary>Tells that the result of <paramref name="slice"/> is in <paramref name="slot"/>; adds it and others whose turn it is, unless another worker is at that.</summary>
    public void Finish(int slice, int slot)
    {
        lock (_gate)
        {
            _slotOf[slice] = slot;
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

    private bool TryNext(out int slot, out bool isFirst)
    {
        lock (_gate)
        {
            isFirst = _next == 0;
            slot = _next < _slotOf.Length ? _slotOf[_next] : Unfinished;
            if (slot == Unfinished)
            {
                return _isAdding = false;
            }

            _next++;
            return true;
        }
    }
}
