//! Small pieces of text as coverage bitmaps.

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

/// A line of text: one coverage byte a pixel, row by row.
pub struct Label {
    pub width: u32,
    pub height: u32,
    pub coverage: Vec<u8>,
}

impl Label {
    /// Draws `text` with `size` pixels between the lines, in egui's own proportional font. Characters that
    /// the font lacks show its replacement box.
    pub fn new(text: &str, size: f32) -> Self {
        let Ok(font) = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT) else {
            return Self { width: 0, height: 0, coverage: Vec::new() };
        };
        let scaled = font.as_scaled(PxScale::from(size));
        let margin = (size / 4.0).round();
        let mut caret = point(margin, scaled.ascent());
        let mut glyphs: Vec<Glyph> = Vec::new();
        for character in text.chars() {
            let glyph = scaled.scaled_glyph(character);
            if let Some(before) = glyphs.last() {
                caret.x += scaled.kern(before.id, glyph.id);
            }
            let advance = scaled.h_advance(glyph.id);
            glyphs.push(Glyph { position: caret, ..glyph });
            caret.x += advance;
        }
        let width = (caret.x + margin).ceil() as u32;
        let height = scaled.height().ceil() as u32;
        let mut coverage = vec![0; width as usize * height as usize];
        for outlined in glyphs.into_iter().filter_map(|glyph| font.outline_glyph(glyph)) {
            let origin = outlined.px_bounds().min;
            outlined.draw(|x, y, amount| {
                let (x, y) = (origin.x as i64 + i64::from(x), origin.y as i64 + i64::from(y));
                if (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y) {
                    let pixel = &mut coverage[y as usize * width as usize + x as usize];
                    *pixel = (*pixel).max((amount * 255.0) as u8);
                }
            });
        }
        Self { width, height, coverage }
    }
}
