//! Why something could not be done.

use medcontext_core::dataset::DatasetError;
use medcontext_core::volume::VolumeError;
use medcontext_core::weights::WeightsError;

use crate::saved;

/// One plain sentence for the person at the page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// From the library.
    #[error(transparent)]
    Core(#[from] medcontext_core::Error),
    /// From the session's files.
    #[error(transparent)]
    Saved(#[from] saved::Error),
    /// A weights file that cannot be used.
    #[error("{file}: {source}")]
    Weights {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: medcontext_core::Error,
    },
    /// Something was asked for while something else runs.
    #[error("something is still running; stop it first")]
    Busy,
    /// The page named a case that is gone.
    #[error("case {0} is not here any more; drop its files again")]
    NoCase(String),
    /// Reading was stopped.
    #[error("reading was stopped before {0} of the cases, which are left out; drop their files again to use them")]
    LeftUnread(usize),
    /// Prediction without a network.
    #[error("there are no weights yet; train first, or drop a .safetensors file")]
    NoWeights,
    /// The browser's storage belongs to another tab.
    #[error(
        "another tab with this page keeps its session: what is done in this one will be gone when it is closed; save \
         what you need"
    )]
    OtherTab,
    /// A training run that cannot be resumed.
    #[error("no interrupted training run is kept; start a new one")]
    NoState,
    /// Logits that could not be written.
    #[error("the logits could not be written: {0}")]
    Logits(String),
}

impl From<DatasetError> for Error {
    fn from(error: DatasetError) -> Self {
        Self::Core(error.into())
    }
}

impl From<WeightsError> for Error {
    fn from(error: WeightsError) -> Self {
        Self::Core(error.into())
    }
}

/// Puts the file's name before what is wrong with it.
pub fn named(path: &str) -> impl FnOnce(VolumeError) -> medcontext_core::Error {
    let file = path.to_owned();
    move |source| medcontext_core::Error::Volume { file, source }
}

/// Result with this [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
