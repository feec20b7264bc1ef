//! PyTorch's own kind of file, in so far as tests need to write it: a zip of a pickle and the numbers it
//! refers to.
//!
//! Every tensor is a view whose every element is the first of a short storage (`expand`, stride 0), so that a
//! model of the published size is a file of a few kilobytes.

use std::io::Write as _;

use zip::write::SimpleFileOptions;

/// What a tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Float,
    Long,
}

/// A tensor whose elements are all the same.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub kind: Kind,
    pub value: f32,
}

/// What a pickle holds.
pub enum Object {
    Dict(Vec<(String, Object)>),
    Tensor(Tensor),
    Text(&'static str),
    Int(i32),
}

/// The bytes of `torch.save(object)`.
pub fn save(object: &Object) -> Vec<u8> {
    let mut pickle = Pickle { bytes: vec![0x80, 2], storages: Vec::new() };
    pickle.object(object);
    pickle.bytes.push(b'.');
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("archive/{name}"), stored).unwrap();
        zip.write_all(bytes).unwrap();
    };
    add("data.pkl", &pickle.bytes);
    add("byteorder", b"little");
    for (number, storage) in pickle.storages.iter().enumerate() {
        add(&format!("data/{number}"), storage);
    }
    add("version", b"3\n");
    zip.finish().unwrap().into_inner()
}

struct Pickle {
    bytes: Vec<u8>,
    storages: Vec<Vec<u8>>,
}

impl Pickle {
    fn object(&mut self, object: &Object) {
        match object {
            Object::Dict(entries) => {
                self.bytes.extend(b"}(");
                for (key, value) in entries {
                    self.text(key);
                    self.object(value);
                }
                self.bytes.push(b'u');
            }
            Object::Tensor(tensor) => self.tensor(tensor),
            Object::Text(text) => self.text(text),
            Object::Int(number) => self.int(*number),
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes.push(b'X');
        self.bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn int(&mut self, number: i32) {
        self.bytes.push(b'J');
        self.bytes.extend(number.to_le_bytes());
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.bytes.push(b'(');
        for size in sizes {
            self.int(i32::try_from(*size).unwrap());
        }
        self.bytes.push(b't');
    }

    fn tensor(&mut self, tensor: &Tensor) {
        let (storage, bytes): (&[u8], Vec<u8>) = match tensor.kind {
            Kind::Float => (&b"FloatStorage"[..], tensor.value.to_le_bytes().to_vec()),
            Kind::Long => (&b"LongStorage"[..], (tensor.value as i64).to_le_bytes().to_vec()),
        };
        let number = self.storages.len().to_string();
        self.storages.push(bytes);
        self.bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage");
        self.bytes.extend([&b"ctorch\n"[..], storage, &b"\n"[..]].concat());
        self.text(&number);
        self.text("cpu");
        self.int(1);
        self.bytes.extend(b"tQ");
        self.int(0);
        self.sizes(&tensor.shape);
        self.sizes(&vec![0; tensor.shape.len()]);
        // Needs no gradient; has no hooks.
        self.bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
}
