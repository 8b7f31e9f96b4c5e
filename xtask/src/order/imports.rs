//! Which files a Rust source file uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use super::graph::Graph;

/// Maximum number of reexports that a name passes through.
const MOST_STEPS: usize = 8;

/// A module's path, such as `[volume, grid]`.
type Module = Vec<String>;

/// The source files of one crate, tests left out.
pub struct Source {
    /// Each module's file, and its imports.
    modules: BTreeMap<Module, File>,
}

struct File {
    path: String,
    /// Paths that the file names, from the crate's root.
    uses: Vec<Module>,
    /// Names that it imports, for itself or for others.
    reexports: BTreeMap<String, Module>,
}

impl Source {
    /// Reads all files below `folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut modules = BTreeMap::new();
        read_folder(folder, &[], &mut modules)?;
        Ok(Self { modules })
    }

    /// Which file uses definitions of another one. Reexports do not count.
    pub fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for file in self.modules.values() {
            let used = graph.entry(file.path.clone()).or_default();
            let files = file.uses.iter().filter_map(|path| self.defined_in(path, 0));
            used.extend(files.filter(|other| *other != file.path).map(str::to_owned));
        }
        graph
    }

    /// The file that defines the item of a path; `None` for a whole module, whose items are named next.
    fn defined_in(&self, path: &[String], depth: usize) -> Option<&str> {
        let (module, file) = (1..=path.len())
            .rev()
            .find_map(|end| self.modules.get_key_value(path.get(..end)?))?;
        let name = path.get(module.len())?;
        match file.reexports.get(name) {
            Some(target) if depth < MOST_STEPS => {
                let rest = path.iter().skip(module.len() + 1);
                let whole: Module = target.iter().chain(rest).cloned().collect();
                self.defined_in(&whole, depth + 1)
            }
            _ => Some(&file.path),
        }
    }
}

fn read_folder(folder: &Path, at: &[String], modules: &mut BTreeMap<Module, File>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem == "tests" {
            continue;
        }
        let mut module = at.to_vec();
        if path.is_dir() {
            module.push(stem);
            read_folder(&path, &module, modules)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            if stem != "mod" {
                module.push(stem);
            }
            let text = fs::read_to_string(&path)?;
            let tree = syn::parse_file(&text).with_context(|| path.display().to_string())?;
            let mut reader = Reader::new(&module);
            reader.visit_file(&tree);
            modules.insert(module.clone(), reader.file(&module, &path));
        }
    }
    Ok(())
}

/// Collects the paths in a file.
struct Reader {
    module: Module,
    uses: BTreeSet<Module>,
    reexports: BTreeMap<String, Module>,
}

impl Reader {
    fn new(module: &[String]) -> Self {
        Self {
            module: module.to_vec(),
            uses: BTreeSet::new(),
            reexports: BTreeMap::new(),
        }
    }

    fn file(self, module: &[String], path: &Path) -> File {
        let folder = path.is_file() && path.ends_with("mod.rs");
        let name = module.join("/");
        File {
            path: if folder {
                format!("{name}/mod.rs")
            } else {
                format!("{name}.rs")
            },
            uses: self.uses.into_iter().collect(),
            reexports: self.reexports,
        }
    }

    /// A path from the crate's root. A path into another crate looks like one that begins at this module, so it is
    /// tried there and not found.
    fn absolute(&self, path: &[String]) -> Module {
        let mut module = self.module.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => {
                module.clear();
                rest = &path[1..];
            }
            Some("self") => rest = &path[1..],
            _ => {}
        }
        while rest.first().is_some_and(|part| part == "super") {
            module.pop();
            rest = &rest[1..];
        }
        module.extend(rest.iter().cloned());
        module
    }

    fn tree(&mut self, tree: &UseTree, before: &mut Vec<String>, passed_on: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before, passed_on);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before, passed_on);
                }
            }
            UseTree::Name(name) => self.name(before, &name.ident.to_string(), None, passed_on),
            UseTree::Rename(renamed) => {
                let new = renamed.rename.to_string();
                self.name(before, &renamed.ident.to_string(), Some(new), passed_on);
            }
            UseTree::Glob(_) => self.name(before, "*", None, passed_on),
        }
    }

    fn name(&mut self, before: &[String], name: &str, new: Option<String>, passed_on: bool) {
        let mut path = before.to_vec();
        if name != "self" {
            path.push(name.to_owned());
        }
        let path = self.absolute(&path);
        if !passed_on {
            self.uses.insert(path.clone());
        }
        let name = new.or_else(|| path.last().cloned());
        self.reexports.extend(name.map(|name| (name, path)));
    }

    /// Paths in the body of a macro, which has no syntax tree.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.flush(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.flush(&mut path);
                    self.tokens(group.stream());
                    colons = 0;
                }
                _ => {
                    self.flush(&mut path);
                    colons = 0;
                }
            }
        }
        self.flush(&mut path);
    }

    fn flush(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.uses.insert(self.absolute(&path));
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_item(&mut self, item: &'a Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            _ => &[],
        };
        if !attributes.iter().any(only_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        let passed_on = !matches!(item.vis, Visibility::Inherited);
        self.tree(&item.tree, &mut Vec::new(), passed_on);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if parts.len() > 1 {
            self.uses.insert(self.absolute(&parts));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'a syn::Macro) {
        self.tokens(item.tokens.clone());
    }
}

fn only_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .meta
            .require_list()
            .is_ok_and(|list| list.tokens.to_string().starts_with("test"))
}
