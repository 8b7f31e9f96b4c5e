//! Why a weights file cannot be used. Each sentence follows "the weights".

/// A weights file that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WeightsError {
    /// Not a safetensors file, or a damaged one.
    #[error("cannot be read as safetensors ({0}); choose a .safetensors file that was saved here")]
    Format(String),
    /// A safetensors file without our metadata.
    #[error(
        "carry no MedContext metadata; convert them first with `core convert`, or choose a file that was saved here"
    )]
    NoMetadata,
    /// A pretrained encoder, without the layers that segment.
    #[error("are of an encoder pretrained with {0}, which does not segment; train from it: `core train --start-from`")]
    OnlyEncoder(&'static str),
    /// Weights from other programs, which do not tell everything needed to use them.
    #[error(
        "are of {network} and say neither how images are to be prepared nor what is segmented; convert them first and \
         tell it: `core convert FILE NEW.safetensors {options}`"
    )]
    Untold {
        /// The network as far as the tensors tell.
        network: String,
        /// The options that tell the rest.
        options: String,
    },
    /// A part that the file does not have.
    #[error("hold no network at {wanted:?}; choose one of {found}")]
    NoPart {
        /// What was asked for.
        wanted: String,
        /// The parts with networks.
        found: String,
    },
    /// Tensors from other programs that would be ignored.
    #[error(
        "hold tensors that the network has no place for ({0}); see with `core convert` what of them is of use, and \
         start from the file that it writes"
    )]
    Leftover(String),
    /// A PyTorch file that cannot be read.
    #[error("cannot be read as a PyTorch checkpoint: {0}; save its state_dict again")]
    Checkpoint(String),
    /// Tensors of an unknown network, or of one that needs more options.
    #[error("{0}")]
    Unrecognized(String),
    /// Metadata that this version does not understand.
    #[error("have metadata that cannot be read ({0}); save them again with this version")]
    BadMetadata(String),
    /// A parameter that the network needs and the file lacks.
    #[error("lack the tensor {0}; they belong to another network")]
    Missing(String),
    /// A parameter of another shape.
    #[error("have {name} in shape {found:?} where the network needs {expected:?}; they belong to another network")]
    Shape {
        /// The parameter's name in the file.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape that the network needs, in the file's layout.
        expected: Vec<usize>,
    },
    /// A parameter that is not stored as floats.
    #[error("store {name} as {found}, which are not floats; convert them to F32")]
    Datatype {
        /// The parameter's name in the file.
        name: String,
        /// How it is stored.
        found: String,
    },
    /// A network other than the one asked for.
    #[error("belong to {found}, not to {expected}; {remedy}")]
    OtherNetwork {
        /// What the file holds.
        found: String,
        /// What was asked for.
        expected: String,
        /// What to do, from "choose" on.
        remedy: String,
    },
    /// A network for another number of channels than a case has.
    #[error(
        "are for {network} channels and the case has {case}; give as many images of one grid, or convert the weights \
         with `core convert --channels {case}`"
    )]
    Channels {
        /// Channels that the network takes.
        network: usize,
        /// Channels of the case.
        case: usize,
    },
    /// A parameter that holds something other than numbers.
    #[error("hold NaN or infinite values in {0}; train again with a lower learning rate")]
    NotFinite(String),
    /// The file cannot be written.
    #[error("could not be written ({0}); free some space or choose another folder")]
    Unwritten(String),
    /// The state of a run with other settings, cases or labels.
    #[error("belong to a run with {0}; give the same, or start a new run in another folder")]
    OtherRun(String),
    /// The device did not answer while parameters were read from it.
    #[error("could not be read back from the device; try again or use the cpu")]
    Device,
}
