//! The drawing of one band's histogram.

use eframe::egui::{Align2, Color32, FontId, Mesh, Rect, Shape, Stroke, Ui, pos2, vec2};

use crate::app::theme;
use crate::raster::{BandStatistics, StretchInfo};

/// The place of a value across a histogram; values outside lie at its ends.
#[must_use]
pub fn x_of(rect: Rect, known: &BandStatistics, value: f64) -> f32 {
    let span = known.max - known.min;
    let part = if span > 0.0 { ((value - known.min) / span).clamp(0.0, 1.0) } else { 0.5 };
    rect.left() + part as f32 * rect.width()
}

/// The value at a place across a histogram.
#[must_use]
pub fn value_at(rect: Rect, known: &BandStatistics, x: f32) -> f64 {
    let part = f64::from(((x - rect.left()) / rect.width().max(1.0)).clamp(0.0, 1.0));
    known.min + part * (known.max - known.min)
}

/// A number in as many digits as one can use.
#[must_use]
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1e7 || (size > 0.0 && size < 1e-3) => format!("{value:.3e}"),
        size if size >= 1000.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// Draws the counts as a hill, and black and white as marks at their places: a full mark is black, a hollow
/// one white.
pub fn draw(ui: &Ui, rect: Rect, known: &BandStatistics, range: Option<StretchInfo>, name: &str) {
    let tokens = theme::tokens(ui.visuals());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, tokens.chip_fill);
    let color = match name {
        "Red" => Color32::from_rgb(214, 92, 84),
        "Green" => Color32::from_rgb(84, 168, 96),
        "Blue" => Color32::from_rgb(88, 134, 214),
        _ => tokens.weak_text,
    };
    let top = known.histogram.iter().copied().max().unwrap_or(1).max(1);
    let step = rect.width() / known.histogram.len().max(1) as f32;
    let mut hill = Mesh::default();
    for (bin, count) in known.histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
        // The root shows small hills beside a large one.
        let height = (*count as f32 / top as f32).sqrt() * (rect.height() - 2.0);
        let corner = pos2(rect.left() + bin as f32 * step, rect.bottom() - height);
        hill.add_colored_rect(Rect::from_min_size(corner, vec2(step, height)), color);
    }
    painter.add(Shape::mesh(hill));
    painter.text(
        rect.left_top() + vec2(4.0, 2.0),
        Align2::LEFT_TOP,
        name,
        FontId::proportional(10.5),
        tokens.text,
    );
    let Some(range) = range else { return };
    for (value, full) in [(range.black, true), (range.white, false)] {
        let x = x_of(rect, known, value).clamp(rect.left() + 4.0, rect.right() - 4.0);
        painter.vline(x, rect.y_range(), Stroke::new(1.0, tokens.text));
        let mark =
            vec![pos2(x - 4.0, rect.bottom()), pos2(x, rect.bottom() - 7.0), pos2(x + 4.0, rect.bottom())];
        let fill = if full { Color32::BLACK } else { Color32::WHITE };
        painter.add(Shape::convex_polygon(mark, fill, Stroke::new(1.0, tokens.text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(min: f64, max: f64) -> BandStatistics {
        let mut known = BandStatistics::default();
        (known.min, known.max) = (min, max);
        known
    }

    #[test]
    fn places_and_values_agree() {
        let known = between(100.0, 300.0);
        let rect = Rect::from_min_size(pos2(10.0, 0.0), vec2(200.0, 30.0));
        assert!((x_of(rect, &known, 200.0) - 110.0).abs() < 1e-3);
        assert!((value_at(rect, &known, 110.0) - 200.0).abs() < 1e-3);
        assert!((x_of(rect, &known, 900.0) - 210.0).abs() < 1e-3);
        let one = between(5.0, 5.0);
        assert!((value_at(rect, &one, 50.0) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (4095.0, "4095"), (1234.56, "1235"), (12.34, "12.3"), (0.1234, "0.123")]
        {
            assert_eq!(number(value), text);
        }
    }
}
