//! From the list of backbones to the types that hold one of them.

/// Declares the backbone files and everything that has one variant per file: [`Network`](super::Network),
/// [`Model`](super::Model), the names of [`Backbone`](super::Backbone), and the table of their entries.
///
/// An entry is `file::Layers(Numbers): Name, …;`. The layers and the numbers are the file's types, the names
/// become variants of `Backbone`; in kebab case they are what the file calls them. An attribute `#[cfg(…)]` may
/// stand before an entry.
macro_rules! backbones {
    // All entries have a condition: the declarations.
    (@declare $({
        # $when:tt $file:ident $Layers:ident $Numbers:ident [$first:ident $($other:ident)*] $($name:ident)+
    })+) => {
        $(
            # $when
            mod $file;
            # $when
            pub use $file::{$Layers, $Numbers};
        )+

        /// Architectural numbers of one network.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        pub enum Network {
            $(
                #[doc = concat!("Those of [`", stringify!($Layers), "`].")]
                # $when
                $Layers($Numbers),
            )+
        }

        impl Network {
            /// A named size of a backbone.
            pub fn new(backbone: Backbone, size: Size) -> Self {
                match backbone {
                    $($(
                        # $when
                        Backbone::$name => {
                            let named = const { named::<$Numbers>(stringify!($name)) };
                            Self::$Layers((named.numbers)(size))
                        }
                    )+)+
                }
            }

            /// Which backbone this is.
            pub fn backbone(&self) -> Backbone {
                match self {
                    $(
                        # $when
                        Self::$Layers(numbers) => {
                            const OTHERS: &[Backbone] = &[$(Backbone::$other,)*];
                            let name = numbers.name();
                            let other = OTHERS.iter().find(|other| other.label().name == name);
                            other.copied().unwrap_or(Backbone::$first)
                        }
                    )+
                }
            }

            /// Its layers with new parameters.
            fn layers(
                &self,
                channels: usize,
                classes: usize,
                patch: [usize; 3],
                init: &mut crate::nn::Init,
            ) -> Model {
                match self {
                    $(
                        # $when
                        Self::$Layers(numbers) => {
                            Model::$Layers(numbers.build(channels, classes, patch, init))
                        }
                    )+
                }
            }

            fn architecture(&self) -> &dyn Architecture {
                match self {
                    $(
                        # $when
                        Self::$Layers(numbers) => numbers,
                    )+
                }
            }
        }

        /// A network with its parameters.
        #[derive(burn::module::Module, Debug)]
        // One value of this type lives at a time; a box would be one more step for every visitor.
        #[allow(clippy::large_enum_variant)]
        pub enum Model {
            $(
                #[doc = concat!("[`", stringify!($Layers), "`].")]
                # $when
                $Layers($Layers),
            )+
        }

        impl Model {
            fn segmenter(&self) -> &dyn Segmenter {
                match self {
                    $(
                        # $when
                        Self::$Layers(layers) => layers,
                    )+
                }
            }
        }

        /// The networks that can be chosen by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Backbone {
            $($(
                #[doc = concat!("A name of [`", stringify!($Layers), "`].")]
                # $when
                $name,
            )+)+
        }

        impl Backbone {
            const COUNT: usize = [$($( # $when Self::$name, )+)+].len();

            /// All backbones.
            pub const ALL: [Self; Self::COUNT] = [$($( # $when Self::$name, )+)+];

            /// Its label, from its file.
            fn label(self) -> &'static Label {
                match self {
                    $($(
                        # $when
                        Self::$name => const { &named::<$Numbers>(stringify!($name)).label },
                    )+)+
                }
            }
        }

        /// The files of the list.
        const ENTRIES: &[Entry<Network>] = &[$(
            # $when
            Entry::of::<$Numbers>(|shapes, untold| {
                let untold = untold.of(|network| match network {
                    Network::$Layers(numbers) => Some(numbers),
                    _ => None,
                });
                Ok(<$Numbers>::recognize(shapes, &untold)?.map(Network::$Layers))
            }),
        )+];
    };

    // An entry with a condition, and one without, which gets one that always holds.
    (@ [$($done:tt)*]
        # $when:tt $file:ident::$Layers:ident($Numbers:ident): $($name:ident),+; $($rest:tt)*
    ) => {
        backbones!(@ [$($done)* { # $when $file $Layers $Numbers [$($name)+] $($name)+ }] $($rest)*);
    };
    (@ [$($done:tt)*]
        $file:ident::$Layers:ident($Numbers:ident): $($name:ident),+; $($rest:tt)*
    ) => {
        backbones!(@ [$($done)* { #[cfg(all())] $file $Layers $Numbers [$($name)+] $($name)+ }] $($rest)*);
    };
    (@ [$($done:tt)*]) => {
        backbones!(@declare $($done)*);
    };
    (@ $($other:tt)*) => {
        compile_error!("an entry of the list is `file::Layers(Numbers): Name, Name;`");
    };
    ($($list:tt)+) => {
        backbones!(@ [] $($list)+);
    };
}

pub(super) use backbones;
