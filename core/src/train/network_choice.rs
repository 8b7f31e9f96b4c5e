//! Which network is trained.

use serde::{Deserialize, Serialize};

use crate::backbone::{Backbone, Network, Size};

/// The network of a run: one of the named sizes of a backbone, or one with custom numbers. In files these are the keys
/// `backbone`, `size` and, for custom numbers, `network`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Keys", into = "Keys")]
pub enum NetworkChoice {
    /// A named size.
    Named {
        /// Which backbone.
        backbone: Backbone,
        /// Which of its sizes.
        size: Size,
    },
    /// Custom architectural numbers.
    Custom {
        /// The numbers.
        network: Network,
        /// The named size whose parameter count is used to estimate memory.
        size: Size,
    },
}

impl Default for NetworkChoice {
    fn default() -> Self {
        Self::named(Backbone::Unetr, Size::Small)
    }
}

impl NetworkChoice {
    /// A named size of a backbone.
    pub fn named(backbone: Backbone, size: Size) -> Self {
        Self::Named { backbone, size }
    }

    /// A network with custom numbers.
    pub fn custom(network: Network) -> Self {
        let size = Self::default().size();
        Self::Custom { network, size }
    }

    /// The named size with these numbers, else custom ones.
    pub fn of(network: Network) -> Self {
        match network.size() {
            Some(size) => Self::named(network.backbone(), size),
            None => Self::custom(network),
        }
    }

    /// Which backbone it is.
    pub fn backbone(&self) -> Backbone {
        match self {
            Self::Named { backbone, .. } => *backbone,
            Self::Custom { network, .. } => network.backbone(),
        }
    }

    /// The named size; for custom numbers, the one used to estimate memory.
    pub fn size(&self) -> Size {
        let (Self::Named { size, .. } | Self::Custom { size, .. }) = self;
        *size
    }

    /// The same size of another backbone. Custom numbers are dropped.
    #[must_use]
    pub fn with_backbone(&self, backbone: Backbone) -> Self {
        Self::named(backbone, self.size())
    }

    /// Another size of the same backbone. Custom numbers are dropped.
    #[must_use]
    pub fn with_size(&self, size: Size) -> Self {
        Self::named(self.backbone(), size)
    }

    /// The architectural numbers.
    pub fn network(&self) -> Network {
        match self {
            Self::Named { backbone, size } => Network::new(*backbone, *size),
            Self::Custom { network, .. } => network.clone(),
        }
    }

    /// Trainable parameters of the named size, used to estimate memory; see [`Backbone::parameters`].
    pub fn parameters(&self) -> usize {
        self.backbone().parameters(self.size())
    }
}

/// The choice in the form of files.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Keys {
    backbone: Backbone,
    size: Size,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Network>,
}

impl Default for Keys {
    fn default() -> Self {
        NetworkChoice::default().into()
    }
}

impl From<NetworkChoice> for Keys {
    fn from(choice: NetworkChoice) -> Self {
        Self {
            backbone: choice.backbone(),
            size: choice.size(),
            network: match choice {
                NetworkChoice::Named { .. } => None,
                NetworkChoice::Custom { network, .. } => Some(network),
            },
        }
    }
}

impl TryFrom<Keys> for NetworkChoice {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let Keys {
            backbone,
            size,
            network,
        } = keys;
        match network {
            None => Ok(Self::named(backbone, size)),
            Some(network) if network.backbone() == backbone => Ok(Self::Custom { network, size }),
            Some(network) => Err(format!(
                "the settings name the backbone {backbone} and give numbers for {}: make them agree",
                network.backbone()
            )),
        }
    }
}
