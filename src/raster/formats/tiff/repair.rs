//! Repairs tags that are missing, contradictory or stored under another number, the way libtiff and GDAL do.

use std::collections::BTreeMap;

use tiff_reader::constants::{
    Compression, TAG_BITS_PER_SAMPLE, TAG_COLOR_MAP, TAG_EXTRA_SAMPLES, TAG_PHOTOMETRIC_INTERPRETATION,
    TAG_PREDICTOR, TAG_SAMPLE_FORMAT, TAG_STRIP_BYTE_COUNTS, TAG_STRIP_OFFSETS, TAG_TILE_BYTE_COUNTS,
    TAG_TILE_OFFSETS,
};
use tiff_reader::header::TiffHeader;
use tiff_reader::ifd::parse_ifd_at_with_budgets;
use tiff_reader::source::TiffSource;
use tiff_reader::{ByteOrder, Ifd, ParseBudgets, TagValue, TiffError};

use super::uncompressed::table_entry;

const MIN_IS_BLACK: u16 = 1;
const RGB: u16 = 2;
const PALETTE: u16 = 3;
const LZMA: u16 = 34925;

/// The new values of tags; `None` removes a tag.
type Changes = BTreeMap<u16, Option<TagValue>>;

/// The image with repaired tags.
pub(super) fn repair(image: &Ifd, file_length: u64) -> Result<Ifd, TiffError> {
    let mut changes = Changes::new();
    predictor(image, &mut changes);
    sample_tags(image, &mut changes);
    colour_tags(image, &mut changes);
    let renamed = block_tables(image, &mut changes);
    let current = if renamed { &with_changes(image, &changes)? } else { image };
    byte_counts(current, file_length, &mut changes);
    if changes.is_empty() { Ok(image.clone()) } else { with_changes(image, &changes) }
}

/// Only some compressions support predictors; with any other, the tag is meaningless.
fn predictor(image: &Ifd, changes: &mut Changes) {
    let predicts = matches!(
        Compression::from_code(image.compression()),
        Some(Compression::Lzw | Compression::Deflate | Compression::DeflateOld | Compression::Zstd)
    ) || image.compression() == LZMA;
    if image.predictor() != 1 && !predicts {
        changes.insert(TAG_PREDICTOR, None);
    }
}

/// `BitsPerSample` and `SampleFormat` need one value per sample, or one for all.
fn sample_tags(image: &Ifd, changes: &mut Changes) {
    let count = usize::from(image.samples_per_pixel());
    for (tag, values) in
        [(TAG_BITS_PER_SAMPLE, image.bits_per_sample()), (TAG_SAMPLE_FORMAT, image.sample_format())]
    {
        let Ok(values) = values else { continue };
        let Some(&first) = values.first() else { continue };
        let alike = values.iter().all(|value| *value == first);
        let odd = values.len() != 1 && values.len() != count;
        if tag == TAG_SAMPLE_FORMAT && alike && first == 0 {
            changes.insert(tag, None);
        } else if odd && alike {
            changes.insert(tag, Some(TagValue::Short(vec![first])));
        }
    }
}

/// Photometric interpretations that don't fit the number of bands or colours, and extra samples that don't
/// exist.
fn colour_tags(image: &Ifd, changes: &mut Changes) {
    let count = image.samples_per_pixel();
    let mut photometric = image.photometric_interpretation().unwrap_or(MIN_IS_BLACK);
    if photometric == RGB && count < 3 {
        photometric = MIN_IS_BLACK;
        changes.insert(TAG_PHOTOMETRIC_INTERPRETATION, Some(TagValue::Short(vec![photometric])));
    }
    if photometric == PALETTE {
        let bits = image.bits_per_sample().ok().and_then(|bits| bits.first().copied()).unwrap_or(1);
        let entries = 3_usize.checked_shl(u32::from(bits)).filter(|_| bits <= 16).unwrap_or(usize::MAX);
        match image.tag(TAG_COLOR_MAP).map(|tag| &tag.value) {
            Some(TagValue::Short(map)) if map.len() > entries => {
                changes.insert(
                    TAG_COLOR_MAP,
                    Some(TagValue::Short(map.iter().copied().take(entries).collect())),
                );
            }
            Some(TagValue::Short(map)) if map.len() == entries => {}
            _ => {
                photometric = if count == 3 { RGB } else { MIN_IS_BLACK };
                changes.insert(TAG_PHOTOMETRIC_INTERPRETATION, Some(TagValue::Short(vec![photometric])));
            }
        }
    }
    let colours = if [RGB, 6, 8].contains(&photometric) { 3 } else { 1 };
    if let Some(TagValue::Short(extra)) = image.tag(TAG_EXTRA_SAMPLES).map(|tag| &tag.value) {
        let most = usize::from(count.saturating_sub(colours));
        if photometric != 5 && extra.len() > most {
            let first = extra.iter().copied().take(most).collect::<Vec<_>>();
            changes.insert(TAG_EXTRA_SAMPLES, Some(TagValue::Short(first)).filter(|_| most > 0));
        }
    }
}

