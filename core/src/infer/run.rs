//! A segmentation in progress: one case, one batch of windows per event.

use ndarray::{Array3, Array4};
use web_time::Instant;

use super::ahead::Ahead;
use super::blend::{Blended, Blender};
use super::pooled;
use super::{Event, LabelVolume, PredictConfig, Predictor, Segmentation, Uncertainty};
use crate::dataset::LabelSet;
use crate::nn::is_cpu;
use crate::pool::Pool;
use crate::transform::{Prepared, largest};
use crate::volume::{Bounds, Grid, Header, Image, LabelImage};
use crate::weights::Metadata;
use crate::{Error, Result};

/// A segmentation in progress.
#[derive(Debug)]
pub struct Run<'a> {
    predictor: &'a Predictor,
    config: PredictConfig,
    stage: Stage<'a>,
    /// Whether it is the first stage of a cascade.
    coarse: bool,
    /// Windows that an earlier stage took.
    before: usize,
    started: Option<Instant>,
}

#[derive(Debug)]
enum Stage<'a> {
    /// The first stage of a cascade, and the images that wait for the second.
    First(Box<Run<'a>>, Vec<Image>),
    /// The network's windows, one after another.
    Windows(Box<Sliding>),
    /// All is done.
    Over,
}

/// A case under the sliding window.
#[derive(Debug)]
struct Sliding {
    /// Of the image.
    header: Header,
    grid: Grid,
    case: Prepared,
    blender: Blender,
    ahead: Ahead,
    /// Whether the start was told.
    told: bool,
}

impl Predictor {
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
        self.metadata().check_channels(images.len())?;
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
        match &self.coarse {
            Some(coarse) => Ok(Run::cascade(
                self,
                coarse.start_channels(images, config)?,
                images,
                config,
            )),
            None => Ok(Run::over(self, images, config)),
        }
    }
}

impl<'a> Run<'a> {
    /// A run over a whole case: at least one image, all on one grid.
    fn over(predictor: &'a Predictor, images: &[&Image], config: PredictConfig) -> Self {
        let sliding = Sliding::new(predictor, images, None, &config);
        Self {
            predictor,
            config,
            stage: sliding.map_or(Stage::Over, Stage::Windows),
            coarse: false,
            before: 0,
            started: None,
        }
    }

    /// A run in the region that `first`, the first stage over the same images, finds.
    fn cascade(predictor: &'a Predictor, mut first: Self, images: &[&Image], config: PredictConfig) -> Self {
        first.coarse = true;
        let images = images.iter().map(|&image| image.clone());
        Self {
            predictor,
            config,
            stage: Stage::First(Box::new(first), images.collect()),
            coarse: false,
            before: 0,
            started: None,
        }
    }

