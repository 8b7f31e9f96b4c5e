//! Names by which networks are chosen.

use std::fmt;
use std::str::FromStr;

use super::registered::RecipeFamily;
use super::size::{Size, find};
use super::{Backbone, Network};

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

    /// Which family of published settings applies to it.
    pub fn recipes(self) -> RecipeFamily {
        self.label().recipes
    }

    /// All names in words: "unetr, swin-unetr, … or pcrlv2".
    pub fn choices() -> String {
        let [others @ .., last] = Self::ALL.map(Self::name);
        format!("{} or {last}", others.join(", "))
    }
}

impl Network {
    /// The named size that has exactly these numbers.
    pub fn size(&self) -> Option<Size> {
        let named = |size: &Size| Self::new(self.backbone(), *size);
        Size::ALL.into_iter().find(|size| named(size) == *self)
    }

    /// Backbone and size as in commands, "unetr tiny"; the backbone alone where the size has no name.
    pub fn title(&self) -> String {
        match self.size() {
            Some(size) => format!("{} {size}", self.backbone()),
            None => self.backbone().to_string(),
        }
    }

    /// The numbers in which this network differs from another of the same backbone: name, this value, the other value.
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let numbers = |network: &Self| match serde_json::to_value(network) {
            Ok(serde_json::Value::Object(numbers)) => numbers,
            _ => serde_json::Map::new(),
        };
        let (own, others) = (numbers(self), numbers(other));
        let text = |value: Option<&serde_json::Value>| value.map_or_else(|| "none".to_owned(), ToString::to_string);
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

#[cfg(test)]
mod tests {
    use crate::backbone::{Backbone, Network, Size};

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
