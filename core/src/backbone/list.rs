//! From the list of backbones to the types that hold one of them.

/// Declares the files of the list and what has one case for each of them: [`Network`](super::Network),
/// [`Model`](super::Model), the names of [`Backbone`](super::Backbone), and the table of what is known of
/// each file beforehand.
///
/// An entry is `file::Layers(Numbers): Name, …;`. The layers and the numbers are the file's types, the names
/// become variants of `Backbone`; an attribute `#[cfg(…)]` may stand before it.
macro_rules! backbones {
    // All entries have their condition: what is to be declared.
    (@declare $({
        # $when:tt $file:ident $Layers:ident $Numbers:ident $($name:ident)+
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

            /// All of them.
            pub const ALL: [Self; Self::COUNT] = [$($( # $when Self::$name, )+)+];

            /// What its file says of it.
            fn label(self) -> &'static Label {
                match self {
                    $($(
                        # $when
                        Self::$name => const { Label::of::<$Numbers>(Self::$name) },
                    )+)+
                }
            }
        }

        /// The files of the list.
        const ENTRIES: &[Entry] = &[$( # $when Entry::of::<$Numbers>(), )+];
    };

    // An entry with a condition, and one without, which gets one that always holds.
    (@ [$($done:tt)*]
        # $when:tt $file:ident::$Layers:ident($Numbers:ident): $($name:ident),+; $($rest:tt)*
    ) => {
        backbones!(@ [$($done)* { # $when $file $Layers $Numbers $($name)+ }] $($rest)*);
    };
    (@ [$($done:tt)*]
        $file:ident::$Layers:ident($Numbers:ident): $($name:ident),+; $($rest:tt)*
    ) => {
        backbones!(@ [$($done)* { #[cfg(all())] $file $Layers $Numbers $($name)+ }] $($rest)*);
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
