//! Small pieces of text as pixels, by the window's own text layout: its fonts, those of the system for
//! letters that they lack, letters that join, and colour emoji.
//!
//! Left out: text is set from left to right, and only whole words of scripts that run the other way are put
//! in their order; sentences that mix both directions more deeply than that need the full algorithm of
//! Unicode (UAX #9).

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use egui_system_font_provider::SystemFontProvider;
use epaint::text::{
    FallbackRequest, FontDefinitions, FontId, FontInsert, FontProvider, Fonts, LayoutJob, TextOptions,
    TextWrapping, ViewportKey,
};
use epaint::{Color32, FontColorTransferFunction};

use crate::guard;

/// Lays labels out and draws them. One is for one thread.
pub struct LabelMaker {
    fonts: Fonts,
    options: TextOptions,
    size: f32,
    margin: u32,
    /// Beyond it a label ends in "…".
    most_width: f32,
    /// Words with letters that no font has.
    missing: BTreeSet<String>,
}

/// A line of text: its width and height in pixels, and red, green, blue and opacity of each, row by row.
/// Colours are multiplied by opacity.
pub struct Label {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<[u8; 4]>,
}

impl LabelMaker {
    /// `size` is that of the letters, in pixels; `most_width` how wide a label may be.
    pub fn new(size: f32, most_width: u32) -> Self {
        let options = TextOptions {
            // Coverage as it is, for either colour of text.
            color_transfer_function: FontColorTransferFunction::Off,
            ..TextOptions::default()
        };
        let fonts = Fonts::new(options, FontDefinitions::default());
        let fonts = fonts.with_font_providers(vec![Arc::new(system_fonts)]);
        let margin = (size / 4.0).round() as u32;
        let most_width = most_width.saturating_sub(2 * margin) as f32;
        Self { fonts, options, size, margin, most_width, missing: BTreeSet::new() }
    }

    /// Width and height of a text in pixels.
    pub fn measure(&mut self, text: &str) -> (u32, u32) {
        self.find_missing(text);
        let galley = self.fonts.layout_uncached(1.0, self.job(text, Color32::BLACK));
        (galley.rect.width().ceil() as u32 + 2 * self.margin, galley.rect.height().ceil() as u32)
    }

    /// The text in a colour; that of emoji is their own.
    pub fn draw(&mut self, text: &str, color: [u8; 3]) -> Label {
        // The atlas of letters is emptied once it is nearly full.
        self.fonts.begin_pass(self.options, ViewportKey::default());
        let galley = self.fonts.layout_uncached(1.0, self.job(text, Color32::BLACK));
        let (width, height) =
            (galley.rect.width().ceil() as u32 + 2 * self.margin, galley.rect.height().ceil() as u32);
        let mut label = Label { width, height, rgba: vec![[0; 4]; width as usize * height as usize] };
        let atlas = self.fonts.texture_atlas().image();
        for row in &galley.rows {
            for glyph in row.glyphs.iter().filter(|glyph| !glyph.uv_rect.is_nothing()) {
                let at = row.pos + (glyph.pos + glyph.uv_rect.offset).to_vec2();
                let at = (at.x.round() as i64 + i64::from(self.margin), at.y.round() as i64);
                let ([left, top], [right, bottom]) = (glyph.uv_rect.min, glyph.uv_rect.max);
                for (y, from_y) in (top..bottom).enumerate() {
                    for (x, from_x) in (left..right).enumerate() {
                        let texel = atlas[(from_x as usize, from_y as usize)];
                        let ink = if glyph.is_color { texel.to_array() } else { inked(color, texel.a()) };
                        label.put((at.0 + x as i64, at.1 + y as i64), ink);
                    }
                }
            }
        }
        label
    }

    /// Words of the texts so far that show boxes in place of letters which no font has.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.missing.iter().map(String::as_str)
    }

    fn job(&self, text: &str, color: Color32) -> Arc<LayoutJob> {
        let mut job =
            LayoutJob::simple_singleline(in_sight_order(text), FontId::proportional(self.size), color);
        job.wrap = TextWrapping::truncate_at_width(self.most_width);
        Arc::new(job)
    }

    fn find_missing(&mut self, text: &str) {
        let font = FontId::proportional(self.size);
        for word in text.split_whitespace().filter(|word| !word.is_ascii()) {
            let shown = word.chars().filter(|letter| !is_joiner(*letter));
            let known =
                shown.collect::<Vec<_>>().into_iter().all(|letter| self.fonts.has_glyph(&font, letter));
            if !known {
                self.missing.insert(word.to_owned());
            }
        }
    }
}

