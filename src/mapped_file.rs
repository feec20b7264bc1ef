//! Parts of files as memory, without a copy.

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::{Mmap, MmapOptions};

/// A part of a file as memory; it is read from the disk when it is looked at.
///
/// # Errors
/// When the file ends before the part does, or can't be mapped.
#[expect(unsafe_code, reason = "mapping a file is only sound while nobody shortens it")]
pub(crate) fn map(file: &File, part: Range<u64>) -> io::Result<Mmap> {
    if part.end > file.metadata()?.len() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has become shorter"));
    }
    let too_large = |_| io::Error::new(io::ErrorKind::InvalidData, "it is too large for this machine");
    let length = usize::try_from(part.end.saturating_sub(part.start)).map_err(too_large)?;
    // SAFETY: files of embeddings are only appended to. Whoever cuts one off holds its lock and takes away no
    // more than an incomplete batch, which nobody looks at. Weights are written beside their place and
    // renamed, and mapped only while they are copied. Removing or replacing a file leaves what is mapped
    // alone; one that something else shortens meanwhile is beyond what a program can guard against.
    unsafe { MmapOptions::new().offset(part.start).len(length).map(file) }
}

/// As [`map`], for a part that will be read from its beginning to its end: the disk is asked for it at once.
///
/// # Errors
/// Those of [`map`].
pub(crate) fn map_ahead(file: &File, part: Range<u64>) -> io::Result<Mmap> {
    let mapped = map(file, part)?;
    // A hint, which changes nothing but the time.
    #[cfg(unix)]
    if let Err(error) = mapped.advise(memmap2::Advice::WillNeed) {
        log::debug!("the system reads nothing ahead: {error}");
    }
    Ok(mapped)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn any_part_can_be_mapped_and_nothing_beyond_the_end() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..20_000_u32).map(|place| (place % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        for part in [0..20_000_u64, 5..6, 4_095..12_289, 19_999..20_000] {
            let expected = &bytes[part.start as usize..part.end as usize];
            assert_eq!(&*map(&file, part.clone()).unwrap(), expected);
            assert_eq!(&*map_ahead(&file, part).unwrap(), expected);
        }
        let error = map(&file, 19_000..20_001).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
