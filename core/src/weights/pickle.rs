//! Python pickles as data. Nothing in one is ever executed: what a pickle would call is recorded by name.
//!
//! Protocols 0 to 5, as far as `torch.save` and common content beside a state dict use them (Python's `pickletools`
//! describes the opcodes). Values lie in one list and refer to each other by index, so that shared values and deep
//! nesting are harmless.

mod harmless;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::harmless::is_harmless;

/// A value of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Raw bytes; their content does not matter here.
    Bytes,
    /// A tuple or a list.
    Sequence(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function, as `module.name`.
    Global(String),
    /// Something kept outside the pickle; PyTorch's storages.
    Persistent(Id),
    /// The result of calling a global, with its arguments.
    Call(Id, Id),
}

/// Index of a [`Node`].
pub(super) type Id = usize;

/// A parsed pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    /// The states of objects.
    states: HashMap<Id, Id>,
    root: Id,
    /// Its length in bytes.
    pub(super) length: usize,
}

impl Pickle {
    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        // Ids only come from this list.
        &self.nodes[id]
    }

    /// All values, in order of appearance.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The state of an object: its attributes, for most classes.
    pub(super) fn state(&self, object: Id) -> Option<Id> {
        self.states.get(&object).copied()
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.node(id) {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// A dictionary's entries, or none.
    #[cfg(test)]
    fn entries(&self, dict: Id) -> &[(Id, Id)] {
        match self.node(dict) {
            Node::Dict(entries) => entries,
            _ => &[],
        }
    }
}

/// Parses the pickle at the start of `bytes`.
///
/// # Errors
/// What is wrong, as the end of a sentence; for example that it would call something that a list of tensors does not
/// need.
pub(super) fn parse(bytes: &[u8]) -> Result<Pickle, String> {
    let mut machine = Machine {
        bytes,
        at: 0,
        nodes: Vec::new(),
        states: HashMap::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    loop {
        if let Some(root) = machine.step()? {
            return Ok(Pickle {
                nodes: machine.nodes,
                states: machine.states,
                root,
                length: machine.at,
            });
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    states: HashMap<Id, Id>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

const CUT: &str = "it ends too early";
const BROKEN: &str = "it is damaged";

impl Machine<'_> {
    /// One opcode; the value at the end.
    fn step(&mut self) -> Result<Option<Id>, String> {
        let opcode = self.take(1)?[0];
        match opcode {
            b'.' => return self.pop().map(Some),
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.pop()?;
                self.stack.extend([top, top]);
            }
            b'q' | b'r' | b'h' | b'j' | 0x94 => self.remember(opcode)?,
            b'N' | 0x88 | 0x89 | b'K' | b'M' | b'J' | 0x8a | b'G' => self.number(opcode)?,
            b'X' | 0x8c | 0x8d | b'U' | b'T' | b'B' | b'C' | 0x8e | 0x96 => self.string(opcode)?,
            b')' | b']' | b'}' | 0x8f | b't' | b'l' | b'd' | 0x85 | 0x86 | 0x87 | 0x91 => {
                self.collect(opcode)?;
            }
            b'a' | b'e' | 0x90 | b's' | b'u' => self.append(opcode)?,
            b'c' | 0x93 => self.global(opcode)?,
            b'R' | 0x81 | 0x92 | b'b' | b'Q' => self.build(opcode)?,
            other => {
                return Err(format!("it uses opcode {other:#04x}, which weights do not need"));
            }
        }
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(count).ok_or(CUT)?;
        let taken = self.bytes.get(self.at..end).ok_or(CUT)?;
        self.at = end;
        Ok(taken)
    }

    /// An unsigned number of `count` ≤ 8 bytes.
    fn unsigned(&mut self, count: usize) -> Result<u64, String> {
        let bytes = self.take(count)?;
        Ok(bytes.iter().rev().fold(0, |value, &b| value << 8 | u64::from(b)))
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&b| b == b'\n').ok_or(CUT)?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Ok(line)
    }

    fn push(&mut self, node: Node) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn pop(&mut self) -> Result<Id, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(BROKEN.to_owned());
        }
        self.stack.pop().ok_or_else(|| BROKEN.to_owned())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or(BROKEN)?;
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, opcode: u8) -> Result<(), String> {
        let key = match opcode {
            b'q' | b'h' => self.unsigned(1)?,
            b'r' | b'j' => self.unsigned(4)?,
            _ => self.memo.len() as u64,
        };
        if matches!(opcode, b'h' | b'j') {
            let id = self.memo.get(&key).copied().ok_or(BROKEN)?;
            self.stack.push(id);
        } else {
            let top = self.stack.last().copied().ok_or(BROKEN)?;
            self.memo.insert(key, top);
        }
        Ok(())
    }

    fn number(&mut self, opcode: u8) -> Result<(), String> {
        let node = match opcode {
            b'N' => Node::None,
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'K' => Node::Int(self.unsigned(1)? as i64),
            b'M' => Node::Int(self.unsigned(2)? as i64),
            b'J' => Node::Int(i64::from(self.unsigned(4)? as u32 as i32)),
            b'G' => {
                let bits = self.take(8)?.iter().fold(0, |v, &b| v << 8 | u64::from(b));
                Node::Float(f64::from_bits(bits))
            }
            _ => {
                let count = self.unsigned(1)? as usize;
                if count > 8 {
                    // Larger than any size or offset; the value does not matter.
                    self.take(count)?;
                    Node::Int(i64::MAX)
                } else {
                    let value = self.unsigned(count)?;
                    let unused = 64 - 8 * count as u32;
                    let shifted = value.checked_shl(unused).unwrap_or(0) as i64;
                    Node::Int(shifted.checked_shr(unused).unwrap_or(0))
                }
            }
        };
        self.push(node);
        Ok(())
    }

    fn string(&mut self, opcode: u8) -> Result<(), String> {
        let width = match opcode {
            0x8c | b'U' | b'C' => 1,
            0x8d | 0x8e | 0x96 => 8,
            _ => 4,
        };
        let length = self.unsigned(width)?;
        let length = usize::try_from(length).map_err(|_| CUT)?;
        let bytes = self.take(length)?;
        let node = match opcode {
            b'B' | b'C' | 0x8e | 0x96 => Node::Bytes,
            _ => Node::Text(String::from_utf8_lossy(bytes).into_owned()),
        };
        self.push(node);
        Ok(())
    }

    fn collect(&mut self, opcode: u8) -> Result<(), String> {
        let node = match opcode {
            b')' | b']' | 0x8f => Node::Sequence(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            b't' | b'l' | 0x91 => Node::Sequence(self.pop_to_mark()?),
            b'd' => Node::Dict(pairs(self.pop_to_mark()?)),
            _ => {
                let count = usize::from(opcode - 0x84);
                let mut items = Vec::with_capacity(count);
                for _ in 0..count {
                    items.push(self.pop()?);
                }
                items.reverse();
                Node::Sequence(items)
            }
        };
        self.push(node);
        Ok(())
    }

    fn append(&mut self, opcode: u8) -> Result<(), String> {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_to_mark()?,
        };
        let target = self.stack.last().copied().ok_or(BROKEN)?;
        match (&mut self.nodes[target], opcode) {
            (Node::Sequence(list), b'a' | b'e' | 0x90) => list.extend(items),
            (Node::Dict(entries), b's' | b'u') => entries.extend(pairs(items)),
            // Into an object of an unknown class, which is not needed.
            (Node::Call(..), _) => {}
            _ => return Err(BROKEN.to_owned()),
        }
        Ok(())
    }

    fn global(&mut self, opcode: u8) -> Result<(), String> {
        let (module, name) = if opcode == b'c' {
            (self.line()?, self.line()?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (&self.nodes[module], &self.nodes[name]) {
                (Node::Text(module), Node::Text(name)) => (module.clone(), name.clone()),
                _ => return Err(BROKEN.to_owned()),
            }
        };
        self.push(Node::Global(format!("{module}.{name}")));
        Ok(())
    }

    fn build(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Persistent(id));
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.stack.last().copied().ok_or(BROKEN)?;
                self.states.insert(object, state);
            }
            _ => {
                if opcode == 0x92 {
                    self.pop()?;
                }
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let node = match &self.nodes[callee] {
                    Node::Global(name) if name == "collections.OrderedDict" => Node::Dict(Vec::new()),
                    Node::Global(name) if !is_harmless(name) => {
                        return Err(format!(
                            "it asks to run {name}, which no tensor needs; nothing in it was run"
                        ));
                    }
                    _ => Node::Call(callee, arguments),
                };
                self.push(node);
            }
        }
        Ok(())
    }
}

fn pairs(items: Vec<Id>) -> Vec<(Id, Id)> {
    items.as_chunks::<2>().0.iter().map(|&[k, v]| (k, v)).collect()
}
