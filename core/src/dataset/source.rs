//! Where the voxels of one channel are stored.

use serde::{Deserialize, Serialize};

/// The files of one channel of a case: one, or several if the format has a file per slice; and which frame of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Paths, as given.
    pub files: Vec<String>,
    /// The frame of a series, counted from 0; `None` for a single volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<usize>,
}

impl Source {
    /// A volume of one file.
    pub fn file(path: impl Into<String>) -> Source {
        Source {
            files: vec![path.into()],
            frame: None,
        }
    }

    /// Path of the first file, by which messages name the channel; empty where there is none.
    pub fn path(&self) -> &str {
        self.files.first().map_or("", String::as_str)
    }
}

/// How the frames of a 4D file are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frames {
    /// This one, counted from 0, is the image.
    One(usize),
    /// Each is a channel.
    Channels,
}

impl Frames {
    /// How a file with `frames` frames is used if cases of its data set have `channels` channels: `None` if it has one
    /// frame, or if the user has to choose.
    pub fn expected(frames: usize, channels: usize) -> Option<Frames> {
        (frames > 1 && frames == channels).then_some(Frames::Channels)
    }

    /// The channels formed by the frames of a series with `frames` frames.
    pub fn sources(self, series: &Source, frames: usize) -> Vec<Source> {
        let chosen = match self {
            Frames::One(frame) => frame..frame + 1,
            Frames::Channels => 0..frames,
        };
        let source = |frame| Source {
            files: series.files.clone(),
            frame: Some(frame),
        };
        chosen.map(source).collect()
    }
}
