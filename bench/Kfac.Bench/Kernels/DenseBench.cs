using Kfac.Kernels;

namespace Kfac.Bench.Kernels;

/// <summary>The matrix products of one dense layer: X [N, F], W [F, K], Y [N, K].</summary>
internal sealed unsafe class DenseBench
{
    private readonly int _from, _to, _batch, _threads, _stride;
    private readonly AlignedBuffer _x, _w, _y, _bias, _dw;
    private readonly MatrixProduct _forward, _backwardData, _gradient, _squares;
    private readonly AlignedBuffer _packed;
    private readonly Barrier _packedAll;

    public DenseBench(int from, int to, int batch, int threads, InstructionSet isa)
    {
        (_from, _to, _batch, _threads) = (from, to, batch, threads);
        _stride = from % 1024 == 0 ? from + 16 : from; // as a network lays out its maps: rows 4 KB apart would meet in the same sets of the cache
        (_x, _w, _y) = (new AlignedBuffer(batch * _stride), new AlignedBuffer(from * to), new AlignedBuffer(batch * to));
        (_bias, _dw) = (new AlignedBuffer(to), new AlignedBuffer(from * to));
        Images.Fill(_x.Span, 1);
        Images.Fill(_w.Span, 2);
        _forward = new MatrixProduct(batch, to, from, isa: isa);
        _backwardData = new MatrixProduct(batch, from, to, transposeB: true, isa: isa);
        _gradient = new MatrixProduct(from, to, batch, transposeA: true, isa: isa);
        _squares = new MatrixProduct(from, to, batch, transposeA: true, squareA: true, squareB: true, isa: isa);
        _packed = new AlignedBuffer(new[] { _forward, _backwardData, _gradient, _squares }.Max(p => p.PackedLength));
        _packedAll = new Barrier(threads);
    }

    public IEnumerable<KernelPass> Passes
    {
        get
        {
            string name = $"dense {_from}-{_to}";
            double flops = 2.0 * _batch * _from * _to;
            MatrixOperands forward = Operands(_batch, _from, _x, _stride, _w, _to, _y, _to, _bias);
            MatrixOperands data = Operands(_batch, _to, _y, _to, _w, _to, _x, _stride);
            MatrixOperands filter = Operands(_from, _batch, _x, _stride, _y, _to, _dw, _to);
            return
            [
                new(name, "forward", flops, worker => Run(_forward, forward, worker)),
                new(name, "backward-data", flops, worker => Run(_backwardData, data, worker)),
                new(name, "backward-filter", flops, worker => Run(_gradient, filter, worker)),
                new(name, "backward-filter+Fisher", 2 * flops, worker =>
                {
                    Run(_gradient, filter, worker);
                    Run(_squares, filter, worker);
                }),
            ];
        }
    }

    private MatrixOperands Operands(int m, int k, AlignedBuffer a, int strideA, AlignedBuffer b, int strideB, AlignedBuffer c, int strideC, AlignedBuffer? bias = null) => new()
    {
        M = m,
        K = k,
        A = a.Pointer,
        StrideA = strideA,
        B = b.Pointer,
        StrideB = strideB,
        C = c.Pointer,
        StrideC = strideC,
        Packed = _packed.Pointer,
        Bias = bias is null ? null : bias.Pointer,
    };

    private void Run(MatrixProduct product, in MatrixOperands operands, int worker)
    {
        for (int unit = worker; unit < product.PackUnits; unit += _threads)
            product.Pack(unit, operands);
        if (_threads > 1)
            _packedAll.SignalAndWait();
        for (int unit = worker; unit < product.Units; unit += _threads)
            product.Multiply(unit, operands);
        if (_threads > 1)
            _packedAll.SignalAndWait();
    }
}
