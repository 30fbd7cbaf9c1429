using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>Binds a generic method to a type argument that is known only at run time.</summary>
internal static class TypeArgument
{
    /// <param name="sample">The method with any type argument, for instance <c>MakeGetter&lt;int&gt;</c>; the argument must not occur in its signature.</param>
    /// <param name="types">The type arguments to use in its place.</param>
    public static TDelegate Close<TDelegate>(TDelegate sample, params Type[] types)
        where TDelegate : Delegate
    {
        MethodInfo method = sample.Method.GetGenericMethodDefinition().MakeGenericMethod(types);
        return (TDelegate)method.CreateDelegate(typeof(TDelegate), sample.Target);
    }
}
