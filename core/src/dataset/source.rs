//! Where the voxels of one channel are.

use serde::{Deserialize, Serialize};

/// The files of one channel of a case: one, or several where its format stores each slice in one; and which
/// frame of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Paths, as given.
    pub files: Vec<String>,
    /// The frame, counted from 0, of a series; `None` for a volume of one.
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
    /// How a file of so many frames is used, when a case has so many `channels` by what is known of its data
    /// set: `None` where it has one frame, or where someone has to choose.
    pub fn expected(frames: usize, channels: usize) -> Option<Frames> {
        (frames > 1 && frames == channels).then_some(Frames::Channels)
    }

    /// The channels that the frames of a series are, when it has so many.
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
