using System.Numerics;

namespace Kfac;

/// <summary>
/// What something remembers, by name: arrays and numbers. Each class names what it remembers in one method, which serves to
/// copy it out and to bring it back.
/// </summary>
internal sealed class StateDictionary
{
    private readonly Dictionary<string, float[]> _arrays = [];
    private readonly Dictionary<string, double> _numbers = [];
    private bool _isRestoring;

    /// <summary>A copy of what <paramref name="exchange"/> names.</summary>
    public static StateDictionary Capture(Action<StateDictionary> exchange)
    {
        var state = new StateDictionary();
        exchange(state);
        return state;
    }

    /// <summary>Brings the copy back to what <paramref name="exchange"/> names.</summary>
    /// <returns>False, and nothing changed, where it names other things, or arrays of other lengths.</returns>
    public bool TryRestore(Action<StateDictionary> exchange)
    {
        StateDictionary present = Capture(exchange);
        if (!present._numbers.Keys.ToHashSet().SetEquals(_numbers.Keys)
            || !present._arrays.Select(array => (array.Key, array.Value.Length)).ToHashSet().SetEquals(_arrays.Select(array => (array.Key, array.Value.Length))))
        {
            return false;
        }

        _isRestoring = true;
        exchange(this);
        _isRestoring = false;
        return true;
    }

    /// <summary>Copies an array out or back.</summary>
    public void CaptureOrRestore(string name, Span<float> values)
    {
        if (_isRestoring)
        {
            _arrays[name].CopyTo(values);
        }
        else
        {
            _arrays.Add(name, values.ToArray());
        }
    }

    /// <summary>Copies a number out or back.</summary>
    public void CaptureOrRestore<T>(string name, ref T number)
        where T : INumber<T>
    {
        if (_isRestoring)
        {
            number = T.CreateChecked(_numbers[name]);
        }
        else
        {
            _numbers.Add(name, double.CreateChecked(number));
        }
    }
}
