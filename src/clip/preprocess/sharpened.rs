//! What is smaller than the model's input is enlarged by a network before it is resized.

use std::fmt;
use std::sync::Arc;

use super::{ClipError, Pixels, Preprocess, Sharpener};

/// A picture that a network enlarged.
pub(super) struct Enlarged {
    pub pixels: Pixels,
    /// How many times as large it is.
    pub scale: f64,
}

impl Preprocess {
    /// The same, but pictures and windows that are smaller than the input are enlarged by a network first.
    pub(in crate::clip) fn sharpened_by(self, sharpener: Arc<Sharpener>) -> Self {
        Self { sharpener: Some(sharpener), ..self }
    }

    /// A picture of which `side` pixels would be resized to `to`, enlarged if that would enlarge it, too, and
    /// there is a network. It sees nothing beyond the picture, so that a window doesn't know its neighbours.
    pub(super) fn enlarged(
        &self,
        side: f64,
        to: u32,
        pixels: impl FnOnce() -> Pixels,
    ) -> Result<Option<Enlarged>, ClipError> {
        let Some(sharpener) = self.sharpener.as_ref().filter(|_| side < f64::from(to)) else {
            return Ok(None);
        };
        let scale = f64::from(sharpener.upscale());
        Ok(Some(Enlarged { pixels: sharpener.enlarge(&pixels())?, scale }))
    }
}

/// Stored embeddings are found again by this text: where nothing is sharpened it says what it always said.
impl fmt::Debug for Preprocess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, filter, fit, crop, channels, sharpener } = self;
        let mut description = formatter.debug_struct("Preprocess");
        description.field("side", side).field("filter", filter).field("fit", fit).field("crop", crop);
        description.field("channels", channels);
        if let Some(sharpener) = sharpener {
            sharpener.describe(&mut description);
        }
        description.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::sharpen::tests::sharpener;
    use crate::clip::sharpener_of;

    fn ramp(side: u8) -> Pixels {
        let count = u32::from(side) * u32::from(side);
        let rgba =
            (0..count).flat_map(|i| [(i % u32::from(side)) as u8 * 5, (i / 9) as u8, 7, 255]).collect();
        Pixels { width: side.into(), height: side.into(), rgba }
    }

    #[test]
    fn only_what_is_smaller_than_the_input_is_sharpened() {
        let plain = Preprocess::openai(16);
        let sharp = plain.clone().sharpened_by(Arc::new(sharpener()));
        let window = |preprocess: &Preprocess, side: f64| {
            let mut out = vec![0.0; preprocess.input_len()];
            preprocess.window(&ramp(30), 2.5, 3.0, side, &mut out).unwrap();
            out
        };
        assert_eq!(window(&sharp, 16.0), window(&plain, 16.0));
        assert_ne!(window(&sharp, 15.5), window(&plain, 15.5));
        assert_eq!(sharp.picture(&ramp(20)).unwrap(), plain.picture(&ramp(20)).unwrap());
        assert_ne!(sharp.picture(&ramp(12)).unwrap(), plain.picture(&ramp(12)).unwrap());
    }

    #[test]
    fn a_window_never_depends_on_what_lies_around_it() {
        let sharp = Preprocess::openai(16).sharpened_by(Arc::new(sharpener()));
        let whole = ramp(30);
        let mut cut = Pixels { width: 9, height: 9, rgba: Vec::new() };
        for y in 4..13 {
            cut.rgba.extend_from_slice(&whole.rgba[(y * 30 + 6) * 4..(y * 30 + 15) * 4]);
        }
        let mut outs = [vec![0.0; sharp.input_len()], vec![0.0; sharp.input_len()]];
        sharp.window(&whole, 6.0, 4.0, 9.0, &mut outs[0]).unwrap();
        sharp.window(&cut, 0.0, 0.0, 9.0, &mut outs[1]).unwrap();
        assert_eq!(outs[0], outs[1]);
    }

    #[test]
    fn the_description_tells_sharpened_from_plain() {
        let plain = Preprocess::openai(16);
        let sharp = plain.clone().sharpened_by(Arc::new(sharpener()));
        assert_eq!(sharpener_of(&format!("{plain:?}, level 0")), None);
        assert_eq!(sharpener_of(&format!("{sharp:?}, level 0")), Some("abc"));
        // As it was when nothing could be sharpened.
        let text = format!("{plain:?}");
        assert!(text.starts_with(
            "Preprocess { side: 16, filter: Bicubic, fit: CenterCrop { shortest: 16 }, crop: Down, "
        ));
        assert!(text.contains("channels: [Channel { scale: ") && text.ends_with(" }] }"), "{text}");
        assert_ne!(plain, sharp);
    }
}