    /// Does the next unit of work and reports it; `None` after [`Event::Finished`].
    ///
    /// # Errors
    /// When the device fails.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        self.next_in(&mut Pool::default()).await
    }

    /// The same, with windows shared with the workers of the predictor's [pool](Predictor::pool), the same one until
    /// the end. The result is the same.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_in(&mut self, pool: &mut Pool) -> Result<Option<Event>> {
        let started = *self.started.get_or_insert_with(Instant::now);
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Ok(None),
            Stage::First(mut run, images) => {
                // The stage does not refer to itself.
                let event = Box::pin(run.next_in(pool)).await?;
                match event {
                    Some(Event::Finished { segmentation, .. }) => {
                        Ok(Some(self.refine(*segmentation, &images, started)))
                    }
                    event => {
                        if let Some(Event::Started { windows }) = &event {
                            self.before = *windows;
                        }
                        self.stage = Stage::First(run, images);
                        Ok(event)
                    }
                }
            }
            Stage::Windows(mut sliding) => {
                let event = self.slide(&mut sliding, pool, started).await?;
                if let Some(event) = event {
                    self.stage = Stage::Windows(sliding);
                    return Ok(Some(event));
                }
                let segmentation = sliding.finish(self.predictor.metadata(), &self.config)?;
                Ok(Some(self.finished(segmentation, started)))
            }
        }
    }

    fn finished(&self, segmentation: Segmentation, started: Instant) -> Event {
        Event::Finished {
            segmentation: Box::new(segmentation),
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    /// The second stage of a cascade begins; where the first has found nothing, its result is that of the case.
    fn refine(&mut self, first: Segmentation, images: &[Image], started: Instant) -> Event {
        let Metadata {
            preprocessing, labels, ..
        } = self.predictor.metadata();
        let classes = preprocessing.axes.arrange(labels.encode_map(&first.labels));
        let spacing = preprocessing
            .axes
            .arrange_sides(first.labels.grid().canonical_spacing());
        let region = preprocessing.crop.around_labels(&classes, spacing);
        let images: Vec<&Image> = images.iter().collect();
        let sliding = match first.labels.present().is_empty() {
            true => None,
            false => Sliding::new(self.predictor, &images, region, &self.config),
        };
        let Some(mut sliding) = sliding else {
            return self.finished(first, started);
        };
        // The first stage has told of the start.
        sliding.told = true;
        let (before, windows) = (self.before, sliding.blender.windows.starts.len());
        self.stage = Stage::Windows(sliding);
        Event::Window {
            done: before,
            windows: before + windows,
            remaining_seconds: started.elapsed().as_secs_f64() / before.max(1) as f64 * windows as f64,
        }
    }

    /// One batch of windows, and what workers have done meanwhile; `None` where all are done.
    async fn slide(&self, sliding: &mut Sliding, pool: &mut Pool, started: Instant) -> Result<Option<Event>> {
        let Sliding {
            case,
            blender,
            ahead,
            told,
            ..
        } = sliding;
        let windows = blender.windows.starts.len();
        if !std::mem::replace(told, true) {
            return Ok(Some(Event::Started { windows }));
        }
        if ahead.is_over() {
            return Ok(None);
        }
        let labels = &self.predictor.metadata().labels;
        let decide = |plane: &Array3<f32>, classes: &mut [u8]| decide(labels, plane, classes);
        if blender.is_on_device() {
            let batch = ahead.take();
            let logits = self
                .predictor
                .window_logits(blender.batch(&case.image, batch.clone()), &self.config)?;
            blender.add_on_device(batch, logits, decide).await?;
            return Ok(Some(self.progress(ahead.done(), windows, started)));
        }
        // Workers are given theirs before this thread is busy.
        let part = |batch| pooled::windows(&blender.batch(&case.image, batch), self.coarse, &self.config);
        ahead.share(pool, part).await?;
        let own = async |batch| {
            let values = blender.batch(&case.image, batch);
            self.predictor.run_windows(values, &self.config).await
        };
        ahead.advance(pool, own).await?;
        while let Some((batch, logits)) = ahead.pop() {
            blender.add(batch, &logits, decide)?;
        }
        Ok(Some(self.progress(ahead.done(), windows, started)))
    }

    /// How far it is, after so many of this stage's windows.
    fn progress(&self, done: usize, windows: usize, started: Instant) -> Event {
        let (done, windows) = (self.before + done, self.before + windows);
        let elapsed = started.elapsed().as_secs_f64();
        Event::Window {
            done,
            windows,
            remaining_seconds: elapsed / done.max(1) as f64 * (windows - done) as f64,
        }
    }
}

impl Sliding {
    /// The images, at least one, all on one grid; with `region`, in this part of them alone. `None` without images.
    fn new(
        predictor: &Predictor,
        images: &[&Image],
        region: Option<Bounds>,
        config: &PredictConfig,
    ) -> Option<Box<Self>> {
        let &image = images.first()?;
        let Metadata {
            patch,
            preprocessing,
            labels,
            ..
        } = predictor.metadata();
        let case = Prepared::within(region, images, None, preprocessing, *patch);
        let with_disagreement = predictor.shows_disagreement(config);
        let mut blender = Blender::new(&case, *patch, labels, config, with_disagreement);
        // A CPU adds them up as they come.
        if !is_cpu(predictor.device()) {
            blender = blender.on(predictor.device());
        }
        let bytes = 4 * labels.outputs() * patch.iter().product::<usize>();
        Some(Box::new(Self {
            header: image.header().clone(),
            grid: image.grid().clone(),
            ahead: Ahead::new(blender.windows.starts.len(), config.batch_size, bytes),
            blender,
            case,
            told: false,
        }))
    }

    /// The segmentation on the image's own grid. The network's input is dropped first.
    fn finish(self, metadata: &Metadata, config: &PredictConfig) -> Result<Segmentation> {
        let Self {
            header,
            grid,
            mut case,
            blender,
            ..
        } = self;
        case.image = Array4::default((0, 0, 0, 0));
        let Metadata {
            preprocessing, labels, ..
        } = metadata;
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
        config.inference.post_processing.apply(&mut classes, grid.voxel_ml());
        let volumes = volumes(&classes, labels, &grid);
        let map = LabelImage::on_grid(labels.decode(classes.view()), header, grid);
        let map = map.map_err(unusable)?;
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
            logits: logits.map(|logits| case.native.without_padding(&logits)),
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