/// Offsets and byte counts of tiles under the tags of strips, or the other way round. Returns whether there
/// were any.
fn block_tables(image: &Ifd, changes: &mut Changes) -> bool {
    let strips = (TAG_STRIP_OFFSETS, TAG_STRIP_BYTE_COUNTS);
    let tiles = (TAG_TILE_OFFSETS, TAG_TILE_BYTE_COUNTS);
    let (own, other) = if image.is_tiled() { (tiles, strips) } else { (strips, tiles) };
    let mut renamed = false;
    for (own, other) in [(own.0, other.0), (own.1, other.1)] {
        if let (None, Some(tag)) = (image.tag(own), image.tag(other)) {
            changes.insert(own, Some(tag.value.clone()));
            changes.insert(other, None);
            renamed = true;
        }
    }
    renamed
}

/// Byte counts that are 0, missing or too small: those of uncompressed blocks follow from their size, others
/// from the start of the next block. Entries beyond the last block are removed.
fn byte_counts(image: &Ifd, file_length: u64, changes: &mut Changes) {
    let (offsets_tag, counts_tag) = if image.is_tiled() {
        (TAG_TILE_OFFSETS, TAG_TILE_BYTE_COUNTS)
    } else {
        (TAG_STRIP_OFFSETS, TAG_STRIP_BYTE_COUNTS)
    };
    let (Some(offsets), Some(blocks)) = (image.tag(offsets_tag), BlockTable::of(image)) else { return };
    let offsets = &offsets.value;
    let counts = image.tag(counts_tag).map(|tag| &tag.value);
    let offset = |index: usize| table_entry(offsets, index).unwrap_or(0);
    let count = |index: usize| counts.and_then(|counts| table_entry(counts, index));
    if table_length(offsets) < blocks.count {
        return;
    }
    let plain = image.compression() == Compression::None.to_code();
    let all = 0..blocks.count;
    // If only some counts are 0, those blocks were never written.
    let lacks = all.clone().all(|index| count(index).unwrap_or(0) == 0);
    let lacks = lacks && all.clone().any(|index| offset(index) > 0);
    let wrong = lacks
        || plain && {
            let short = |index: usize| {
                let needed = blocks.bytes(index);
                let is_there = offset(index).checked_add(needed).is_some_and(|end| end <= file_length);
                offset(index) > 0 && is_there && count(index).unwrap_or(0) < needed
            };
            all.clone().any(short)
        };
    let longer = table_length(offsets) > blocks.count
        || counts.is_some_and(|counts| table_length(counts) > blocks.count);
    if !wrong && !longer {
        return;
    }
    let mut starts: Vec<u64> = if plain || !wrong { Vec::new() } else { all.clone().map(offset).collect() };
    starts.sort_unstable();
    let repaired = |index: usize| {
        let (start, told) = (offset(index), count(index).unwrap_or(0));
        match () {
            () if !wrong => told,
            () if start == 0 => 0,
            // A block beyond the end of the file is missing, unlike one of 0 bytes.
            () if plain => {
                let there = file_length.saturating_sub(start).max(1);
                told.max(blocks.bytes(index)).min(there.max(told))
            }
            () => {
                let next = starts.get(starts.partition_point(|other| *other <= start));
                next.copied().unwrap_or(file_length).min(file_length).saturating_sub(start).max(1)
            }
        }
    };
    let counts = all.clone().map(repaired).collect();
    if longer {
        changes.insert(offsets_tag, Some(TagValue::Long8(all.map(offset).collect())));
    }
    changes.insert(counts_tag, Some(TagValue::Long8(counts)));
}

pub(super) fn table_length(table: &TagValue) -> usize {
    match table {
        TagValue::Byte(values) => values.len(),
        TagValue::Short(values) => values.len(),
        TagValue::Long(values) => values.len(),
        TagValue::Long8(values) => values.len(),
        _ => 0,
    }
}

/// The strips or tiles of an image.
pub(super) struct BlockTable {
    pub count: usize,
    /// The number of blocks in one plane.
    per_plane: usize,
    row_bytes: u64,
    rows: u32,
    /// The height of an image in strips, of which the last may be shorter.
    height: Option<u32>,
}

