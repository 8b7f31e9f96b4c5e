//! An image with label maps on its grid, and the figure of one of its slices.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ndarray::{Array2, Array3};

use super::difference::{boxes, differing};
use super::figure::Figure;
use super::legend::{Entry, Sign};
use super::panel::{self, Colors, Panel};
use super::plane::Plane;
use super::window::Window;
use crate::Error;
use crate::cli::{Failure, Outcome};
use crate::volume::{Grid, Header, Image, LabelImage, Placement, label_rgb};

/// Of voxels that are not labeled, as on the page.
const UNLABELED: [u8; 3] = [0x80; 3];

/// What of a scene is drawn.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct View {
    pub plane: Plane,
    /// Its number in the plane's direction, from 0; `None` for the one that shows most.
    pub slice: Option<usize>,
    /// `None` for the one that suits the image.
    pub window: Option<Window>,
}

/// A figure as a PNG file, and what it shows.
pub(in crate::cli) struct Drawn {
    pub png: Vec<u8>,
    /// The slice, of how many, and the window, in words.
    pub words: String,
}

/// A label map with axes \[S, A, R\].
struct Layer {
    title: String,
    labels: Array3<u16>,
}

/// An image, its true labels, and predictions.
pub(in crate::cli) struct Scene {
    /// Name of the image's file.
    scan: String,
    header: Header,
    grid: Grid,
    /// Intensities with axes \[S, A, R\].
    volume: Array3<f32>,
    truth: Option<Layer>,
    /// The id of voxels of the truth that are not labeled.
    ignored: Option<u16>,
    predictions: Vec<Layer>,
    /// Names of labels by id, where known.
    names: BTreeMap<u16, String>,
    /// Ids that occur.
    present: BTreeSet<u16>,
}

impl Scene {
    /// An image without label maps, with the names of labels as far as they are known; `scan` is its file.
    pub fn new(scan: &Path, image: &Image, names: BTreeMap<u16, String>) -> Self {
        Self {
            scan: scan.display().to_string(),
            header: image.header().clone(),
            grid: image.grid().clone(),
            volume: image.canonical(),
            truth: None,
            ignored: None,
            predictions: Vec::new(),
            names,
            present: BTreeSet::new(),
        }
    }

    /// Adds the true labels, which come from a file.
    ///
    /// # Errors
    /// When they lie on another grid than the image.
    pub fn set_truth(&mut self, file: &Path, map: LabelImage) -> Outcome {
        self.ignored = map.ignored();
        self.truth = Some(self.layer("Truth".to_owned(), file, map)?);
        Ok(())
    }

    /// Adds a prediction under a title.
    ///
    /// # Errors
    /// When it lies on another grid than the image.
    pub fn add_prediction(&mut self, title: String, file: &Path, map: LabelImage) -> Outcome {
        let layer = self.layer(title, file, map)?;
        self.predictions.push(layer);
        Ok(())
    }

    fn layer(&mut self, title: String, file: &Path, map: LabelImage) -> Result<Layer, Failure> {
        for (id, name) in map.names() {
            self.names.entry(id).or_insert(name);
        }
        self.present.extend(map.present());
        let file = file.display().to_string();
        if let Some(problem) = self.problem(&file, map.grid()) {
            return Err(Failure::Message(problem));
        }
        let placed = map.placed_on(&self.header, &self.grid);
        let (map, _) = placed.map_err(|source| Error::Volume { file, source })?;
        Ok(Layer {
            title,
            labels: map.canonical(),
        })
    }

    /// Why a label map on this grid does not fit the image.
    fn problem(&self, file: &str, grid: &Grid) -> Option<String> {
        match self.grid.placement_of(grid) {
            Placement::Same(_) => None,
            Placement::VoxelByVoxel { distance } => Some(format!(
                "{file}: by its header it lies {distance:.1} voxels away from {}; give a label map of this scan, or \
                 correct the header that is wrong",
                self.scan
            )),
            Placement::Elsewhere => Some(format!(
                "{file}: it has {}, not {} as {}; give a label map on the grid of the scan",
                grid.describe(),
                self.grid.describe(),
                self.scan
            )),
        }
    }

