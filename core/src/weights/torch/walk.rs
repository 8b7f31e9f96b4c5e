//! The tensors of all dictionaries and objects in a pickle.

use std::collections::HashSet;

use super::view::View;
use crate::weights::pickle::{Id, Node, Pickle};

/// Maximum nesting of dictionaries and objects.
const DEPTH: usize = 32;
/// Maximum length of a key that can be part of a tensor's name.
const KEY: usize = 512;
/// The attributes of `torch.nn.Module` that hold tensors and inner modules; names leave them out.
const MODULE: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// The tensors of a dictionary by name, with the keys that lead to it.
pub(super) type Found = (String, Vec<(String, View)>);

/// Searches everything in a pickle for tensors.
pub(super) struct Walk<'a> {
    pickle: &'a Pickle,
    seen: HashSet<Id>,
    found: Vec<Found>,
}

impl<'a> Walk<'a> {
    /// All tensors found, outer dictionaries before inner ones.
    pub fn through(pickle: &'a Pickle) -> Vec<Found> {
        let mut walk = Self {
            pickle,
            seen: HashSet::new(),
            found: Vec::new(),
        };
        walk.dictionary(pickle.root(), "", 0);
        walk.found
    }

    /// A dictionary, a list or an object: the tensors directly in it belong together.
    fn dictionary(&mut self, id: Id, path: &str, depth: usize) {
        if depth > DEPTH || !self.seen.insert(id) {
            return;
        }
        let place = self.found.len();
        let mut tensors = Vec::new();
        if self.is_object(id) {
            self.members(id, (path, ""), depth, &mut tensors);
        }
        for (key, value) in self.children(id) {
            match View::of(self.pickle, value) {
                Some(view) => tensors.push((key, view)),
                None => self.dictionary(value, &joined(path, &key), depth + 1),
            }
        }
        if !tensors.is_empty() {
            // Before what lies deeper.
            self.found.insert(place, (path.to_owned(), tensors));
        }
    }

    /// An object's tensors and those of the objects in it, named as PyTorch names a module's: with `prefix` within the
    /// object at `path`.
    fn members(&mut self, object: Id, (path, prefix): (&str, &str), depth: usize, into: &mut Vec<(String, View)>) {
        let Some(state) = self.pickle.state(object) else {
            return;
        };
        if depth > DEPTH || !self.seen.insert(state) {
            return;
        }
        for (key, value) in self.children(state) {
            let inner = match MODULE.contains(&key.as_str()) {
                true => self.children(value),
                false => vec![(key, value)],
            };
            for (key, value) in inner {
                let name = format!("{prefix}{key}");
                match View::of(self.pickle, value) {
                    Some(view) => into.push((name, view)),
                    None if self.is_object(value) => {
                        self.members(value, (path, &format!("{name}.")), depth + 1, into);
                    }
                    None => self.dictionary(value, &joined(path, &name), depth + 1),
                }
            }
        }
    }

    fn is_object(&self, id: Id) -> bool {
        matches!(self.pickle.node(id), Node::Call(..))
    }

    /// Keys and values of a dictionary or a list.
    fn children(&self, id: Id) -> Vec<(String, Id)> {
        let named = |&(key, value): &(Id, Id)| match self.pickle.node(key) {
            Node::Text(text) if text.len() <= KEY => Some((text.clone(), value)),
            Node::Int(number) => Some((number.to_string(), value)),
            _ => None,
        };
        match self.pickle.node(id) {
            Node::Dict(entries) => entries.iter().filter_map(named).collect(),
            Node::Sequence(items) => items
                .iter()
                .enumerate()
                .map(|(index, &item)| (index.to_string(), item))
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
