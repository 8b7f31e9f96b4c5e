//! The true labels of a batch, as losses compare logits with them.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// The class index of a voxel that takes no part in a loss, since nothing is known about it. Only a label set with 256
/// classes has a class of this index; it cannot have such voxels.
pub const IGNORED: u8 = u8::MAX;

/// The true labels of a batch. Those of a voxel that is [`IGNORED`] are 0 for every class.
#[derive(Clone, Debug)]
pub struct Target {
    /// One-hot `[batch, class, voxel]`.
    pub(super) one_hot: Tensor<3>,
    /// Sum over voxels of the one-hot classes, `[batch, class, 1]`.
    pub(super) count: Tensor<3>,
    /// Which voxels count, where not all do.
    pub(super) known: Option<Known>,
}

/// The voxels of a batch that are not ignored.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// 1 where a voxel counts, else 0: `[batch, 1, voxel]`.
    pub mask: Tensor<3>,
    /// Number of voxels that count in each sample, `[batch, 1, 1]`.
    pub count: Tensor<3>,
}

impl Known {
    fn new(mask: Tensor<3>) -> Self {
        Self {
            count: mask.clone().sum_dim(2),
            mask,
        }
    }
}

impl Target {
    /// From class indices, row-major `[batch, d, h, w]`; `classes` counts the background. Voxels of the class
    /// [`IGNORED`] do not count.
    pub fn new(labels: Vec<u8>, batch: usize, classes: usize, device: &Device) -> Self {
        let voxels = labels.len() / batch.max(1);
        let partial = classes <= usize::from(IGNORED) && labels.contains(&IGNORED);
        let labels: Vec<i32> = labels.into_iter().map(i32::from).collect();
        let labels = TensorData::new(labels, [batch, 1, voxels]);
        let labels = Tensor::<3, Int>::from_data(labels, device).expand([batch, classes, voxels]);
        let class = Tensor::<1, Int>::arange(0..classes as i64, device)
            .reshape([1, classes, 1])
            .expand([batch, classes, voxels]);
        let one_hot = labels.equal(class).float();
        let known = partial.then(|| Known::new(one_hot.clone().sum_dim(1)));
        Self::of(one_hot, known)
    }

    /// From classes that may overlap, row-major `[batch, class, d, h, w]`, 0 or 1: the regions of a
    /// tumor, for a loss with a sigmoid. Voxels that are [`IGNORED`] in all classes do not count.
    pub fn regions(mut inside: Vec<u8>, batch: usize, classes: usize, device: &Device) -> Self {
        let voxels = inside.len() / (batch * classes).max(1);
        let known = inside.contains(&IGNORED).then(|| {
            let first = inside.chunks_exact(voxels.max(1)).step_by(classes.max(1));
            let mask = first.flatten().map(|&value| f32::from(u8::from(value != IGNORED)));
            let mask = TensorData::new(mask.collect::<Vec<f32>>(), [batch, 1, voxels]);
            Known::new(Tensor::from_data(mask, device))
        });
        for value in inside.iter_mut().filter(|value| **value == IGNORED) {
            *value = 0;
        }
        let inside: Vec<f32> = inside.into_iter().map(f32::from).collect();
        let one_hot = Tensor::<3>::from_data(TensorData::new(inside, [batch, classes, voxels]), device);
        Self::of(one_hot, known)
    }

    fn of(one_hot: Tensor<3>, known: Option<Known>) -> Self {
        Self {
            count: one_hot.clone().sum_dim(2),
            one_hot,
            known,
        }
    }

    /// `terms` `[batch, any, voxel]` with 0 at the voxels that do not count.
    pub fn masked(&self, terms: Tensor<3>) -> Tensor<3> {
        match &self.known {
            Some(known) => terms * known.mask.clone(),
            None => terms,
        }
    }

    /// The same labels on a coarser grid, as nnU-Net resizes them by order 0 of scikit-image: a coarse
    /// voxel's center falls between fine voxels where the block has an even side, and the one after it is
    /// taken: the second of two, the third of four.
    pub(super) fn coarser(&self, fine: [usize; 3], coarse: [usize; 3]) -> Self {
        let [d, h, w] = coarse;
        let step: [usize; 3] = std::array::from_fn(|axis| fine[axis] / coarse[axis]);
        let pick = |values: &Tensor<3>| {
            let [batch, classes, _] = values.dims();
            values
                .clone()
                .reshape([batch * classes, d, step[0], h, step[1], w, step[2]])
                .narrow(2, step[0] / 2, 1)
                .narrow(4, step[1] / 2, 1)
                .narrow(6, step[2] / 2, 1)
                .reshape([batch, classes, d * h * w])
        };
        let known = self.known.as_ref().map(|known| Known::new(pick(&known.mask)));
        Self::of(pick(&self.one_hot), known)
    }
}
