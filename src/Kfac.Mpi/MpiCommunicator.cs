using System.Diagnostics;
using System.Globalization;
using Kfac.Parallel;

namespace Kfac.Mpi;

/// <summary>
/// The ranks that <c>mpirun</c> (or <c>srun</c>, or MPICH's <c>mpiexec</c>) started together, over the Open MPI or MPICH that is
/// installed. A rank that gives no sign of life for 20 s (<c>KFAC_MPI_PATIENCE</c>, in seconds) ends the others.
/// </summary>
#pragma warning disable CA1001 // It ends with the process, and disposes of its fields then.
public sealed unsafe class MpiCommunicator : Communicator
#pragma warning restore CA1001
{
    private const double UsualPatience = 20;

    /// <summary>How often a message is asked for at once, then for how long before the thread sleeps in between.</summary>
    private const int Spins = 500;

    /// <summary>What the launchers of Open MPI and MPICH leave in a process's environment.</summary>
    private static readonly string[] MarksOfLaunchers = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"];

    private static readonly TimeSpan Impatience = TimeSpan.FromMilliseconds(50);

    private static readonly Lazy<MpiCommunicator> OfProcess = new(Create);

    private readonly MpiLibrary _mpi;
    private readonly SignsOfLife _signs;
    private readonly bool _finalizes;
    private bool _hasFailed;

    private MpiCommunicator(MpiLibrary mpi, bool finalizes, (int Rank, int Size) place)
        : base(place.Rank, place.Size)
    {
        (_mpi, _finalizes) = (mpi, finalizes);
        double patience = double.TryParse(Environment.GetEnvironmentVariable("KFAC_MPI_PATIENCE"), CultureInfo.InvariantCulture, out double seconds) && seconds > 0 ? seconds : UsualPatience;
        _signs = new SignsOfLife(mpi, place.Rank, place.Size, TimeSpan.FromSeconds(patience));
        RanksOnThisMachine = CountNeighbours();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => End();
    }

    /// <summary>Whether a launcher of MPI has started this process.</summary>
    public static bool IsLaunched => MarksOfLaunchers.Any(name => Environment.GetEnvironmentVariable(name) is not null);

    /// <summary>All ranks. The first use initialises MPI, the end of the process finalises it; a process by itself is one rank.</summary>
    /// <exception cref="CommunicatorException">There is no MPI library, or it does not start; the message says why.</exception>
    public static MpiCommunicator World => OfProcess.Value;

    /// <inheritdoc/>
    public override int RanksOnThisMachine { get; }

    /// <inheritdoc/>
    public override void Fail(string reason)
    {
        _hasFailed = true;
        _signs.Fail(reason);
    }

    /// <inheritdoc/>
    protected override void Transfer(ReadOnlySpan<byte> outgoing, int to, Span<byte> incoming, int from)
    {
        nint sending = 0, receiving = 0;
        bool isSent = to < 0, isReceived = from < 0;
        fixed (byte* source = outgoing, destination = incoming)
        {
            if (!isReceived)
            {
                _mpi.Receive(destination, incoming.Length, from, _mpi.World, &receiving);
            }

            if (!isSent)
            {
                _mpi.Send(source, outgoing.Length, to, _mpi.World, &sending);
            }

            long start = Stopwatch.GetTimestamp();
            for (int looks = 0; ; looks++)
            {
                isReceived = isReceived || _mpi.IsDone(&receiving);
                isSent = isSent || _mpi.IsDone(&sending);
                if (isReceived && isSent)
                {
                    return;
                }

                if (looks < Spins)
                {
                    continue;
                }

                if (Stopwatch.GetElapsedTime(start) < Impatience)
                {
                    Thread.Yield();
                    continue;
                }

                Thread.Sleep(1);
                if ((_signs.FailureOf(isReceived ? -1 : from) ?? _signs.FailureOf(isSent ? -1 : to)) is { } failure)
                {
                    GiveUp(isReceived ? null : &receiving);
                    throw new CommunicatorException(failure);
                }
            }
        }
    }

    private static MpiCommunicator Create()
    {
        MpiLibrary mpi = MpiLibrary.Load();
        bool finalizes = mpi.Initialize();
        return new MpiCommunicator(mpi, finalizes, mpi.Measure());
    }

    /// <summary>What is awaited must not arrive in memory that is used for something else by then.</summary>
    private void GiveUp(nint* receiving)
    {
        _hasFailed = true;
        if (receiving != null)
        {
            _mpi.Cancel(receiving);
            for (int looks = 0; looks < 1000 && !_mpi.IsDone(receiving); looks++)
            {
                Thread.Sleep(1);
            }
        }
    }

    private int CountNeighbours()
    {
        ulong machine = Environment.MachineName.Aggregate(14695981039346656037, (hash, letter) => (hash ^ letter) * 1099511628211);
        return AllGather(machine).Count(other => other == machine);
    }

    /// <summary>All ranks end together, in peace or not at all.</summary>
    private void End()
    {
        bool isWell = !_hasFailed && Environment.ExitCode == 0;
        if (!isWell || !_signs.End())
        {
            if (isWell)
            {
                Console.Error.WriteLine($"rank {Rank} ends: {_signs.Failure}");
            }

            _mpi.Abort(Environment.ExitCode == 0 ? 1 : Environment.ExitCode);
            return;
        }

        _signs.Dispose();
        if (_finalizes)
        {
            _mpi.Complete();
        }
    }
}