    /// Draws the image alone and under each label map.
    ///
    /// # Errors
    /// When the image does not have the slice, or there is no memory for the figure.
    pub fn draw(&self, view: View) -> Result<Drawn, Failure> {
        let View { plane, slice, window } = view;
        let differing = self.differing();
        let slice = match slice {
            Some(slice) => self.checked(plane, slice)?,
            None => self.most_telling(plane, differing.as_ref()),
        };
        let window = window.unwrap_or_else(|| Window::of(&self.volume));
        let voxel_mm = plane.voxel_mm(&self.grid);
        let frames = differing.map_or(Vec::new(), |differing| boxes(&plane.cut(&differing, slice), voxel_mm));
        let gray = plane.cut(&self.volume, slice).mapv(|value| window.gray(value));
        let views = self.views(plane, slice);
        let colors = self.colors();
        let entries = self.entries(&views, &colors, !frames.is_empty());
        let panel = Panel {
            size: panel::size(gray.dim(), voxel_mm),
            gray: panel::gray_picture(&gray).ok_or_else(|| Failure::Message(format!("{} has no voxels", self.scan)))?,
            letters: plane.letters(),
            frames,
            colors,
        };
        let (name, start) = plane.words();
        let figure = Figure { panel, views, entries };
        Ok(Drawn {
            png: figure.into_png()?,
            words: format!(
                "{name} slice {slice} of {}, counted from 0 at the {start}; window {window}",
                plane.slices(&self.volume)
            ),
        })
    }

    /// Where any prediction differs from the truth or, without one, from the first prediction.
    fn differing(&self) -> Option<Array3<bool>> {
        let mut layers = self.layers().map(|layer| &layer.labels);
        let reference = layers.next()?;
        Some(differing(reference, &layers.collect::<Vec<_>>(), self.ignored))
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.truth.iter().chain(&self.predictions)
    }

    /// The slice that differs in most voxels; where none does, that with most labels, else the middle.
    fn most_telling(&self, plane: Plane, differing: Option<&Array3<bool>>) -> usize {
        let labeled = || {
            let mut labeled = Array3::from_elem(self.volume.dim(), false);
            for layer in self.layers() {
                labeled.zip_mut_with(&layer.labels, |labeled, &label| {
                    *labeled |= label > 0 && Some(label) != self.ignored;
                });
            }
            plane.fullest(&labeled)
        };
        let differing = differing.and_then(|differing| plane.fullest(differing));
        differing.or_else(labeled).unwrap_or(plane.slices(&self.volume) / 2)
    }

    fn checked(&self, plane: Plane, slice: usize) -> Result<usize, Failure> {
        let slices = plane.slices(&self.volume);
        let (name, start) = plane.words();
        match slice < slices {
            true => Ok(slice),
            false => Err(Failure::Message(format!(
                "{}: there is no {name} slice {slice}; it has {slices}, counted from 0 at the {start}",
                self.scan
            ))),
        }
    }

    /// Title and labels of every panel.
    fn views(&self, plane: Plane, slice: usize) -> Vec<(String, Option<Array2<u16>>)> {
        let layers = self.layers();
        let labeled = layers.map(|layer| (layer.title.clone(), Some(plane.cut(&layer.labels, slice))));
        std::iter::once(("Image".to_owned(), None)).chain(labeled).collect()
    }

    /// Colors of all labels that have a name or occur, so that a label has one color in all figures of a data set.
    fn colors(&self) -> Colors {
        let known = self.names.keys().chain(&self.present);
        let known: BTreeSet<u16> = known
            .copied()
            .filter(|&id| id > 0 && Some(id) != self.ignored)
            .collect();
        let colors = known.into_iter().enumerate();
        let colors = colors.map(|(place, id)| (id, label_rgb(place)));
        colors.chain(self.ignored.map(|id| (id, UNLABELED))).collect()
    }

    /// The legend of what is drawn.
    fn entries(&self, views: &[(String, Option<Array2<u16>>)], colors: &Colors, boxes: bool) -> Vec<Entry> {
        let drawn: BTreeSet<u16> = views
            .iter()
            .filter_map(|(_, labels)| labels.as_ref())
            .flatten()
            .copied()
            .collect();
        let labels = colors.iter().filter(|(id, _)| drawn.contains(*id));
        let labels = labels.map(|(id, &color)| Entry {
            sign: Sign::Label(color),
            words: match self.names.get(id) {
                _ if Some(*id) == self.ignored => "not labeled".to_owned(),
                Some(name) => name.clone(),
                None => format!("label {id}"),
            },
        });
        let boxes = boxes.then(|| Entry {
            sign: Sign::Box,
            words: "largest differences".to_owned(),
        });
        labels.chain(boxes).collect()
    }
}
