//! Sums of windows' logits on a GPU: each voxel's are read once, instead of once for every window around it.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array3, Array4};

use super::predictor::lost;
use crate::Result;

/// Most bytes of all sums, and of those in one tensor: WebGPU promises that 128 MiB can be bound.
const MOST: usize = 512 << 20;
const MOST_BOUND: usize = 128 << 20;

/// Weighted sums of logits for the planes that windows still reach, on a device.
#[derive(Debug)]
pub(super) struct Accumulator {
    /// `[class, plane, height, width]`, as many classes together as can be bound.
    sums: Vec<Tensor<4>>,
    /// `[1, depth, height, width]` of a window.
    importance: Tensor<4>,
    /// The first plane of the sums.
    first: usize,
}

impl Accumulator {
    /// For a volume of planes `[height, width]`; `None` where the sums are too large for the memory of any GPU.
    pub fn new(classes: usize, [h, w]: [usize; 2], importance: &Array3<f32>, device: &Device) -> Option<Self> {
        let (planes, wh, ww) = importance.dim();
        let bytes = planes * h * w * size_of::<f32>();
        if bytes > MOST_BOUND || classes * bytes > MOST {
            return None;
        }
        let together = MOST_BOUND / bytes;
        let group = |first: usize| Tensor::zeros([together.min(classes - first), planes, h, w], device);
        let values = importance.iter().copied().collect();
        Some(Self {
            sums: (0..classes).step_by(together).map(group).collect(),
            importance: Tensor::from_data(TensorData::new(values, [1, planes, wh, ww]), device),
            first: 0,
        })
    }

    /// Adds the logits of the window that begins at `start`, `[class, depth, height, width]`.
    pub fn add(&mut self, [d, h, w]: [usize; 3], logits: &Tensor<4>) {
        let [_, pd, ph, pw] = self.importance.dims();
        let d = d - self.first;
        let mut first = 0;
        // Moved out, so that a sum has no other owner and is changed in place.
        let sums = std::mem::take(&mut self.sums).into_iter().map(|sum| {
            let classes = sum.dims()[0];
            let place = [0..classes, d..d + pd, h..h + ph, w..w + pw];
            let weighted = logits.clone().narrow(0, first, classes) * self.importance.clone();
            let new = sum.clone().slice(place.clone()) + weighted;
            first += classes;
            sum.slice_assign(place, new)
        });
        self.sums = sums.collect();
    }

    /// The sums of the planes before `end`, `[class, plane, height, width]`, which no further window reaches. They make
    /// room for as many after the last.
    ///
    /// # Errors
    /// When the device does not answer.
    pub async fn take(&mut self, end: usize) -> Result<Array4<f32>> {
        let count = end - self.first;
        self.first = end;
        let (mut values, mut shape) = (Vec::new(), [0; 4]);
        for sum in std::mem::take(&mut self.sums) {
            let [classes, planes, h, w] = sum.dims();
            let complete = sum.clone().narrow(1, 0, count).into_data_async().await;
            let complete = complete.map_err(|_| lost())?.convert::<f32>();
            values.extend(complete.try_into_vec::<f32>().map_err(|_| lost())?);
            shape = [shape[0] + classes, count, h, w];
            let zeros = Tensor::zeros([classes, count, h, w], &sum.device());
            self.sums.push(match planes - count {
                0 => zeros,
                left => Tensor::cat(vec![sum.narrow(1, count, left), zeros], 1),
            });
        }
        Array4::from_shape_vec(shape, values).map_err(|_| lost())
    }

    /// Waits until all that was added is computed: otherwise a device would be told of a whole volume at once, and
    /// could not be stopped.
    ///
    /// # Errors
    /// When the device does not answer.
    pub async fn wait(&self) -> Result<()> {
        if let Some(sum) = self.sums.first() {
            let value = sum.clone().slice([0..1, 0..1, 0..1, 0..1]);
            value.into_data_async().await.map_err(|_| lost())?;
        }
        Ok(())
    }
}
