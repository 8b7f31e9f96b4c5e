//! The predictor: one case at a time, one batch of windows per event.

use burn::tensor::Device;
use ndarray::{Array3, Array4};
use web_time::Instant;

use super::blend::Blender;
use super::{Event, LabelVolume, PredictConfig, Segmentation, Uncertainty, mirror_tta};
use crate::backbone::Model;
use crate::dataset::LabelSet;
use crate::transform::{Prepared, largest};
use crate::volume::{Grid, Header, Image, LabelImage};
use crate::weights::{self, Metadata};
use crate::{Error, Result};

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

    /// A predictor for a network in memory, on `device`.
    pub fn new(model: Model, metadata: Metadata, device: &Device) -> Self {
        Self {
            model,
            metadata,
            device: device.clone(),
        }
    }

    /// The metadata of the weights.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Prepares an image of one channel; see [`Predictor::start_channels`].
    ///
    /// # Errors
    /// As [`Predictor::start_channels`].
    pub fn start(&self, image: &Image, config: PredictConfig) -> Result<Run<'_>> {
        self.start_channels(&[image], config)
    }

    /// Prepares the channels of a case, all on one grid and in the order of training; the images may be dropped
    /// afterwards. Nothing is computed until [`Run::next`] is called; dropping the run frees everything.
    ///
    /// # Errors
    /// When the network takes another number of channels, these lie on different grids, a setting of inference is out
    /// of range, or the batch size is 0.
    pub fn start_channels(&self, images: &[&Image], config: PredictConfig) -> Result<Run<'_>> {
        self.metadata.check_channels(images.len())?;
        let &image = images
            .first()
            .ok_or_else(|| Error::Config("a network without input cannot segment".to_owned()))?;
        if let Some(other) = images.iter().find(|other| other.grid() != image.grid()) {
            return Err(Error::Config(format!(
                "the channels lie on different grids ({} and {}): put them together as a case first",
                image.grid().describe(),
                other.grid().describe()
            )));
        }
        if let Some(problem) = config.inference.problem() {
            return Err(Error::Config(problem));
        }
        if config.batch_size == 0 {
            return Err(Error::Config("a batch needs at least one window".to_owned()));
        }
        let patch = self.metadata.patch;
        let case = Prepared::new(images, None, &self.metadata.preprocessing, patch);
        let blender = Blender::new(&case, patch, &self.metadata.labels, &config);
        Ok(Run {
            predictor: self,
            header: image.header().clone(),
            grid: image.grid().clone(),
            config,
            case,
            blender: Some(blender),
            done: 0,
            started: None,
        })
    }
}

/// A segmentation in progress.
#[derive(Debug)]
pub struct Run<'a> {
    predictor: &'a Predictor,
    /// Of the image.
    header: Header,
    grid: Grid,
    config: PredictConfig,
    case: Prepared,
    /// `None` once the last window is done.
    blender: Option<Blender>,
    done: usize,
    started: Option<Instant>,
}

impl Run<'_> {
    /// Does the next unit of work and reports it; `None` after [`Event::Finished`].
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
            let logits = if self.config.inference.mirror {
                mirror_tta(&x, self.predictor.metadata.mirror_axes, forward)
            } else {
                forward(x)
            };
            let logits = logits.into_data_async().await;
            let lost = || Error::Lost("segmenting".to_owned());
            let logits = logits.map_err(|_| lost())?.convert::<f32>();
            let logits: Vec<f32> = logits.try_into_vec().map_err(|_| lost())?;
            let labels = &self.predictor.metadata.labels;
            blender.add(self.done..end, &logits, |plane, classes| {
                decide(labels, plane, classes);
            })?;
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

    /// The segmentation on the image's own grid. The network's input is dropped first.
    fn finish(&mut self, blender: Blender) -> Result<Segmentation> {
        self.case.image = Array4::default((0, 0, 0, 0));
        let Metadata {
            preprocessing, labels, ..
        } = &self.predictor.metadata;
        let unusable = |source| Error::Volume {
            file: "segmentation".to_owned(),
            source,
        };
        let blended = blender.finish(|plane, classes| decide(labels, plane, classes));
        let mut classes = preprocessing.axes.arrange(blended.classes);
        let post_processing = self.config.inference.post_processing;
        post_processing.apply(&mut classes, self.grid.voxel_ml());
        let map = LabelImage::on_grid(labels.decode(classes.view()), self.header.clone(), self.grid.clone());
        let map = map.map_err(unusable)?;
        let volumes = volumes(&classes, labels, &self.grid);
        drop(classes);
        let entropy = blended.entropy.map(|entropy| preprocessing.axes.arrange(entropy));
        let uncertainty = entropy.map(|entropy| Uncertainty::new(entropy, &map));
        Ok(Segmentation {
            uncertainty: uncertainty.transpose().map_err(unusable)?,
            volumes,
            labels: map,
            logits: (blended.logits).map(|logits| self.case.native.without_padding(&logits)),
        })
    }
}

/// The classes with the largest logits of a plane, or those painted by regions.
fn decide(labels: &LabelSet, plane: &Array3<f32>, classes: &mut [u8]) {
    match labels.regions() {
        None => largest(plane, classes),
        Some(regions) => {
            let painted = labels.encode_plane(regions.regions_to_labels(plane.view()));
            classes.copy_from_slice(&painted);
        }
    }
}

fn volumes(classes: &Array3<u8>, labels: &LabelSet, grid: &Grid) -> Vec<LabelVolume> {
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
            milliliters: voxels as f64 * grid.voxel_ml(),
        })
        .collect()
}
