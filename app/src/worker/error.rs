//! Why something could not be done.

use medcontext_core::dataset::DatasetError;
use medcontext_core::weights::WeightsError;

/// One plain sentence for the person at the page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// From the library.
    #[error(transparent)]
    Core(#[from] medcontext_core::Error),
    /// A weights file that cannot be used.
    #[error("{file}: {source}")]
    Weights {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: medcontext_core::Error,
    },
    /// The browser would not hand over a file's bytes, or take new ones.
    #[error("{file}: the browser could not read it ({reason}); drop it again")]
    Unreadable {
        /// The file.
        file: String,
        /// The browser's words.
        reason: String,
    },
    /// The browser would not make a file.
    #[error("the browser could not make a file ({0}); close other tabs to free memory and try again")]
    NoBlob(String),
    /// Something was asked for while something else runs.
    #[error("something is still running; stop it first")]
    Busy,
    /// The page named a case that is gone.
    #[error("case {0} is not here any more; drop its files again")]
    NoCase(String),
    /// More volumes than fit.
    #[error(
        "{cases} {needed_gib:.1} GiB of memory and a page has room for {room_gib:.1}: train on fewer of them, or crop \
         or downsample the volumes"
    )]
    NoMemory {
        /// How many, with the verb: "these 3 cases take".
        cases: String,
        /// What they take.
        needed_gib: f64,
        /// What there is.
        room_gib: f64,
    },
    /// Prediction without a network.
    #[error("there are no weights yet; train first, or drop a .safetensors file")]
    NoWeights,
    /// The browser's storage would not take a file.
    #[error(
        "the browser has no room to keep this session ({0}): it will be gone when the tab is closed; save what you need"
    )]
    NoRoom(String),
    /// The browser's storage belongs to another tab.
    #[error(
        "another tab with this page keeps its session: what is done in this one will be gone when it is closed; save \
         what you need"
    )]
    OtherTab,
    /// A training run that cannot go on.
    #[error("no interrupted training run is kept; start a new one")]
    NoState,
    /// An archive that holds no session.
    #[error("{file}: not a session of this program ({reason}); drop a .zip that it saved")]
    NoSession {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something of this program's own that would not become JSON.
    #[error("{file} could not be written ({reason}); what was there before is left as it was")]
    Json {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// A session in the browser's storage that cannot be read.
    #[error(
        "this browser keeps a session that this version of the program cannot read ({0}); it stays until new files are \
         dropped"
    )]
    UnreadableSession(String),
    /// Kept decisions that cannot be read.
    #[error(
        "{file} cannot be read ({reason}): files are paired by their names again; say anew what was decided by hand"
    )]
    Choices {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// An archive that could not be written or read.
    #[error("the archive: {0}")]
    Archive(String),
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

impl Error {
    /// A file whose bytes the browser would not hand over, in its words.
    pub fn unreadable(file: &str, reason: String) -> Self {
        Self::Unreadable {
            file: file.to_owned(),
            reason,
        }
    }
}

/// Result with this [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
