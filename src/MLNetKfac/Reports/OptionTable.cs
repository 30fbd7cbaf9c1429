using System.Collections;
using System.Globalization;
using System.Reflection;

namespace MLNetKfac.Reports;

/// <summary>The options of a trainer that were set, by name.</summary>
internal static class OptionTable
{
    /// <summary>Each option whose value is another than that of <paramref name="defaults"/>, the options of options with a dot between.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Changed(object options, object defaults, string prefix = "")
    {
        foreach ((string name, object? value, object? usual) in Members(options, defaults))
        {
            if (value is Delegate or CancellationToken or Microsoft.ML.IDataView || Equals(value, usual))
            {
                continue;
            }

            bool hasParts = value is not (null or string or IFormattable or bool or IEnumerable or Kfac.Networks.NetworkSpec) && value.GetType().GetConstructor([]) is not null;
            yield return KeyValuePair.Create(prefix + name, hasParts ? value!.GetType().Name : Text(value));
            if (hasParts)
            {
                foreach (KeyValuePair<string, string> part in Changed(value!, Activator.CreateInstance(value!.GetType())!, $"{prefix}{name}."))
                {
                    yield return part;
                }
            }
        }
    }

    public static Html Write(IEnumerable<KeyValuePair<string, string>> rows) =>
        Html.Of($"<dl>{rows.Select(row => Html.Of($"<div><dt>{row.Key}</dt><dd>{row.Value}</dd></div>"))}</dl>");

    private static IEnumerable<(string Name, object? Value, object? Default)> Members(object options, object defaults)
    {
        const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance;
        Type type = options.GetType();
        return
        [
            .. type.GetFields(Public).Select(field => (field.Name, field.GetValue(options), field.GetValue(defaults))),
            .. type.GetProperties(Public).Where(property => property.CanWrite).Select(property => (property.Name, property.GetValue(options), property.GetValue(defaults))),
        ];
    }

    private static string Text(object? value) => value switch
    {
        null => "none",
        string text => text,
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        IDictionary map => string.Join(", ", map.Keys.Cast<object>().Select(key => $"{key} = {Text(map[key])}")),
        IEnumerable values => string.Join(", ", values.Cast<object?>().Select(Text)),
        _ => value.ToString() ?? "",
    };
}
