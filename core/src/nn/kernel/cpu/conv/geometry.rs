//! The shape of a convolution.

/// Sizes of a convolution with stride 1 and zero padding that keeps the size.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub batch: usize,
    /// Input and output channels.
    pub input: usize,
    pub output: usize,
    /// Side of the cubic kernel.
    pub kernel: usize,
    /// Depth, height, width in voxels.
    pub size: [usize; 3],
}

impl Geometry {
    /// The geometry for an input `[batch, in, d, h, w]`.
    pub(super) fn new(x: [usize; 5], output: usize, kernel: usize) -> Self {
        let [batch, input, depth, height, width] = x;
        Self {
            batch,
            input,
            output,
            kernel,
            size: [depth, height, width],
        }
    }

    /// The convolution with input and output exchanged.
    pub(super) fn transposed(self) -> Self {
        Self {
            input: self.output,
            output: self.input,
            ..self
        }
    }

    /// Voxels of a channel.
    pub(super) fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Weights of an output channel.
    pub(super) fn taps(&self) -> usize {
        self.input * self.kernel.pow(3)
    }
}
