//! From the list of losses to the type that holds one of them.

/// Declares the files of the list and [`SupervisedLoss`](super::SupervisedLoss), which has one variant per file.
///
/// An entry is `file::Settings;`, after an attribute `#[cfg(…)]` where it has a condition. The settings are the
/// file's type; in files they have its name in kebab case as `kind`. The first entry, `untagged`, has none.
macro_rules! losses {
    (
        $unnamed_file:ident::$Unnamed:ident untagged;
        $($(#[$when:meta])* $file:ident::$Loss:ident;)*
    ) => {
        mod $unnamed_file;
        pub use $unnamed_file::$Unnamed;
        $(
            $(#[$when])*
            mod $file;
            $(#[$when])*
            pub use $file::$Loss;
        )*

        /// The supervised loss of a run. In files it is the settings of one of the losses, with its name as
        /// `kind`; Dice plus cross entropy is written without a name.
        #[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(
            remote = "Self",
            tag = "kind",
            rename_all = "kebab-case",
            expecting = "there is no loss of this kind with these settings"
        )]
        pub enum SupervisedLoss {
            $(
                #[doc = concat!("[`", stringify!($Loss), "`].")]
                $(#[$when])*
                $Loss($Loss),
            )*
            #[doc = concat!("[`", stringify!($Unnamed), "`].")]
            #[serde(untagged)]
            $Unnamed($Unnamed),
        }

        /// The settings of the loss that is written without a name.
        type Unnamed = $Unnamed;

        impl SupervisedLoss {
            fn chosen(&self) -> &dyn Loss {
                match self {
                    $(
                        $(#[$when])*
                        Self::$Loss(loss) => loss,
                    )*
                    Self::$Unnamed(loss) => loss,
                }
            }
        }

        impl From<$Unnamed> for SupervisedLoss {
            fn from(loss: $Unnamed) -> Self {
                Self::$Unnamed(loss)
            }
        }

        $(
            $(#[$when])*
            impl From<$Loss> for SupervisedLoss {
                fn from(loss: $Loss) -> Self {
                    Self::$Loss(loss)
                }
            }
        )*
    };
}

pub(super) use losses;
