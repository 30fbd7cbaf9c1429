using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

/// <summary>Geometries by the name of their padding.</summary>
internal static class PaddedGeometry
{
    extension(ConvolutionGeometry)
    {
        /// <summary>OutH = ceil(H / StrideY), the odd pixel at the bottom and right.</summary>
        public static ConvolutionGeometry Same(int h, int w, int c, int k, int r, int s, int strideY = 1, int strideX = 1)
        {
            int vertical = Math.Max((((h + strideY - 1) / strideY) - 1) * strideY + r - h, 0);
            int horizontal = Math.Max((((w + strideX - 1) / strideX) - 1) * strideX + s - w, 0);
            return new ConvolutionGeometry(h, w, c, k, r, s, strideY, strideX,
                vertical / 2, horizontal / 2, vertical - (vertical / 2), horizontal - (horizontal / 2));
        }

        /// <summary>No padding.</summary>
        public static ConvolutionGeometry Valid(int h, int w, int c, int k, int r, int s, int strideY = 1, int strideX = 1) =>
            new(h, w, c, k, r, s, strideY, strideX, 0, 0, 0, 0);
    }
}
