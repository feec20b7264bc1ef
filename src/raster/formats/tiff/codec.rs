//! Compressions that are undone here, each block into a buffer of known size.

use std::io::Read;

use fax::Color;
use fax::decoder::{DecodeStatus, Group3Decoder, Group4Decoder, pels};
use tiff_reader::Ifd;
use tiff_reader::constants::Compression;
use weezl::decode::Configuration;
use weezl::{BitOrder, LzwStatus};

use crate::raster::error::ReaderError;

const FAX_GROUP_3: u16 = 3;
const FAX_GROUP_4: u16 = 4;
const T4_OPTIONS: u16 = 292;
const T6_OPTIONS: u16 = 293;

/// A compression that is undone here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Deflate,
    Lzw,
    PackBits,
    Zstd,
    Fax3,
    Fax4,
}

/// Why a block can't be decompressed, as part of a sentence.
#[derive(Debug, thiserror::Error)]
pub(super) enum CodecError {
    #[error("{0} bytes are missing")]
    Missing(usize),
    #[error("deflate: {0}")]
    Deflate(String),
    #[error("deflate: it ends {0} bytes too early")]
    DeflateTooShort(usize),
    #[error("LZW: {0}")]
    Lzw(String),
    #[error("LZW: it ends too early")]
    LzwTooShort,
    #[error("PackBits: it ends too early")]
    PackBitsTooShort,
    #[error("{0}")]
    Zstd(String),
    #[error("its fax code is damaged")]
    Fax,
}

impl Codec {
    /// `None` for a compression that is left to the decoder.
    pub fn of(image: &Ifd) -> Option<Self> {
        match Compression::from_code(image.compression()) {
            Some(Compression::None) => return Some(Self::None),
            Some(Compression::Deflate | Compression::DeflateOld) => return Some(Self::Deflate),
            Some(Compression::Lzw) => return Some(Self::Lzw),
            Some(Compression::PackBits) => return Some(Self::PackBits),
            Some(Compression::Zstd) => return Some(Self::Zstd),
            Some(_) => return None,
            None => {}
        }
        let options = |tag| image.tag(tag).and_then(|tag| tag.value.as_u64()).unwrap_or(0);
        let one_bit = image.samples_per_pixel() == 1
            && image.bits_per_sample().is_ok_and(|bits| bits == [1])
            && u16::try_from(image.width()).is_ok();
        match image.compression() {
            // Without two-dimensional coding and uncompressed mode.
            FAX_GROUP_3 if one_bit && options(T4_OPTIONS).trailing_zeros() >= 2 => Some(Self::Fax3),
            FAX_GROUP_4 if one_bit && options(T6_OPTIONS) & 2 == 0 => Some(Self::Fax4),
            _ => None,
        }
    }

    /// Whether the decoder supports it, too.
    pub fn has_fallback(self) -> bool {
        !matches!(self, Self::Fax3 | Self::Fax4)
    }

    /// Decompresses a block with rows of `width` numbers into `out`, which it has to fill; anything beyond is
    /// ignored.
    ///
    /// # Errors
    /// If the block is too short or damaged.
    pub fn decompress(self, packed: &[u8], width: usize, out: &mut [u8]) -> Result<(), CodecError> {
        match self {
            Self::None => match packed.get(..out.len()) {
                Some(bytes) => out.copy_from_slice(bytes),
                None => return Err(CodecError::Missing(out.len() - packed.len())),
            },
            Self::Deflate => return deflate(packed, out),
            Self::Lzw => return lzw(packed, out),
            Self::PackBits => return pack_bits(packed, out),
            Self::Zstd => {
                let mut stream = ruzstd::decoding::StreamingDecoder::new(packed)
                    .map_err(|error| CodecError::Zstd(error.to_string()))?;
                stream.read_exact(out).map_err(|error| CodecError::Zstd(error.to_string()))?;
            }
            Self::Fax3 | Self::Fax4 => return self.fax(packed, width, out),
        }
        Ok(())
    }

    fn fax(self, packed: &[u8], width: usize, out: &mut [u8]) -> Result<(), CodecError> {
        let row_bytes = width.div_ceil(8).max(1);
        let width = u16::try_from(width).map_err(|_| CodecError::Fax)?;
        let bytes = packed.iter().map(|byte| Ok::<u8, std::convert::Infallible>(*byte));
        let rows = out.chunks_exact_mut(row_bytes);
        if self == Self::Fax4 {
            let mut decoder = Group4Decoder::new(bytes, width).unwrap_or_else(|error| match error {});
            for row in rows {
                if decoder.advance().map_err(|_| CodecError::Fax)? == DecodeStatus::End {
                    break;
                }
                write_bits(decoder.transition(), width, row);
            }
            return Ok(());
        }
        let mut decoder = Group3Decoder::new(bytes).map_err(|_| CodecError::Fax)?;
        for row in rows {
            let status = decoder.advance();
            write_bits(decoder.transitions(), width, row);
            // The last row of a strip has no end-of-line code.
            if status.is_err() || status.is_ok_and(|status| status == DecodeStatus::End) {
                break;
            }
        }
        Ok(())
    }
}

/// Writes a black and white row, given by where its colour changes, as bits.
fn write_bits(changes: &[u16], width: u16, row: &mut [u8]) {
    for (x, _) in pels(changes, width).enumerate().filter(|(_, colour)| *colour == Color::Black) {
        if let Some(byte) = row.get_mut(x / 8) {
            *byte |= 0x80 >> (x % 8);
        }
    }
}

