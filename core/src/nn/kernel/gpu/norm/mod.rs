//! Instance norm with leaky ReLU, and group norm with gain, bias and ReLU: two launches forward, two or three backward.
//!
//! A workgroup takes a chunk of a channel of a sample. The first launch leaves each chunk's sums; in the second every
//! workgroup adds up those of its group, which are few, and computes its chunk's values.

mod kernels;

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::CubeDim;

use super::launch::{SUMMING, arg, cubes, dims, empty, row, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::{GroupNormRelu, InstanceNorm};
use kernels::{
    CHUNK, ShapeLaunch, affine_kernel, gradient_kernel, gradient_sums_kernel, moments_kernel, normalize_kernel,
};

/// Sizes of a normalized volume.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: usize,
    channels: usize,
    voxels: usize,
    /// Channels that are normalized together.
    together: usize,
}

impl Sizes {
    fn of(x: &CubeTensor, groups: Option<usize>) -> Self {
        let [batch, channels, d, h, w] = dims(x);
        Self {
            batch,
            channels,
            voxels: d * h * w,
            together: groups.map_or(1, |groups| channels / groups),
        }
    }

    /// Chunks of a channel.
    fn chunks(self) -> usize {
        self.voxels.div_ceil(CHUNK)
    }

    /// The sizes as a kernel's argument.
    fn shape(self) -> ShapeLaunch {
        ShapeLaunch::new(self.voxels, self.chunks(), self.channels, self.together)
    }

    /// Channels of all samples.
    fn rows(self) -> usize {
        self.batch * self.channels
    }
}

/// Gain and bias of each channel; without them one value each, which is not read.
type Affine = [CubeTensor; 2];

/// The result, and the moments of each group.
fn forward(x: &CubeTensor, sizes: Sizes, affine: Option<Affine>, slope: f32) -> (CubeTensor, CubeTensor) {
    let chunks = sizes.chunks();
    let parts = empty(x, [sizes.rows(), chunks, 2]);
    let (count, dim) = (cubes(sizes.rows() * chunks), CubeDim::new_1d(SUMMING as u32));
    moments_kernel::launch(&x.client, count.clone(), dim, arg(x), arg(&parts), sizes.shape());
    let has_affine = affine.is_some();
    let [gain, bias] = affine.unwrap_or_else(|| [empty(x, [1]), empty(x, [1])]);
    let y = empty(x, x.shape());
    let moments = empty(x, [sizes.rows() / sizes.together, 2]);
    normalize_kernel::launch(
        &x.client,
        count,
        dim,
        arg(x),
        arg(&parts),
        arg(&gain),
        arg(&bias),
        arg(&y),
        arg(&moments),
        sizes.shape(),
        slope,
        has_affine,
    );
    (y, moments)
}

/// The gradient of the input, and the sums of the chunks; `x` is the input if there are gain and bias, else the result.
fn backward(
    [x, dy, moments]: [&CubeTensor; 3],
    sizes: Sizes,
    affine: Option<Affine>,
    slope: f32,
) -> (CubeTensor, CubeTensor) {
    let chunks = sizes.chunks();
    let has_affine = affine.is_some();
    let [gain, bias] = affine.unwrap_or_else(|| [empty(x, [1]), empty(x, [1])]);
    let parts = empty(x, [sizes.rows(), chunks, 2]);
    let (count, dim) = (cubes(sizes.rows() * chunks), CubeDim::new_1d(SUMMING as u32));
    gradient_sums_kernel::launch(
        &x.client,
        count.clone(),
        dim,
        arg(x),
        arg(dy),
        arg(moments),
        arg(&gain),
        arg(&bias),
        arg(&parts),
        sizes.shape(),
        slope,
        has_affine,
    );
    let dx = empty(x, x.shape());
    gradient_kernel::launch(
        &x.client,
        count,
        dim,
        arg(x),
        arg(dy),
        arg(moments),
        arg(&gain),
        arg(&bias),
        arg(&parts),
        arg(&dx),
        sizes.shape(),
        slope,
        has_affine,
    );
    (dx, parts)
}

impl Operation<Cube, 1, 0> for InstanceNorm {
    /// Result and moments. The next operation keeps the result too, so keeping it here costs nothing.
    type Kept = [CubeTensor; 2];

    fn forward(&self, [x]: [CubeTensor; 1]) -> (CubeTensor, Self::Kept) {
        let x = row(x);
        let (y, moments) = forward(&x, Sizes::of(&x, None), None, self.slope);
        (y.clone(), [y, moments])
    }

    fn needed<T>(_inputs: [T; 1]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [CubeTensor; 0],
        [y, moments]: Self::Kept,
        dy: CubeTensor,
        _wanted: [bool; 1],
    ) -> [Option<CubeTensor>; 1] {
        let dy = row(dy);
        let (dx, _) = backward([&y, &dy, &moments], Sizes::of(&y, None), None, self.slope);
        [Some(dx)]
    }
}

impl Operation<Cube, 3, 3> for GroupNormRelu {
    /// The moments of every sample's groups.
    type Kept = CubeTensor;

    fn forward(&self, [x, gain, bias]: [CubeTensor; 3]) -> (CubeTensor, CubeTensor) {
        let x = row(x);
        forward(&x, Sizes::of(&x, Some(self.groups)), Some([row(gain), row(bias)]), 0.0)
    }

    fn needed<T>(inputs: [T; 3]) -> [T; 3] {
        inputs
    }

    fn backward(
        self,
        [x, gain, bias]: [CubeTensor; 3],
        moments: CubeTensor,
        dy: CubeTensor,
        _wanted: [bool; 3],
    ) -> [Option<CubeTensor>; 3] {
        let [x, dy, gain, bias] = [x, dy, gain, bias].map(row);
        let sizes = Sizes::of(&x, Some(self.groups));
        let (dx, parts) = backward([&x, &dy, &moments], sizes, Some([gain, bias]), 0.0);
        let [dgain, dbias] = [0, 1].map(|_| empty(&x, [sizes.channels]));
        let (cubes, dim) = units(sizes.channels);
        affine_kernel::launch(
            &x.client,
            cubes,
            dim,
            arg(&parts),
            arg(&dgain),
            arg(&dbias),
            sizes.chunks(),
            sizes.batch,
        );
        [Some(dx), Some(dgain), Some(dbias)]
    }
}
