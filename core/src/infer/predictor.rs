//! The predictor: one case at a time, one batch of windows per event.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array3, Array4, s};
use web_time::Instant;

use super::{
    Event, LabelVolume, PredictConfig, Segmentation, Windows, importance, keep_largest_components,
    mean_over_flips,
};
use crate::backbone::Model;
use crate::dataset::LabelSet;
use crate::transform::{Prepared, largest};
use crate::volume::{Image, LabelImage};
use crate::weights::{self, Metadata};
use crate::{Error, Result};

/// σ of the Gaussian blend as a share of the window's side (MONAI 1.5).
const SIGMA_SCALE: f64 = 0.125;

/// A trained network, ready to segment.
#[derive(Debug)]
pub struct Predictor {
    model: Model,
    metadata: Metadata,
    device: Device,
}

impl Predictor {
    /// Loads a weights file onto a device.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self> {
        let loaded = weights::load(bytes, device)?;
        Ok(Self::new(loaded.model, loaded.metadata, device))
    }

    /// Uses a network that is in memory, on `device`.
    pub fn new(model: Model, metadata: Metadata, device: &Device) -> Self {
        Self {
            model,
            metadata,
            device: device.clone(),
        }
    }

    /// What the weights file says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Prepares an image of one channel; see [`Predictor::start_channels`].
    ///
    /// # Errors
    /// As there.
    pub fn start<'a>(&'a self, image: &'a Image, config: PredictConfig) -> Result<Run<'a>> {
        self.start_channels(&[image], config)
    }

    /// Prepares the channels of a case, all on one grid and in the order of training. Nothing is
    /// computed until [`Run::next`] is called; dropping the run frees everything.
    ///
    /// # Errors
    /// When the network takes another number of channels, the overlap is not from 0 to below 1, or the
    /// batch is empty.
    pub fn start_channels<'a>(
        &'a self,
        images: &[&'a Image],
        config: PredictConfig,
    ) -> Result<Run<'a>> {
        self.metadata.check_channels(images.len())?;
        let &image = images
            .first()
            .ok_or_else(|| Error::Config("a network without input cannot segment".to_owned()))?;
        if !(0.0..1.0).contains(&config.overlap) {
            return Err(Error::Config(format!(
                "an overlap of {} cannot work: choose one from 0 to below 1",
                config.overlap
            )));
        }
        if config.batch_size == 0 {
            return Err(Error::Config(
                "a batch needs at least one window".to_owned(),
            ));
        }
        let patch = self.metadata.patch;
        let case = Prepared::new(images, None, &self.metadata.preprocessing, patch);
        let blender = Blender::new(&case, patch, self.metadata.labels.outputs(), &config);
        Ok(Run {
            predictor: self,
            image,
            config,
            case,
            blender: Some(blender),
            done: 0,
            started: None,
        })
    }
}

/// A segmentation under way.
#[derive(Debug)]
pub struct Run<'a> {
    predictor: &'a Predictor,
    image: &'a Image,
    config: PredictConfig,
    case: Prepared,
    /// Taken when the last window is done.
    blender: Option<Blender>,
    done: usize,
    started: Option<Instant>,
}

