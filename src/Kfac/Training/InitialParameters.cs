using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Training;

/// <summary>Puts given values in place of a new network's random ones.</summary>
internal static class InitialParameters
{
    /// <param name="network">A new one.</param>
    /// <param name="values">Values of some parameters by <see cref="Parameter.Name"/>, row-major in <see cref="Parameter.Shape"/>.</param>
    /// <exception cref="ArgumentException">There is no such parameter, it has another number of values, or they are not possible; the message names it.</exception>
    public static void Apply(Network network, IReadOnlyDictionary<string, float[]> values)
    {
        foreach ((string name, float[] given) in values)
        {
            Parameter parameter = network.Store.Parameters.FirstOrDefault(parameter => parameter.Name == name)
                ?? throw Refused($"{name} is none of the network's parameters {string.Join(", ", network.Store.Parameters.Select(parameter => parameter.Name))}");
            if (given.Length != parameter.Length)
            {
                throw Refused($"{name} is [{string.Join(", ", parameter.Shape)}], {parameter.Length} values, but {given.Length} came");
            }

            int wrong = Array.FindIndex(given, value => !float.IsFinite(value));
            if (wrong >= 0)
            {
                throw Refused($"value {wrong} of {name} is {given[wrong]}");
            }

            given.CopyTo(parameter.MutableValues);
            try
            {
                parameter.RequirePossible();
            }
            catch (FormatException e)
            {
                throw Refused(e.Message);
            }
        }

        network.Store.MarkChanged();

        static ArgumentException Refused(string why) => new($"{nameof(TrainingOptions.InitialParameters)}: {why}", nameof(TrainingOptions.InitialParameters));
    }
}
