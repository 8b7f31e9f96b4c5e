//! Checkpoints as `torch.save` writes them (PyTorch 2, pickle protocol 2), without PyTorch.

use flate2::Crc;

/// A value in a checkpoint.
#[derive(Clone)]
pub enum Saved {
    /// An integer.
    Int(i32),
    /// Entries in their order.
    Dict(Vec<(String, Saved)>),
    /// A tensor of 32-bit floats: sides and values, row-major.
    Tensor(Vec<usize>, Vec<f32>),
    /// An object of a class, given by module and name, with its attributes.
    Object(&'static str, &'static str, Box<Saved>),
    /// The result of calling a function without arguments.
    Call(&'static str, &'static str),
}

impl Saved {
    /// A dictionary.
    pub fn dict<const N: usize>(entries: [(&str, Saved); N]) -> Self {
        let entries = entries.into_iter();
        Self::Dict(entries.map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer {
            pickle: vec![0x80, 2],
            storages: Vec::new(),
        };
        writer.write(self);
        writer.pickle.push(b'.');
        let mut files = vec![("archive/data.pkl".to_owned(), writer.pickle)];
        let storages = writer.storages.into_iter().enumerate();
        files.extend(storages.map(|(key, values)| (format!("archive/data/{key}"), values)));
        files.push(("archive/version".to_owned(), b"3\n".to_vec()));
        archive(&files)
    }
}

struct Writer {
    pickle: Vec<u8>,
    storages: Vec<Vec<u8>>,
}

impl Writer {
    fn write(&mut self, value: &Saved) {
        match value {
            Saved::Int(number) => self.int(*number),
            Saved::Dict(entries) => {
                self.pickle.extend(b"}(");
                for (key, value) in entries {
                    self.text(key);
                    self.write(value);
                }
                self.pickle.push(b'u');
            }
            Saved::Tensor(shape, values) => self.tensor(shape, values),
            Saved::Object(module, name, attributes) => {
                self.global(module, name);
                self.pickle.extend(b")\x81");
                self.write(attributes);
                self.pickle.push(b'b');
            }
            Saved::Call(module, name) => {
                self.global(module, name);
                self.pickle.extend(b")R");
            }
        }
    }

    /// `torch._utils._rebuild_tensor_v2(storage, 0, sides, strides, False, OrderedDict())`.
    fn tensor(&mut self, shape: &[usize], values: &[f32]) {
        let key = self.storages.len();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.storages.push(bytes.collect());
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.pickle.extend(b"((");
        self.text("storage");
        self.global("torch", "FloatStorage");
        self.text(&key.to_string());
        self.text("cpu");
        self.int(values.len() as i32);
        self.pickle.extend(b"tQ");
        self.int(0);
        let strides = (1..=shape.len()).map(|axis| shape[axis..].iter().product());
        for sides in [shape.to_vec(), strides.collect()] {
            self.pickle.push(b'(');
            for side in sides {
                self.int(side as i32);
            }
            self.pickle.push(b't');
        }
        self.pickle.push(0x89);
        self.global("collections", "OrderedDict");
        self.pickle.extend(b")RtR");
    }

    fn global(&mut self, module: &str, name: &str) {
        self.pickle.extend(format!("c{module}\n{name}\n").bytes());
    }

    fn text(&mut self, text: &str) {
        self.pickle.push(b'X');
        self.pickle.extend((text.len() as u32).to_le_bytes());
        self.pickle.extend(text.bytes());
    }

    fn int(&mut self, number: i32) {
        self.pickle.push(b'J');
        self.pickle.extend(number.to_le_bytes());
    }
}

/// A ZIP archive of stored files.
fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in files {
        let mut crc = Crc::new();
        crc.update(data);
        let mut facts = Vec::new();
        // Version 2.0, no flags, stored, no time.
        for number in [20u16, 0, 0, 0, 0x21] {
            facts.extend(number.to_le_bytes());
        }
        for number in [crc.sum(), data.len() as u32, data.len() as u32] {
            facts.extend(number.to_le_bytes());
        }
        facts.extend((name.len() as u16).to_le_bytes());
        facts.extend(0u16.to_le_bytes());
        let place = out.len() as u32;
        out.extend(b"PK\x03\x04");
        out.extend(&facts);
        out.extend(name.bytes());
        out.extend(data);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&facts);
        directory.extend([0; 10]);
        directory.extend(place.to_le_bytes());
        directory.extend(name.bytes());
    }
    let place = out.len() as u32;
    let (count, size) = (files.len() as u16, directory.len() as u32);
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(place.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out
}
