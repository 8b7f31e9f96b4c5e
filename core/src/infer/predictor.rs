//! The predictor: one case at a time, one batch of windows per event.

use burn::tensor::{Device, Tensor};
use ndarray::{Array3, Array4};
use web_time::Instant;

use super::blend::{Blended, Blender};
use super::ensemble::{self, EnsembleError};
use super::{Event, Inference, LabelVolume, PostProcessing, PredictConfig, Segmentation, Uncertainty, mirror_tta};
use crate::backbone::Model;
use crate::dataset::LabelSet;
use crate::transform::{MirrorAxes, Prepared, largest};
use crate::volume::{Grid, Header, Image, LabelImage};
use crate::weights::{self, Metadata};
use crate::{Error, Result};

/// A trained network, or an ensemble of several, ready to segment.
#[derive(Debug)]
pub struct Predictor {
    /// At least one.
    members: Vec<Member>,
    metadata: Metadata,
    device: Device,
}

/// One network of a predictor.
#[derive(Debug)]
struct Member {
    model: Model,
    mirror_axes: MirrorAxes,
}

impl Member {
    /// The logits of windows.
    fn logits(&self, x: Tensor<5>, mirror: bool) -> Tensor<5> {
        let forward = |x| self.model.forward(x, None);
        match mirror {
            true => mirror_tta(&x, self.mirror_axes, forward),
            false => forward(x),
        }
    }
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
            members: vec![Member {
                model,
                mirror_axes: metadata.mirror_axes,
            }],
            metadata,
            device: device.clone(),
        }
    }

    /// Networks that segment together, each with the name of its file for messages: windows are segmented with the mean
    /// of the members' probabilities, at the cost of all members. An ensemble of one equals its member to the last bit.
    /// All are on the device of the first.
    ///
    /// # Errors
    /// When there is none, or two differ in labels, channels, patch or preprocessing.
    pub fn ensemble(members: Vec<(String, Self)>) -> Result<Self, EnsembleError> {
        let mut members = members.into_iter();
        let (first, mut whole) = members.next().ok_or(EnsembleError::Empty)?;
        for (name, member) in members {
            ensemble::check((&first, &whole.metadata), (&name, &member.metadata))?;
            whole.members.extend(member.members);
        }
        Ok(whole)
    }

    /// The same networks, with post-processing in place of that of their weights.
    pub fn with_post_processing(mut self, post_processing: PostProcessing) -> Self {
        self.metadata.inference = Some(Inference {
            post_processing,
            ..self.metadata.inference.unwrap_or_default()
        });
        self
    }

    /// Number of networks that segment together.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// The metadata of the weights; of an ensemble, those of its first member.
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
        let with_disagreement = self.shows_disagreement(&config);
        let blender = Blender::new(&case, patch, &self.metadata.labels, &config, with_disagreement);
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

    /// Whether the disagreement of members is computed.
    fn shows_disagreement(&self, config: &PredictConfig) -> bool {
        config.uncertainty && self.members.len() > 1
    }

    /// The logits of windows, or those of the members' mean probabilities and, where asked for, their disagreement.
    fn logits(&self, x: Tensor<5>, config: &PredictConfig) -> Option<Tensor<5>> {
        if let [member] = &self.members[..] {
            return Some(member.logits(x, config.inference.mirror));
        }
        let logits = (self.members.iter()).map(|member| member.logits(x.clone(), config.inference.mirror));
        let regions = self.metadata.labels.regions().is_some();
        ensemble::mean(logits, regions, self.shows_disagreement(config))
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
            let lost = || Error::Lost("segmenting".to_owned());
            let logits = self.predictor.logits(x, &self.config).ok_or_else(lost)?;
            let logits = logits.into_data_async().await;
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
        let Blended {
            classes,
            entropy,
            disagreement,
            logits,
        } = blender.finish(|plane, classes| decide(labels, plane, classes));
        let mut classes = preprocessing.axes.arrange(classes);
        let post_processing = self.config.inference.post_processing;
        post_processing.apply(&mut classes, self.grid.voxel_ml());
        let map = LabelImage::on_grid(labels.decode(classes.view()), self.header.clone(), self.grid.clone());
        let map = map.map_err(unusable)?;
        let volumes = volumes(&classes, labels, &self.grid);
        drop(classes);
        let scored = |shares: Option<Array3<u8>>| {
            let shares = shares.map(|shares| preprocessing.axes.arrange(shares));
            let found = shares.map(|shares| Uncertainty::new(shares, &map));
            found.transpose().map_err(unusable)
        };
        Ok(Segmentation {
            uncertainty: scored(entropy)?,
            disagreement: scored(disagreement)?,
            volumes,
            labels: map,
            logits: logits.map(|logits| self.case.native.without_padding(&logits)),
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