impl Label {
    fn put(&mut self, (x, y): (i64, i64), ink: [u8; 4]) {
        let inside = (0..i64::from(self.width)).contains(&x) && (0..i64::from(self.height)).contains(&y);
        let index = y * i64::from(self.width) + x;
        let Some(below) = self.rgba.get_mut(index as usize).filter(|_| inside) else { return };
        let through = 255 - u32::from(ink[3]);
        for (below, ink) in below.iter_mut().zip(ink) {
            *below = (u32::from(ink) + u32::from(*below) * through / 255).min(255) as u8;
        }
    }
}

/// A colour multiplied by its opacity.
fn inked([red, green, blue]: [u8; 3], opacity: u8) -> [u8; 4] {
    let part = |value: u8| (u32::from(value) * u32::from(opacity) / 255) as u8;
    [part(red), part(green), part(blue), opacity]
}

/// The system's fonts are looked through once, and only where a letter is missing: it takes up to a second.
fn system_fonts(request: &FallbackRequest<'_>) -> Option<FontInsert> {
    static FONTS: OnceLock<SystemFontProvider> = OnceLock::new();
    // It panics on a system without any font.
    guard::catch(|| FONTS.get_or_init(SystemFontProvider::new).font_for(request)).ok().flatten()
}

/// Letters that change others and show nothing themselves: joiners and selectors of variants.
fn is_joiner(letter: char) -> bool {
    matches!(
        letter,
        '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Text as the eye meets it from left to right: words of a script that runs from right to left, which follow
/// each other, the last one first. Within a word, the layout does the same.
fn in_sight_order(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    let mut first = 0;
    while first < words.len() {
        let run = words.iter().skip(first).take_while(|word| word.chars().any(runs_leftwards)).count();
        if let Some(run) = words.get_mut(first..first + run) {
            run.reverse();
        }
        first += run + 1;
    }
    words.join(" ")
}

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and their kin, with their presentation forms.
fn runs_leftwards(letter: char) -> bool {
    matches!(
        letter,
        '\u{590}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ink(label: &Label) -> usize {
        label.rgba.iter().filter(|pixel| pixel[3] > 127).count()
    }

    #[test]
    fn text_is_drawn_in_its_colour() {
        let mut maker = LabelMaker::new(20.0, 1000);
        let (width, height) = maker.measure("1 harbor 41%");
        let label = maker.draw("1 harbor 41%", [200, 100, 50]);
        assert_eq!((label.width, label.height), (width, height));
        assert!(ink(&label) > 100);
        assert!(label.rgba.iter().all(|[red, _, blue, opacity]| red <= opacity && blue <= red));
        assert!(maker.measure("1 harbor or something longer 41%").0 > width);
        assert_eq!(maker.missing().count(), 0);
    }

    #[test]
    fn a_long_text_ends_in_dots_at_the_width_that_there_is() {
        let mut maker = LabelMaker::new(20.0, 90);
        let long = "1 harbor with ships and cranes 41%";
        let (width, _) = maker.measure(long);
        assert!(width <= 90, "{width}");
        let short = maker.measure("1 har").0;
        assert!(width > short);
        assert!(ink(&maker.draw(long, [255; 3])) > 0);
    }

    #[test]
    fn a_letter_of_no_font_is_told_and_shows_a_box() {
        let mut maker = LabelMaker::new(20.0, 1000);
        // Not assigned to any letter.
        let text = "1 \u{2fe0}\u{2fe1} 41%";
        maker.measure(text);
        assert_eq!(maker.missing().collect::<Vec<_>>(), ["\u{2fe0}\u{2fe1}"]);
        assert!(ink(&maker.draw(text, [255; 3])) > ink(&maker.draw("1  41%", [255; 3])));
    }

    #[test]
    fn joiners_and_selectors_are_no_letters_that_miss() {
        let mut maker = LabelMaker::new(20.0, 1000);
        maker.measure("a\u{200d}\u{fe0f}é ⚓\u{fe0f}");
        assert!(!maker.missing().any(|word| word.contains('é')));
    }

    #[test]
    fn words_that_run_leftwards_keep_their_order() {
        assert_eq!(in_sight_order("1 שלום עולם 41%"), "1 עולם שלום 41%");
        assert_eq!(in_sight_order("1 harbor 41%"), "1 harbor 41%");
        assert_eq!(in_sight_order("ميناء بحري | pier"), "بحري ميناء | pier");
    }
}
