//! Stands in for `cubecl-llvm` 0.11.3, so that CUDA builds from the package registry alone.
//!
//! cubecl-cuda has two compilers for its kernels and always links both: NVRTC, which comes with CUDA
//! and is loaded when a program runs, and LLVM. The original of this crate is the second; its build
//! script downloads an LLVM of some hundred megabytes from outside the registry, which many machines
//! cannot reach and none here needs: `medcontext-core` chooses NVRTC by cubecl-cuda's feature `cpp`.
//! So this crate offers the names that cubecl-cuda uses, and an error where LLVM would compile.
//!
//! It belongs to version 0.11.3 of cubecl-cuda alone. Remove it, with `[patch.crates-io]` in the
//! workspace's `Cargo.toml`, when a newer cubecl-cuda can be built without LLVM; when a newer one
//! cannot, give this crate its version and whatever names it asks for.

use std::convert::Infallible;
use std::ffi::c_char;
use std::fmt;

use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_core::{CompilationError, Compiler};
use cubecl_environment::backtrace::BackTrace;
use cubecl_runtime::kernel::BufferIOAttr;
use nvptx::ptx_version::PtxVersion;

pub mod nvptx {
    //! NVIDIA GPUs.

    pub mod ptx_version {
        //! Versions of PTX, the language that the LLVM compiler would write.

        use std::fmt;

        /// A version of PTX. There is none, since nothing here writes PTX.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PtxVersion {}

        impl PtxVersion {
            /// The version to write for a driver: none.
            #[must_use]
            pub fn for_driver(_driver: i32) -> Option<Self> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {}
            }
        }
    }
}

pub mod shared {
    //! What the LLVM compiler's targets share.

    pub mod lowered_features {
        //! Which of a device's features the LLVM compiler can use.

        use cubecl_core::ir::DeviceProperties;

        /// The kind of GPU to compile for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Would take away what the LLVM compiler cannot use. It compiles nothing, so nothing is.
        pub fn restrict_features(_properties: &mut DeviceProperties, _target: GpuTarget) {}
    }
}

/// The kind of machine to compile for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LlvmTarget {
    /// NVIDIA's GPUs.
    #[default]
    Nvptx,
}

/// The LLVM compiler's place: it refuses every kernel.
#[derive(Clone, Debug, Default)]
pub struct PlironCompiler {
    /// What to compile for.
    pub target: LlvmTarget,
}

/// What the LLVM compiler would be told.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// An AMD GPU's architecture. There is none here.
    pub arch: Option<Infallible>,
    /// An NVIDIA GPU's architecture.
    pub sm_arch: Option<SmArch>,
    /// The version of PTX to write.
    pub ptx_version: Option<PtxVersion>,
    /// Whether scalars are passed in the kernel's parameters.
    pub grid_constants: bool,
}

/// A compiled kernel. None is ever made, as its last field says.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// PTX, ending with a zero.
    pub ptx: Vec<c_char>,
    /// The kernel in LLVM's language, for logs.
    pub ir: String,
    /// Bytes of shared memory that a launch needs.
    pub shared_memory_size: usize,
    /// What the kernel does with each buffer.
    pub io: Vec<BufferIOAttr>,
    never: Infallible,
}

/// What compiling gives. None is ever made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PlironArtifact {
    /// A kernel for an NVIDIA GPU.
    NvptxCode(NvptxModule),
}

impl fmt::Display for PlironArtifact {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::NvptxCode(module) = self;
        match module.never {}
    }
}

impl Compiler for PlironCompiler {
    type Representation = PlironArtifact;
    type CompilationOptions = PlironOptions;

    fn compile(
        &mut self,
        _kernel: KernelDefinition,
        _options: &PlironOptions,
    ) -> Result<PlironArtifact, CompilationError> {
        Err(CompilationError::Generic {
            reason: "this program was built without LLVM: enable the feature `cpp` of cubecl-cuda, \
                     which compiles kernels with NVRTC"
                .to_owned(),
            backtrace: BackTrace::capture(),
        })
    }

    fn extension(&self) -> &'static str {
        "ll"
    }

    fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
