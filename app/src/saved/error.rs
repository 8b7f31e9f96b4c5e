//! Why a session's files cannot be read or stored.

/// One plain sentence for the person at the page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The browser would not hand over a file's bytes.
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
    /// The browser's storage would not take a file.
    #[error(
        "the browser has no room to keep this session ({0}): it will be gone when the tab is closed; save what you need"
    )]
    NoRoom(String),
    /// An archive that holds no session.
    #[error("{file}: not a session of this program ({reason}); drop a .zip that it saved")]
    NoSession {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value that would not become JSON.
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
    /// Choices that cannot be read.
    #[error(
        "{file} cannot be read ({reason}): files are paired by their names again; repeat the choices that you made by \
         hand"
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