impl Run<'_> {
    /// Does the next piece of work and says what was done; `None` after
    /// [`Event::Finished`].
    ///
    /// # Errors
    /// When the device fails.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        let Some(blender) = &mut self.blender else {
            return Ok(None);
        };
        let windows = blender.windows.starts.len();
        let Some(started) = self.started else {
            self.started = Some(Instant::now());
            return Ok(Some(Event::Started { windows }));
        };
        if self.done < windows {
            let end = (self.done + self.config.batch_size).min(windows);
            let x = blender.batch(&self.case.image, self.done..end, &self.predictor.device);
            let forward = |x| self.predictor.model.forward(x, None);
            let logits = if self.config.flips {
                mean_over_flips(&x, forward)
            } else {
                forward(x)
            };
            let logits = logits.into_data_async().await;
            let logits = logits.map_err(|_| Error::Lost("segmenting".to_owned()))?;
            blender.add(
                self.done..end,
                &logits.convert::<f32>().try_into_vec().unwrap_or_default(),
            );
            self.done = end;
            let elapsed = started.elapsed().as_secs_f64();
            return Ok(Some(Event::Window {
                done: end,
                windows,
                remaining_seconds: elapsed / end as f64 * (windows - end) as f64,
            }));
        }
        let Some(blender) = self.blender.take() else {
            return Ok(None);
        };
        let segmentation = self.finish(blender)?;
        Ok(Some(Event::Finished {
            segmentation: Box::new(segmentation),
            seconds: started.elapsed().as_secs_f64(),
        }))
    }

    /// Classes of most weight, or those that regions paint, on the image's own grid.
    fn finish(&self, blender: Blender) -> Result<Segmentation> {
        let Metadata {
            preprocessing,
            labels,
            ..
        } = &self.predictor.metadata;
        let logits = blender.finish();
        let classes = match labels.regions() {
            None => self.case.native.classes(&logits, largest),
            Some(regions) => self.case.native.classes(&logits, |plane, classes| {
                let painted = labels.encode_plane(regions.regions_to_labels(plane.view()));
                classes.copy_from_slice(&painted);
            }),
        };
        let mut classes = preprocessing.axes.arrange(classes);
        if self.config.largest_component {
            keep_largest_components(&mut classes);
        }
        let map = LabelImage::from_canonical(labels.decode(classes.view()), self.image);
        let map = map.map_err(|source| Error::Volume {
            file: "segmentation".to_owned(),
            source,
        })?;
        let keep = self.config.keep_logits;
        Ok(Segmentation {
            volumes: volumes(&classes, labels, self.image),
            labels: map,
            logits: keep.then(|| self.case.native.without_padding(&logits)),
        })
    }
}

fn volumes(classes: &Array3<u8>, labels: &LabelSet, image: &Image) -> Vec<LabelVolume> {
    let mut voxels = vec![0usize; labels.classes()];
    for &class in classes {
        voxels[usize::from(class)] += 1;
    }
    let named = labels.ids().iter().zip(labels.names()).zip(voxels).skip(1);
    named
        .map(|((&id, name), voxels)| LabelVolume {
            id,
            name: name.clone(),
            voxels,
            millilitres: voxels as f64 * image.grid().voxel_ml(),
        })
        .collect()
}

/// Weighted sum of window logits over a volume.
#[derive(Debug)]
struct Blender {
    windows: Windows,
    window: [usize; 3],
    importance: Array3<f32>,
    /// `[class, depth, height, width]`, on the padded volume.
    sum: Array4<f32>,
    weight: Array3<f32>,
}

impl Blender {
    fn new(case: &Prepared, window: [usize; 3], classes: usize, config: &PredictConfig) -> Self {
        let [d, h, w] = case.size();
        Self {
            windows: Windows::new([d, h, w], window, config.overlap),
            window,
            importance: importance(window, config.blend, SIGMA_SCALE),
            sum: Array4::zeros((classes, d, h, w)),
            weight: Array3::zeros((d, h, w)),
        }
    }

    /// The voxels of some windows, `[window, channel, d, h, w]`.
    fn batch(
        &self,
        image: &Array4<f32>,
        windows: std::ops::Range<usize>,
        device: &Device,
    ) -> Tensor<5> {
        let [pd, ph, pw] = self.window;
        let (count, channels) = (windows.len(), image.dim().0);
        let mut values: Vec<f32> = Vec::with_capacity(count * channels * pd * ph * pw);
        for &[d, h, w] in &self.windows.starts[windows] {
            values.extend(image.slice(s![.., d..d + pd, h..h + ph, w..w + pw]));
        }
        let shape = [count, channels, pd, ph, pw];
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Adds the logits of some windows, `[window, class, d, h, w]` row-major.
    fn add(&mut self, windows: std::ops::Range<usize>, logits: &[f32]) {
        let [pd, ph, pw] = self.window;
        let mut planes = logits.chunks_exact(pd * ph * pw);
        for &[d, h, w] in &self.windows.starts[windows] {
            let place = s![d..d + pd, h..h + ph, w..w + pw];
            for mut class in self.sum.outer_iter_mut() {
                let plane = planes.next().unwrap_or_default();
                let voxels = plane.iter().zip(&self.importance);
                let sums = class.slice_mut(place);
                sums.into_iter()
                    .zip(voxels)
                    .for_each(|(sum, (v, weight))| *sum += v * weight);
            }
            let mut weights = self.weight.slice_mut(place);
            weights += &self.importance;
        }
    }

    /// Mean logits, `[class, depth, height, width]` on the padded volume.
    fn finish(mut self) -> Array4<f32> {
        for mut class in self.sum.outer_iter_mut() {
            class /= &self.weight;
        }
        self.sum
    }
}
