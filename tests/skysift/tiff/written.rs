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
    pieces_last: bool,
}

impl Tiff {
    /// Bands of 8 bits in strips, which hold these bytes.
    pub fn new(width: u32, height: u32, bands: u64, pieces: Vec<Vec<u8>>) -> Self {
        let photometric = if bands == 3 { 2 } else { 1 };
        let bits = vec![8; bands as usize];
        let counts = Some(pieces.iter().map(|piece| piece.len() as u64).collect());
        let tiff = Self {
            tags: BTreeMap::new(),
            pieces,
            offsets: 273,
            counts_tag: 279,
            counts,
            big_endian: false,
            pieces_last: false,
        };
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

    /// Puts the pieces behind everything else, as in a COG, so that a file that is cut off can be opened.
    pub fn pieces_last(mut self) -> Self {
        self.pieces_last = true;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        const HEADER: usize = 8;
        let pieces = self.pieces.concat();
        let (tags_at, pieces_at) = if self.pieces_last {
            // How long the tags are doesn't depend on where the pieces are.
            (HEADER, HEADER + self.tags(HEADER, 0).0.len())
        } else {
            (HEADER + pieces.len(), HEADER)
        };
        let (tags, directory) = self.tags(tags_at, pieces_at);
        let mut out = if self.big_endian { b"MM\0\x2a".to_vec() } else { b"II\x2a\0".to_vec() };
        out.extend(self.number(directory as u64, 4));
        let parts = if self.pieces_last { [tags, pieces] } else { [pieces, tags] };
        out.extend(parts.concat());
        out
    }

    fn number(&self, value: u64, bytes: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[8 - bytes..].to_vec()
        } else {
            value.to_le_bytes()[..bytes].to_vec()
        }
    }

    /// The tags of a file and their values, and where the directory begins.
    fn tags(&self, start: usize, pieces_at: usize) -> (Vec<u8>, usize) {
        let mut places = Vec::new();
        let mut place = pieces_at as u64;
        for piece in &self.pieces {
            places.push(place);
            place += piece.len() as u64;
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
        let mut out = Vec::new();
        let mut entries = Vec::new();
        for (code, (kind, values)) in &tags {
            let mut bytes: Vec<u8> =
                values.iter().flat_map(|value| self.number(*value, size(*kind))).collect();
            if bytes.len() > 4 {
                let place = (start + out.len()) as u64;
                out.extend(bytes);
                bytes = self.number(place, 4);
            }
            bytes.resize(4, 0);
            entries.push([
                self.number((*code).into(), 2),
                self.number((*kind).into(), 2),
                self.number(values.len() as u64, 4),
                bytes,
            ]);
        }
        let directory = start + out.len();
        out.extend(self.number(entries.len() as u64, 2));
        entries.iter().flatten().for_each(|part| out.extend(part));
        out.extend([0; 4]);
        (out, directory)
    }
}
