//! Sliding-window blending: windows of logits become classes of voxels, a slab of planes at a time.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use ndarray::{Array3, Array4, Axis, s};

use super::accumulator::Accumulator;
use super::predictor::lost;
use super::uncertainty::{of_classes, of_regions, of_shares};
use super::{PredictConfig, Windows, importance};
use crate::Result;
use crate::dataset::LabelSet;
use crate::transform::{NativeClasses, Prepared};

/// σ of the Gaussian blend as a share of the window's side (MONAI 1.5).
const SIGMA_SCALE: f64 = 0.125;

/// Planes kept after the last window that covers them: the image's next plane lies between one of them and the plane
/// after it.
const KEPT: usize = 1;

/// Weighted sum of the windows' logits, for the planes that windows still reach.
///
/// Windows come in order of depth, so all planes before the next one are complete: they are decided and dropped. Logits
/// thus never exist for more than a window's depth.
#[derive(Debug)]
pub(super) struct Blender {
    pub windows: Windows,
    window: [usize; 3],
    importance: Array3<f32>,
    /// Planes of the padded volume.
    depth: usize,
    /// The first plane of the slab.
    first: usize,
    /// The first plane that is not divided by its weight yet.
    open: usize,
    /// `[class, plane, height, width]`; the disagreement of an ensemble is one more class.
    sum: Array4<f32>,
    /// Classes or regions.
    outputs: usize,
    /// `[plane, height, width]`.
    weight: Array3<f32>,
    /// Sums of planes that are not complete, where a device adds them up.
    accumulator: Option<Accumulator>,
    classes: NativeClasses,
    /// Entropies as bytes, where asked for; handled like classes.
    entropy: Option<NativeClasses>,
    /// Computes the entropies of a plane.
    entropy_of: fn(&Array3<f32>, &mut [u8]),
    /// The disagreement of an ensemble as bytes, where asked for; handled like classes.
    disagreement: Option<NativeClasses>,
    /// All logits, where asked for.
    kept: Option<Array4<f32>>,
}

impl Blender {
    /// For a network that labels `labels`, or for an ensemble whose disagreement follows its logits.
    pub fn new(
        case: &Prepared,
        window: [usize; 3],
        labels: &LabelSet,
        config: &PredictConfig,
        with_disagreement: bool,
    ) -> Self {
        let [d, h, w] = case.size();
        let outputs = labels.outputs();
        let native = NativeClasses::new(&case.native, outputs, [d, h, w]);
        let planes = (window[0] + KEPT).min(d);
        Self {
            windows: Windows::new([d, h, w], window, config.inference.overlap),
            window,
            importance: importance(window, config.inference.blend, SIGMA_SCALE),
            depth: d,
            first: 0,
            open: 0,
            sum: Array4::zeros((outputs + usize::from(with_disagreement), planes, h, w)),
            outputs,
            weight: Array3::zeros((planes, h, w)),
            accumulator: None,
            entropy: config.uncertainty.then(|| native.clone()),
            entropy_of: match labels.regions() {
                None => of_classes,
                Some(_) => of_regions,
            },
            disagreement: with_disagreement.then(|| NativeClasses::new(&case.native, 1, [d, h, w])),
            classes: native,
            kept: config.keep_logits.then(|| Array4::zeros((outputs, d, h, w))),
        }
    }

    /// Lets `device` add up the logits of windows, if it has memory for that: they come by
    /// [`add_on_device`](Self::add_on_device) then.
    pub fn on(mut self, device: &Device) -> Self {
        let (classes, _, h, w) = self.sum.dim();
        self.accumulator = Accumulator::new(classes, [h, w], &self.importance, device);
        self
    }

    /// Whether a device adds up the logits.
    pub fn is_on_device(&self) -> bool {
        self.accumulator.is_some()
    }

    /// The voxels of some windows, row-major, and their shape `[window, channel, d, h, w]`.
    pub fn batch(&self, image: &Array4<f32>, windows: Range<usize>) -> (Vec<f32>, [usize; 5]) {
        let [pd, ph, pw] = self.window;
        let (count, channels) = (windows.len(), image.dim().0);
        let mut values: Vec<f32> = Vec::with_capacity(count * channels * pd * ph * pw);
        for &[d, h, w] in &self.windows.starts[windows] {
            values.extend(image.slice(s![.., d..d + pd, h..h + ph, w..w + pw]));
        }
        (values, [count, channels, pd, ph, pw])
    }

    /// Adds the logits of some windows, `[window, class, d, h, w]` row-major, and the disagreement where there is one.
    /// `decide` finds the classes of a plane, see [`NativeClasses::take`].
    ///
    /// # Errors
    /// When the number of logits does not match.
    pub fn add(
        &mut self,
        windows: Range<usize>,
        logits: &[f32],
        mut decide: impl FnMut(&Array3<f32>, &mut [u8]),
    ) -> Result<()> {
        let [pd, ph, pw] = self.window;
        let channels = self.sum.len_of(Axis(0));
        if logits.len() != windows.len() * channels * pd * ph * pw {
            return Err(lost());
        }
        let mut volumes = logits.chunks_exact(pd * ph * pw);
        for index in windows {
            let [d, h, w] = self.windows.starts[index];
            self.complete(d, &mut decide);
            let d = d - self.first;
            let place = s![d..d + pd, h..h + ph, w..w + pw];
            // Their number was checked above.
            for (mut class, volume) in self.sum.outer_iter_mut().zip(&mut volumes) {
                let voxels = volume.iter().zip(&self.importance);
                let sums = class.slice_mut(place);
                sums.into_iter()
                    .zip(voxels)
                    .for_each(|(sum, (v, weight))| *sum += v * weight);
            }
            let mut weights = self.weight.slice_mut(place);
            weights += &self.importance;
        }
        Ok(())
    }

