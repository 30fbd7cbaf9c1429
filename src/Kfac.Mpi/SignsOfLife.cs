using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Kfac.Mpi;

/// <summary>
/// A thread that tells all ranks every second that this one lives, and hears the same of them: MPI itself never notices a peer
/// that was stopped or a cable that was cut. Also how a rank tells the others that it failed, or that it has come to its end.
/// </summary>
internal sealed unsafe class SignsOfLife : IDisposable
{
    private const int MessageLength = 512;

    private const byte Lives = 0, Failed = 1, Ended = 2;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1), Look = TimeSpan.FromMilliseconds(100);

    private readonly MpiLibrary _mpi;
    private readonly nint _communicator;
    private readonly TimeSpan _patience;
    private readonly Peer[] _peers;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private byte _state = Lives;
    private string _reason = "";
    private string? _failure;
    private Exception? _broken;
    private bool _stopping;

    /// <param name="mpi">The library.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="size">Number of ranks.</param>
    /// <param name="patience">How long a rank may be silent.</param>
    public SignsOfLife(MpiLibrary mpi, int rank, int size, TimeSpan patience)
    {
        (_mpi, _communicator, _patience) = (mpi, mpi.Duplicate(), patience);
        _peers = [.. Enumerable.Range(0, size).Where(other => other != rank).Select(other => new Peer(other))];
        _thread = new Thread(Serve) { IsBackground = true, Name = "Kfac signs of life" };
        _thread.Start();
    }

    /// <summary>Null, or why nothing will come any more.</summary>
    public string? Failure
    {
        get
        {
            lock (_gate)
            {
                return _failure ?? _broken?.Message;
            }
        }
    }

    /// <summary>The same of rank <paramref name="rank"/>, which may also have come to its end; -1 for no rank.</summary>
    public string? FailureOf(int rank)
    {
        lock (_gate)
        {
            return Failure ?? (_peers.FirstOrDefault(peer => peer.Rank == rank) is { HasEnded: true } ? $"rank {rank} has ended, while something was still expected of it" : null);
        }
    }

    /// <summary>Tells all ranks that this one failed.</summary>
    public void Fail(string reason) => Tell(Failed, reason);

    /// <summary>Tells all ranks that this one has nothing more to say, and waits for them to say the same.</summary>
    /// <returns>Whether they did; one of them failed otherwise.</returns>
    public bool End()
    {
        Tell(Ended, "");
        while (true)
        {
            lock (_gate)
            {
                if (Failure is not null || _peers.All(peer => peer.HasEnded))
                {
                    return Failure is null;
                }
            }

            Thread.Sleep(Look);
        }
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
        }

        _thread.Join();
        Array.ForEach(_peers, peer => peer.Dispose());
    }

    /// <summary>Returns when the message is on its way to everybody who can be reached within a few seconds.</summary>
    private void Tell(byte state, string reason)
    {
        lock (_gate)
        {
            (_state, _reason) = (state, reason);
            Array.ForEach(_peers, peer => peer.IsTold = false);
        }

        for (int looks = 0; looks < 30; looks++, Thread.Sleep(Look))
        {
            lock (_gate)
            {
                if (_broken is not null || _peers.All(peer => peer.IsTold))
                {
                    return;
                }
            }
        }
    }

    private void Serve()
    {
        try
        {
            var clock = Stopwatch.StartNew();
            TimeSpan last = clock.Elapsed;
            while (true)
            {
                TimeSpan now = clock.Elapsed;
                lock (_gate)
                {
                    if (_stopping)
                    {
                        return;
                    }

                    // A process that was itself asleep has missed nothing: no look counts for more than a period.
                    TimeSpan passed = now - last < Period ? now - last : Period;
                    last = now;
                    foreach (Peer peer in _peers)
                    {
                        Hear(peer, passed);
                        Speak(peer, passed);
                    }
                }

                Thread.Sleep(Look);
            }
        }
        catch (Exception exception)
        {
            lock (_gate)
            {
                _broken = exception;
            }
        }
    }

    private void Hear(Peer peer, TimeSpan passed)
    {
        if (peer.HasEnded)
        {
            return;
        }

        if (!peer.IsListening)
        {
            _mpi.Receive(peer.Incoming, MessageLength, peer.Rank, _communicator, peer.IncomingRequest);
            peer.IsListening = true;
        }

        peer.Silence += passed;
        if (_mpi.IsDone(peer.IncomingRequest))
        {
            (peer.IsListening, peer.Silence) = (false, TimeSpan.Zero);
            peer.HasEnded = peer.Incoming[0] == Ended;
            if (peer.Incoming[0] == Failed)
            {
                _failure ??= $"rank {peer.Rank} failed: {peer.Read()}";
            }
        }
        else if (peer.Silence > _patience)
        {
            _failure ??= $"rank {peer.Rank} has given no sign of life for {_patience.TotalSeconds:F0} s";
        }
    }

    private void Speak(Peer peer, TimeSpan passed)
    {
        peer.SinceSpoken += passed;
        if (peer.IsSpeaking && _mpi.IsDone(peer.OutgoingRequest))
        {
            peer.IsSpeaking = false;
            peer.IsTold = peer.Outgoing[0] == _state;
        }

        // After its end a rank is not listened to any more.
        bool isDue = !peer.IsTold && _state != Lives || (peer.SinceSpoken >= Period && _state != Ended);
        if (!peer.IsSpeaking && isDue && !(peer.IsTold && _state == Ended))
        {
            peer.Write(_state, _reason);
            _mpi.Send(peer.Outgoing, MessageLength, peer.Rank, _communicator, peer.OutgoingRequest);
            (peer.IsSpeaking, peer.SinceSpoken) = (true, TimeSpan.Zero);
        }
    }

    /// <summary>Another rank, and memory that does not move for the messages from and to it.</summary>
    private sealed class Peer(int rank) : IDisposable
    {
        private readonly byte* _memory = (byte*)NativeMemory.AllocZeroed(2 * MessageLength + 2 * (nuint)sizeof(nint));

        public int Rank => rank;

        public bool IsListening { get; set; }

        public bool IsSpeaking { get; set; }

        public bool IsTold { get; set; }

        public bool HasEnded { get; set; }

        public TimeSpan Silence { get; set; }

        public TimeSpan SinceSpoken { get; set; } = Period;

        public nint* IncomingRequest => (nint*)_memory;

        public nint* OutgoingRequest => (nint*)_memory + 1;

        public byte* Incoming => _memory + 2 * sizeof(nint);

        public byte* Outgoing => Incoming + MessageLength;

        public string Read() => Marshal.PtrToStringUTF8((nint)(Incoming + 1)) ?? "";

        /// <summary>State and reason, cut off where it is too long, with a zero at the end.</summary>
        public void Write(byte state, string reason)
        {
            var message = new Span<byte>(Outgoing, MessageLength);
            message.Clear();
            message[0] = state;
            Encoding.UTF8.GetEncoder().Convert(reason, message[1..^1], flush: true, out _, out _, out _);
        }

        public void Dispose() => NativeMemory.Free(_memory);
    }
}