impl BlockTable {
    pub fn of(image: &Ifd) -> Option<Self> {
        let bits = u64::from(*image.bits_per_sample().ok()?.first()?);
        let (width, height) = (image.width(), image.height());
        let (across, rows) = if image.is_tiled() {
            (image.tile_width()?, image.tile_height()?)
        } else {
            (width, image.rows_per_strip().min(height))
        };
        if [width, height, across, rows].contains(&0) {
            return None;
        }
        let per_plane = (width.div_ceil(across) as usize).checked_mul(height.div_ceil(rows) as usize)?;
        let samples = u64::from(image.samples_per_pixel());
        let (planes, samples) = if image.planar_configuration() == 2 { (samples, 1) } else { (1, samples) };
        let row_bytes = u64::from(across).checked_mul(samples)?.checked_mul(bits)?.div_ceil(8);
        let count = per_plane.checked_mul(usize::try_from(planes).ok()?)?;
        let height = (!image.is_tiled()).then_some(height);
        Some(Self { count, per_plane, row_bytes, rows, height })
    }

    /// The size of an uncompressed block in bytes.
    pub fn bytes(&self, index: usize) -> u64 {
        let first = (index % self.per_plane) as u64 * u64::from(self.rows);
        let rows = self.height.map_or(u64::from(self.rows), |height| {
            u64::from(height).saturating_sub(first).min(u64::from(self.rows))
        });
        self.row_bytes.saturating_mul(rows)
    }
}

/// The image with some tags changed. It is encoded and parsed again, since the decoder can't make one in any
/// other way.
fn with_changes(image: &Ifd, changes: &Changes) -> Result<Ifd, TiffError> {
    let mut tags: BTreeMap<u16, &TagValue> = image.tags().iter().map(|tag| (tag.code, &tag.value)).collect();
    for (code, value) in changes {
        match value {
            Some(value) => tags.insert(*code, value),
            None => tags.remove(code),
        };
    }
    // Its offset in the file stays the same, since that is the key of cached blocks.
    let bytes = OffsetBytes { start: image.offset(), bytes: encode_directory(image.offset(), &tags) };
    let header = TiffHeader { byte_order: ByteOrder::LittleEndian, version: 43, first_ifd_offset: 0 };
    let budgets = ParseBudgets { max_metadata_value_bytes: usize::MAX, ..ParseBudgets::default() };
    parse_ifd_at_with_budgets(&bytes, &header, image.offset(), budgets)
}

/// Encodes a directory of a little-endian `BigTIFF` that begins at `start`, followed by its values.
fn encode_directory(start: u64, tags: &BTreeMap<u16, &TagValue>) -> Vec<u8> {
    let mut directory = (tags.len() as u64).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let behind = start + 8 + tags.len() as u64 * 20 + 8;
    for (code, value) in tags {
        let (kind, count, mut bytes) = value_bytes(value);
        directory.extend(code.to_le_bytes());
        directory.extend(kind.to_le_bytes());
        directory.extend((count as u64).to_le_bytes());
        if bytes.len() <= 8 {
            bytes.resize(8, 0);
            directory.extend(bytes);
        } else {
            directory.extend((behind + values.len() as u64).to_le_bytes());
            values.extend(bytes);
        }
    }
    directory.extend([0; 8]);
    directory.extend(values);
    directory
}

/// A value's TIFF type, its count, and its bytes.
fn value_bytes(value: &TagValue) -> (u16, usize, Vec<u8>) {
    macro_rules! numbers {
        ($kind:expr, $values:expr) => {
            ($kind, $values.len(), $values.iter().flat_map(|value| value.to_le_bytes()).collect())
        };
    }
    macro_rules! ratios {
        ($kind:expr, $values:expr) => {
            ($kind, $values.len(), $values.iter().flatten().flat_map(|value| value.to_le_bytes()).collect())
        };
    }
    match value {
        TagValue::Byte(values) => (1, values.len(), values.clone()),
        TagValue::Ascii(text) => (2, text.len() + 1, [text.as_bytes(), &[0]].concat()),
        TagValue::Short(values) => numbers!(3, values),
        TagValue::Long(values) => numbers!(4, values),
        TagValue::Rational(values) => ratios!(5, values),
        TagValue::SByte(values) => numbers!(6, values),
        TagValue::Undefined(values) => (7, values.len(), values.clone()),
        TagValue::SShort(values) => numbers!(8, values),
        TagValue::SLong(values) => numbers!(9, values),
        TagValue::SRational(values) => ratios!(10, values),
        TagValue::Float(values) => numbers!(11, values),
        TagValue::Double(values) => numbers!(12, values),
        TagValue::Long8(values) => numbers!(16, values),
        TagValue::SLong8(values) => numbers!(17, values),
    }
}

/// Bytes at an offset in a file that doesn't exist.
struct OffsetBytes {
    start: u64,
    bytes: Vec<u8>,
}

impl TiffSource for OffsetBytes {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn read_exact_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, TiffError> {
        let first = offset.checked_sub(self.start).and_then(|first| usize::try_from(first).ok());
        let part = first.and_then(|first| self.bytes.get(first..first.checked_add(length)?));
        part.map(<[u8]>::to_vec).ok_or(TiffError::OffsetOutOfBounds {
            offset,
            length: length as u64,
            data_len: self.len(),
        })
    }
}
