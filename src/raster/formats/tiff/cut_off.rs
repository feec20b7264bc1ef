//! Files that end before their last strip or tile does, as after a download that broke off.

use tiff_reader::constants::{
    Compression, TAG_STRIP_BYTE_COUNTS, TAG_STRIP_OFFSETS, TAG_TILE_BYTE_COUNTS, TAG_TILE_OFFSETS,
};
use tiff_reader::{Ifd, PhotometricInterpretation};

use super::levels::TiffLevel;
use super::repair::{BlockTable, table_length};
use super::uncompressed::table_entry;

/// How many strips or tiles reach beyond the end of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    blocks: usize,
    beyond: usize,
}

/// A notice on a file that ends too early, by its name; `None` for one that doesn't. Whoever looks only at
/// what is there would never hear of it.
pub(super) fn notice(name: &str, levels: &[TiffLevel], file_length: u64) -> Option<String> {
    let mut total = Tally::default();
    let (mut tiled, mut striped) = (false, false);
    for image in levels.iter().flat_map(|level| [Some(&level.image), level.mask.as_ref()]).flatten() {
        let tally = tally(&image.ifd, file_length);
        total =
            Tally { blocks: total.blocks.saturating_add(tally.blocks), beyond: total.beyond + tally.beyond };
        tiled |= image.ifd.is_tiled();
        striped |= !image.ifd.is_tiled();
    }
    let pieces = match (tiled, striped) {
        (true, false) => "tiles",
        (false, true) => "strips",
        _ => "strips and tiles",
    };
    (total.beyond > 0).then(|| sentence(name, total, pieces))
}

fn sentence(name: &str, Tally { blocks, beyond }: Tally, pieces: &str) -> String {
    let reach = if beyond == 1 { "reaches" } else { "reach" };
    format!(
        "{name} is cut off: {beyond} of its {blocks} {pieces} {reach} beyond its end and cannot be read; \
         copy or download it again"
    )
}

/// Counts the blocks of an image whose tags were repaired. Those that were never written are not beyond
/// anything.
fn tally(image: &Ifd, file_length: u64) -> Tally {
    let (offsets, counts) = if image.is_tiled() {
        (TAG_TILE_OFFSETS, TAG_TILE_BYTE_COUNTS)
    } else {
        (TAG_STRIP_OFFSETS, TAG_STRIP_BYTE_COUNTS)
    };
    let (Some(offsets), Some(counts)) = (image.tag(offsets), image.tag(counts)) else {
        return Tally::default();
    };
    let Some(table) = BlockTable::of(image) else { return Tally::default() };
    // What is read of an uncompressed block follows from its size, unless its colours are subsampled.
    let is_plain = image.compression() == Compression::None.to_code()
        && image.photometric_interpretation_enum() != Some(PhotometricInterpretation::YCbCr);
    let is_beyond = |index: &usize| {
        let entry = |values| table_entry(values, *index).unwrap_or(0);
        let (offset, count) = (entry(&offsets.value), entry(&counts.value));
        let length = if is_plain { table.bytes(*index) } else { count };
        count > 0 && reaches_beyond(offset, length, file_length)
    };
    // Of a hostile file, there may be far more blocks than the table has entries.
    let listed = 0..table.count.min(table_length(&offsets.value));
    Tally { blocks: table.count, beyond: listed.filter(is_beyond).count() }
}

fn reaches_beyond(offset: u64, length: u64, file_length: u64) -> bool {
    offset > 0 && offset.saturating_add(length) > file_length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_behind_the_last_one_are_missing() {
        for (offset, length, beyond) in
            [(8, 92, false), (8, 93, true), (100, 1, true), (0, 500, false), (u64::MAX, 9, true)]
        {
            assert_eq!(reaches_beyond(offset, length, 100), beyond, "{length} bytes at {offset}");
        }
    }

    #[test]
    fn the_notice_says_how_much_is_missing_and_what_to_do() {
        let told = |beyond| sentence("a.tif", Tally { blocks: 1024, beyond }, "tiles");
        assert!(told(312).starts_with("a.tif is cut off: 312 of its 1024 tiles reach beyond its end and"));
        assert!(told(1).ends_with(
            "1 of its 1024 tiles reaches beyond its end and cannot be read; copy or download it again"
        ));
    }
}