/// Deflate at once, in half the time; or, for a stream that is longer than the block, piece by piece.
fn deflate(packed: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    match libdeflater::Decompressor::new().zlib_decompress(packed, out) {
        Ok(bytes) if bytes == out.len() => Ok(()),
        Ok(bytes) => Err(CodecError::DeflateTooShort(out.len() - bytes)),
        Err(libdeflater::DecompressionError::InsufficientSpace) => flate2::read::ZlibDecoder::new(packed)
            .read_exact(out)
            .map_err(|error| CodecError::Deflate(error.to_string())),
        Err(error) => Err(CodecError::Deflate(error.to_string())),
    }
}

/// LZW. Old programs wrote it with reversed bit order, which is recognised by the first bytes, as in libtiff.
fn lzw(packed: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    let old = matches!(packed, [0, second, ..] if second & 1 == 1);
    let mut decoder = if old {
        Configuration::new(BitOrder::Lsb, 8)
    } else {
        Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
    }
    .with_yield_on_full_buffer(true)
    .build();
    let (mut read, mut written) = (0, 0);
    while written < out.len() {
        let (Some(input), Some(output)) = (packed.get(read..), out.get_mut(written..)) else { break };
        let step = decoder.decode_bytes(input, output);
        read += step.consumed_in;
        written += step.consumed_out;
        match step.status {
            Err(error) => return Err(CodecError::Lzw(error.to_string())),
            Ok(LzwStatus::Done) => break,
            Ok(_) if step.consumed_in == 0 && step.consumed_out == 0 => break,
            Ok(_) => {}
        }
    }
    if written == out.len() { Ok(()) } else { Err(CodecError::LzwTooShort) }
}

fn pack_bits(packed: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    let (mut read, mut written) = (0, 0);
    while written < out.len() {
        let &head = packed.get(read).ok_or(CodecError::PackBitsTooShort)?;
        read += 1;
        let left = out.len() - written;
        match head.cast_signed() {
            i8::MIN => {}
            head @ 0.. => {
                let count = usize::from(head.unsigned_abs()) + 1;
                let bytes = packed.get(read..read + count).ok_or(CodecError::PackBitsTooShort)?;
                let count_kept = count.min(left);
                out[written..written + count_kept].copy_from_slice(&bytes[..count_kept]);
                read += count;
                written += count_kept;
            }
            head => {
                let &byte = packed.get(read).ok_or(CodecError::PackBitsTooShort)?;
                let count = (usize::from(head.unsigned_abs()) + 1).min(left);
                out[written..written + count].fill(byte);
                read += 1;
                written += count;
            }
        }
    }
    Ok(())
}

/// The name of the compression.
///
/// # Errors
/// If it isn't supported.
pub(super) fn name(image: &Ifd) -> Result<&'static str, ReaderError> {
    Ok(match (Codec::of(image), Compression::from_code(image.compression())) {
        (Some(Codec::None), _) => "none",
        (Some(Codec::Deflate), _) => "deflate",
        (Some(Codec::Lzw), _) => "lzw",
        (Some(Codec::PackBits), _) => "packbits",
        (Some(Codec::Zstd), _) => "zstd",
        (Some(Codec::Fax3 | Codec::Fax4), _) => "fax",
        (None, Some(Compression::Jpeg)) => "jpeg",
        (None, Some(Compression::Lerc)) => "lerc",
        (None, Some(Compression::WebP)) => "webp",
        _ => {
            let name = match image.compression() {
                2..=4 => "CCITT fax".to_owned(),
                6 => "old-style JPEG".to_owned(),
                33003 | 33004 | 33005 | 34712 => "JPEG 2000".to_owned(),
                34676 | 34677 => "SGI LogLuv".to_owned(),
                34925 => "LZMA".to_owned(),
                50002 | 52546 => "JPEG XL".to_owned(),
                code => format!("number {code}"),
            };
            return Err(ReaderError::convert(format!(
                "its compression ({name}) is not one that Skysift reads"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_copies_are_unpacked_and_cut() {
        let mut out = [9; 7];
        Codec::PackBits.decompress(&[2, 1, 2, 3, 0x80, 0xfd, 5, 0], 7, &mut out).unwrap();
        assert_eq!(out, [1, 2, 3, 5, 5, 5, 5]);
        let mut out = [0; 2];
        Codec::PackBits.decompress(&[0xf0, 7], 2, &mut out).unwrap();
        assert_eq!(out, [7, 7]);
        assert!(Codec::PackBits.decompress(&[5, 1], 2, &mut [0; 6]).is_err());
    }

    #[test]
    fn lzw_of_both_bit_orders_is_unpacked() {
        let text: Vec<u8> = (0..5000_u32).map(|n| (n * n / 7 % 50) as u8).collect();
        let new = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(&text).unwrap();
        let old = weezl::encode::Encoder::new(BitOrder::Lsb, 8).encode(&text).unwrap();
        assert_eq!((old[0], old[1] & 1), (0, 1));
        for packed in [new, old] {
            let mut out = vec![0; text.len()];
            Codec::Lzw.decompress(&packed, 1, &mut out).unwrap();
            assert_eq!(out, text);
            assert!(Codec::Lzw.decompress(&packed[..packed.len() / 2], 1, &mut out).is_err());
        }
    }
}