    /// The same with logits that are still on the device, `[window, class, d, h, w]`, in the order of all windows;
    /// waits until they are added.
    ///
    /// # Errors
    /// When their number does not match, or the device does not answer.
    pub async fn add_on_device(
        &mut self,
        windows: Range<usize>,
        logits: Tensor<5>,
        mut decide: impl FnMut(&Array3<f32>, &mut [u8]),
    ) -> Result<()> {
        let [pd, ph, pw] = self.window;
        if logits.dims() != [windows.len(), self.sum.len_of(Axis(0)), pd, ph, pw] {
            return Err(lost());
        }
        let last = windows.end == self.windows.starts.len();
        for (sample, index) in windows.enumerate() {
            let [d, h, w] = self.windows.starts[index];
            self.fetch(d).await?;
            self.complete(d, &mut decide);
            let accumulator = self.accumulator.as_mut().ok_or_else(lost)?;
            accumulator.add([d, h, w], &logits.clone().narrow(0, sample, 1).squeeze_dim(0));
            let d = d - self.first;
            let mut weights = self.weight.slice_mut(s![d..d + pd, h..h + ph, w..w + pw]);
            weights += &self.importance;
        }
        match last {
            true => self.fetch(self.depth).await,
            false => self.accumulator.as_ref().ok_or_else(lost)?.wait().await,
        }
    }

    /// Reads the sums of the planes before `end` from the device.
    async fn fetch(&mut self, end: usize) -> Result<()> {
        if let Some(accumulator) = &mut self.accumulator
            && end > self.open
        {
            let planes = accumulator.take(end).await?;
            let new = s![.., self.open - self.first..end - self.first, .., ..];
            self.sum.slice_mut(new).assign(&planes);
        }
        Ok(())
    }

    /// Decides the planes before `end`, which no further window reaches, and makes room after them.
    fn complete(&mut self, end: usize, decide: impl FnMut(&Array3<f32>, &mut [u8])) {
        if end <= self.open {
            return;
        }
        let new = s![self.open - self.first..end - self.first, .., ..];
        let weight = self.weight.slice(new);
        for mut class in self.sum.outer_iter_mut() {
            let mut planes = class.slice_mut(new);
            planes /= &weight;
        }
        if let Some(kept) = &mut self.kept {
            let new = s![.., self.open - self.first..end - self.first, .., ..];
            let new = self.sum.slice(new);
            kept.slice_mut(s![.., self.open..end, .., ..])
                .assign(&new.slice(s![..self.outputs, .., .., ..]));
        }
        self.open = end;
        let (logits, disagreement) = self.sum.view().split_at(Axis(0), self.outputs);
        self.classes.take(logits, self.first, end, decide);
        if let Some(entropy) = &mut self.entropy {
            entropy.take(logits, self.first, end, self.entropy_of);
        }
        if let Some(shares) = &mut self.disagreement {
            shares.take(disagreement, self.first, end, of_shares);
        }
        let needed = self.classes.needs().unwrap_or(end).min(end);
        self.drop_before(needed);
    }

    /// Advances the slab to begin with plane `first`.
    fn drop_before(&mut self, first: usize) {
        let by = first - self.first;
        if by == 0 {
            return;
        }
        let planes = self.weight.len_of(Axis(0));
        for plane in 0..planes {
            let (mut sums, mut weights) = (self.sum.view_mut(), self.weight.view_mut());
            if plane + by < planes {
                let (mut to, from) = sums.multi_slice_mut((s![.., plane, .., ..], s![.., plane + by, .., ..]));
                to.assign(&from);
                let (mut to, from) = weights.multi_slice_mut((s![plane, .., ..], s![plane + by, .., ..]));
                to.assign(&from);
            } else {
                sums.slice_mut(s![.., plane, .., ..]).fill(0.0);
                weights.slice_mut(s![plane, .., ..]).fill(0.0);
            }
        }
        self.first = first;
    }

    /// Decides what is left.
    pub fn finish(mut self, decide: impl FnMut(&Array3<f32>, &mut [u8])) -> Blended {
        self.complete(self.depth, decide);
        Blended {
            classes: self.classes.finish(),
            entropy: self.entropy.map(NativeClasses::finish),
            disagreement: self.disagreement.map(NativeClasses::finish),
            logits: self.kept,
        }
    }
}

/// The blended result of all windows, axes in the network's order.
#[derive(Debug)]
pub(super) struct Blended {
    /// The class of every voxel of the image.
    pub classes: Array3<u8>,
    /// The entropy of every voxel of the image in 255ths, where asked for.
    pub entropy: Option<Array3<u8>>,
    /// The disagreement of an ensemble at every voxel of the image in 255ths, where asked for.
    pub disagreement: Option<Array3<u8>>,
    /// All logits, where asked for: `[class, depth, height, width]` on the padded volume.
    pub logits: Option<Array4<f32>>,
}

#[cfg(test)]
mod tests;
