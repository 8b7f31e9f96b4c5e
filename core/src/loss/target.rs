//! The true labels of a batch, as losses compare logits with them.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// The true labels of a batch.
#[derive(Clone, Debug)]
pub struct Target {
    /// One-hot `[batch, class, voxel]`.
    pub(super) one_hot: Tensor<3>,
    /// Sum over voxels of the one-hot classes, `[batch, class, 1]`.
    pub(super) count: Tensor<3>,
}

impl Target {
    /// From class indices, row-major `[batch, d, h, w]`; `classes` counts the background.
    pub fn new(labels: Vec<u8>, batch: usize, classes: usize, device: &Device) -> Self {
        let voxels = labels.len() / batch.max(1);
        let labels: Vec<i32> = labels.into_iter().map(i32::from).collect();
        let labels = TensorData::new(labels, [batch, 1, voxels]);
        let labels = Tensor::<3, Int>::from_data(labels, device).expand([batch, classes, voxels]);
        let class = Tensor::<1, Int>::arange(0..classes as i64, device)
            .reshape([1, classes, 1])
            .expand([batch, classes, voxels]);
        let one_hot = labels.equal(class).float();
        Self {
            count: one_hot.clone().sum_dim(2),
            one_hot,
        }
    }

    /// From classes that may overlap, row-major `[batch, class, d, h, w]`, 0 or 1: the regions of a
    /// tumor, for a loss with a sigmoid.
    pub fn regions(inside: Vec<u8>, batch: usize, classes: usize, device: &Device) -> Self {
        let voxels = inside.len() / (batch * classes).max(1);
        let inside: Vec<f32> = inside.into_iter().map(f32::from).collect();
        let one_hot = Tensor::<3>::from_data(TensorData::new(inside, [batch, classes, voxels]), device);
        Self {
            count: one_hot.clone().sum_dim(2),
            one_hot,
        }
    }

    /// The same labels on a coarser grid, as nnU-Net resizes them by order 0 of scikit-image: a coarse
    /// voxel's center falls between fine voxels where the block has an even side, and the one after it is
    /// taken: the second of two, the third of four.
    pub(super) fn coarser(&self, fine: [usize; 3], coarse: [usize; 3]) -> Self {
        let [batch, classes, _] = self.one_hot.dims();
        let [d, h, w] = coarse;
        let step: [usize; 3] = std::array::from_fn(|axis| fine[axis] / coarse[axis]);
        let one_hot = self
            .one_hot
            .clone()
            .reshape([batch * classes, d, step[0], h, step[1], w, step[2]])
            .narrow(2, step[0] / 2, 1)
            .narrow(4, step[1] / 2, 1)
            .narrow(6, step[2] / 2, 1)
            .reshape([batch, classes, d * h * w]);
        Self {
            count: one_hot.clone().sum_dim(2),
            one_hot,
        }
    }
}
