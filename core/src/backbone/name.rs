//! Names by which networks are chosen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Backbone, Network, Registered};

/// One of the names of a backbone's file, with what is said of the network.
pub(super) struct Label {
    /// The name's variant.
    pub backbone: Backbone,
    /// The name in commands and files: the variant's in kebab case.
    pub name: &'static str,
    /// The name as papers write it.
    pub title: &'static str,
    /// Parameters of the sizes in their order, for one channel, three classes and a small patch.
    pub parameters: [usize; 3],
    /// How fast it is beside the others, in words.
    pub pace: &'static str,
    /// Which published settings it takes.
    pub recipes: RecipeFamily,
    /// The numbers of a named size.
    pub network: fn(Size) -> Network,
}

impl Label {
    /// The label of one of the names of the file whose numbers are `T`. Without one, the program does not
    /// compile.
    pub(super) const fn of<T: Registered>(backbone: Backbone) -> &'static Self {
        let mut index = 0;
        while index < T::LABELS.len() {
            if T::LABELS[index].backbone as usize == backbone as usize {
                return &T::LABELS[index];
            }
            index += 1;
        }
        panic!("the list has a name that the backbone's file has not")
    }
}

/// Published settings that backbones share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeFamily {
    /// MONAI's pipelines, as the released MedContext code uses them.
    Monai,
    /// nnU-Net's pipelines, as the released nnFormer code uses them.
    NnUnet,
}

impl Backbone {
    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        self.label().name
    }

    /// The name as papers write it.
    pub fn title(self) -> &'static str {
        self.label().title
    }

    /// Parameters of a named size for one channel, three classes and a small patch.
    pub fn parameters(self, size: Size) -> usize {
        let [tiny, small, paper] = self.label().parameters;
        match size {
            Size::Tiny => tiny,
            Size::Small => small,
            Size::Paper => paper,
        }
    }

    /// How fast it is beside the others, in words.
    pub fn pace(self) -> &'static str {
        self.label().pace
    }

    /// Which published settings it takes.
    pub fn recipes(self) -> RecipeFamily {
        self.label().recipes
    }

    /// All names in words: "unetr, swin-unetr, … or pcrlv2".
    pub fn choices() -> String {
        let [others @ .., last] = Self::ALL.map(Self::name);
        format!("{} or {last}", others.join(", "))
    }
}

/// Named sizes of a backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Under 3 million parameters: trains in a browser on an integrated GPU.
    Tiny,
    /// 4 to 16 million parameters: trains on a CPU or a small GPU.
    Small,
    /// The size of the MedContext paper.
    Paper,
}

impl Size {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tiny, Self::Small, Self::Paper];

    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}

impl Network {
    /// The named size whose numbers are its own.
    pub fn size(&self) -> Option<Size> {
        let named = |size: &Size| Self::new(self.backbone(), *size);
        Size::ALL.into_iter().find(|size| named(size) == *self)
    }

    /// Backbone and size as commands have them, "unetr tiny"; the backbone alone where the size has no name.
    pub fn title(&self) -> String {
        match self.size() {
            Some(size) => format!("{} {size}", self.backbone()),
            None => self.backbone().to_string(),
        }
    }

    /// The numbers in which this network and another of the same backbone are not the same: name, this
    /// one's, the other's.
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let numbers = |network: &Self| match serde_json::to_value(network) {
            Ok(serde_json::Value::Object(numbers)) => numbers,
            _ => serde_json::Map::new(),
        };
        let (own, others) = (numbers(self), numbers(other));
        let text = |value: Option<&serde_json::Value>| {
            value.map_or_else(|| "none".to_owned(), ToString::to_string)
        };
        own.iter()
            .filter(|&(name, value)| others.get(name) != Some(value))
            .map(|(name, value)| (name.clone(), text(Some(value)), text(others.get(name))))
            .collect()
    }
}

impl fmt::Display for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backbone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        find("backbone", name, &Self::ALL, Self::name)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        find("size", name, &Self::ALL, Self::name)
    }
}

fn find<T: Copy>(
    what: &str,
    wanted: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|&one| name(one) == wanted);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().copied().map(name).collect();
        format!("there is no {what} {wanted:?}: choose {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::{Backbone, Network, Size};

    #[test]
    fn names_are_what_files_hold() {
        for backbone in Backbone::ALL {
            let text = serde_json::to_string(&backbone).expect("JSON");
            assert_eq!(text, format!("\"{backbone}\""));
            assert_eq!(backbone.name().parse::<Backbone>(), Ok(backbone));
            for size in Size::ALL {
                assert_eq!(Network::new(backbone, size).backbone(), backbone);
            }
        }
    }
}
