//! A classic TIFF of one image, with whatever tags are asked for.

use std::collections::BTreeMap;

pub const ASCII: u16 = 2;
pub const SHORT: u16 = 3;
pub const LONG: u16 = 4;
/// Numbers are given by their bits.
pub const DOUBLE: u16 = 12;

#[derive(Clone)]
pub struct Tiff {
    tags: BTreeMap<u16, (u16, Vec<u64>)>,
    pieces: Vec<Vec<u8>>,
    offsets: u16,
    counts_tag: u16,
    counts: Option<Vec<u64>>,
    big_endian: bool,
}

impl Tiff {
    /// Bands of 8 bits in strips, which hold these bytes.
    pub fn new(width: u32, height: u32, bands: u64, pieces: Vec<Vec<u8>>) -> Self {
        let photometric = if bands == 3 { 2 } else { 1 };
        let bits = vec![8; bands as usize];
        let counts = Some(pieces.iter().map(|piece| piece.len() as u64).collect());
        let tiff =
            Self { tags: BTreeMap::new(), pieces, offsets: 273, counts_tag: 279, counts, big_endian: false };
        tiff.tag(256, LONG, &[width.into()])
            .tag(257, LONG, &[height.into()])
            .tag(258, SHORT, &bits)
            .tag(259, SHORT, &[1])
            .tag(262, SHORT, &[photometric])
            .tag(277, SHORT, &[bands])
    }

    pub fn tag(mut self, code: u16, kind: u16, values: &[u64]) -> Self {
        self.tags.insert(code, (kind, values.to_vec()));
        self
    }

    /// The tags under which offsets and byte counts stand.
    pub fn tables(mut self, offsets: u16, counts: u16) -> Self {
        (self.offsets, self.counts_tag) = (offsets, counts);
        self
    }

    pub fn lengths(&self) -> Vec<u64> {
        self.counts.clone().unwrap_or_default()
    }

    pub fn counts(mut self, counts: Option<Vec<u64>>) -> Self {
        self.counts = counts;
        self
    }

    pub fn big_endian(mut self) -> Self {
        self.big_endian = true;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let number = |value: u64, bytes: usize| -> Vec<u8> {
            if self.big_endian {
                value.to_be_bytes()[8 - bytes..].to_vec()
            } else {
                value.to_le_bytes()[..bytes].to_vec()
            }
        };
        let mut out = if self.big_endian { b"MM\0\x2a".to_vec() } else { b"II\x2a\0".to_vec() };
        out.extend([0; 4]);
        let mut places = Vec::new();
        for piece in &self.pieces {
            places.push(out.len() as u64);
            out.extend(piece);
        }
        let mut tags = self.tags.clone();
        if let Some(counts) = &self.counts {
            // As many offsets as there are counts, so that the tables fit each other.
            places.resize(counts.len().max(places.len()), 8);
            tags.insert(self.counts_tag, (LONG, counts.clone()));
        }
        tags.insert(self.offsets, (LONG, places));
        let size = |kind: u16| match kind {
            ASCII => 1,
            SHORT => 2,
            DOUBLE => 8,
            _ => 4,
        };
        let mut entries = Vec::new();
        for (code, (kind, values)) in &tags {
            let mut bytes: Vec<u8> = values.iter().flat_map(|value| number(*value, size(*kind))).collect();
            if bytes.len() > 4 {
                let place = out.len() as u64;
                out.extend(bytes);
                bytes = number(place, 4);
            }
            bytes.resize(4, 0);
            entries.push([
                number((*code).into(), 2),
                number((*kind).into(), 2),
                number(values.len() as u64, 4),
                bytes,
            ]);
        }
        let directory = number(out.len() as u64, 4);
        out[4..8].copy_from_slice(&directory);
        out.extend(number(entries.len() as u64, 2));
        entries.iter().flatten().for_each(|part| out.extend(part));
        out.extend([0; 4]);
        out
    }
}
