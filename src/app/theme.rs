//! Every colour and measure of the window, in one place, for dark and light.

use eframe::egui::{
    Color32, Context, CornerRadius, FontId, Frame, Margin, Painter, Pos2, Rect, Shape, Stroke, StrokeKind,
    Style, Theme, Visuals, vec2,
};

/// Width of the search panel and of the list of detections when the window is first opened, in points.
pub const SEARCH_WIDTH: f32 = 312.0;
pub const LIST_WIDTH: f32 = 264.0;
pub const STATUS_HEIGHT: f32 = 28.0;
/// Space between groups of controls.
pub const SECTION_GAP: f32 = 10.0;
/// Corner of boxes, chips and banners.
pub const CORNER: u8 = 5;
/// Side of a square of the checker under places without data.
pub const CHECKER: f32 = 12.0;

/// Colours that egui's own style has no name for.
#[derive(Clone, Copy, Debug)]
pub struct Tokens {
    /// Around the scene.
    pub backdrop: Color32,
    /// The two colours where the scene has no data.
    pub checker: [Color32; 2],
    /// Buttons that do the main thing.
    pub accent: Color32,
    pub on_accent: Color32,
    pub text: Color32,
    pub weak_text: Color32,
    pub error_fill: Color32,
    pub error_text: Color32,
    pub chip_fill: Color32,
}

const DARK: Tokens = Tokens {
    backdrop: Color32::from_rgb(23, 25, 28),
    checker: [Color32::from_rgb(34, 36, 40), Color32::from_rgb(40, 43, 47)],
    accent: Color32::from_rgb(43, 119, 181),
    on_accent: Color32::WHITE,
    text: Color32::from_gray(205),
    weak_text: Color32::from_gray(148),
    error_fill: Color32::from_rgb(92, 38, 36),
    error_text: Color32::from_rgb(255, 226, 222),
    chip_fill: Color32::from_rgb(52, 56, 62),
};

const LIGHT: Tokens = Tokens {
    backdrop: Color32::from_rgb(226, 229, 233),
    checker: [Color32::from_rgb(236, 238, 241), Color32::from_rgb(228, 231, 235)],
    accent: Color32::from_rgb(20, 96, 158),
    on_accent: Color32::WHITE,
    text: Color32::from_gray(40),
    weak_text: Color32::from_gray(96),
    error_fill: Color32::from_rgb(252, 222, 218),
    error_text: Color32::from_rgb(110, 24, 18),
    chip_fill: Color32::from_rgb(226, 230, 235),
};

/// The tokens of the theme in use.
#[must_use]
pub fn tokens(visuals: &Visuals) -> &'static Tokens {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// Colour of a keyword by its slot.
#[must_use]
pub fn keyword_color(slot: usize) -> Color32 {
    let [red, green, blue] = crate::export::keyword_color(slot);
    Color32::from_rgb(red, green, blue)
}

/// Black or white, whichever reads better on a colour.
#[must_use]
pub fn text_on(color: Color32) -> Color32 {
    let [red, green, blue] = crate::export::text_color([color.r(), color.g(), color.b()]);
    Color32::from_rgb(red, green, blue)
}

/// How a box is drawn, so that colour is not the only sign of its keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Solid,
    Dashed,
    Dotted,
}

/// The colour and the line style of a keyword, as a small box that looks like its boxes in the scene. A
/// `muted` one has no boxes there.
pub fn swatch(painter: &Painter, place: Rect, slot: usize, muted: Option<Color32>) {
    let stroke = Stroke::new(2.0, muted.unwrap_or_else(|| keyword_color(slot)));
    if muted.is_none() {
        painter.rect_filled(place, 2.0, stroke.color.gamma_multiply(0.35));
    }
    let corners =
        [place.left_top(), place.right_top(), place.right_bottom(), place.left_bottom(), place.left_top()];
    match keyword_line(slot) {
        Line::Solid => {
            painter.rect_stroke(place, 0.0, stroke, StrokeKind::Middle);
        }
        Line::Dashed => painter.extend(Shape::dashed_line(&corners, stroke, 4.5, 3.0)),
        Line::Dotted => painter.extend(Shape::dashed_line(&corners, stroke, 1.6, 2.4)),
    }
}

/// The line style of a keyword by its slot.
#[must_use]
pub fn keyword_line(slot: usize) -> Line {
    [Line::Solid, Line::Dashed, Line::Dotted][slot % 3]
}

/// A small dark label with white text whose top left corner is near `at`, inside `view`.
pub fn badge(painter: &Painter, view: Rect, at: Pos2, text: &str) {
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(12.5), Color32::WHITE);
    let size = galley.size() + vec2(10.0, 4.0);
    let farthest = (view.max - size).max(view.min);
    let place = Rect::from_min_size(at.clamp(view.min, farthest), size);
    painter.rect_filled(place, 3.0, Color32::from_black_alpha(190));
    painter.galley(place.min + vec2(5.0, 2.0), galley, Color32::WHITE);
}

/// The frame of a panel with a margin of (`x`, `y`) points. It paints nothing: the window is cleared in the
/// colour of panels, and a software renderer takes as long for painting it once more as for all that stands
/// on it.
pub fn panel_frame(style: &Style, x: i8, y: i8) -> Frame {
    Frame::side_top_panel(style).fill(Color32::TRANSPARENT).inner_margin(Margin::symmetric(x, y))
}

/// Gives egui the look of Skysift; it follows the system's choice of dark or light.
pub fn install(ctx: &Context) {
    for (theme, tokens) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            let visuals = &mut style.visuals;
            visuals.widgets.noninteractive.fg_stroke.color = tokens.text;
            visuals.weak_text_color = Some(tokens.weak_text);
            visuals.selection.bg_fill = tokens.accent;
            visuals.selection.stroke = Stroke::new(1.0, tokens.on_accent);
            visuals.hyperlink_color = tokens.accent;
            let corner = CornerRadius::same(CORNER);
            for widget in [
                &mut visuals.widgets.noninteractive,
                &mut visuals.widgets.inactive,
                &mut visuals.widgets.hovered,
                &mut visuals.widgets.active,
                &mut visuals.widgets.open,
            ] {
                widget.corner_radius = corner;
            }
            style.spacing.item_spacing = vec2(8.0, 6.0);
            style.spacing.button_padding = vec2(8.0, 3.0);
            style.spacing.interact_size.y = 24.0;
            style.spacing.menu_margin = Margin::same(6);
            style.interaction.selectable_labels = false;
            style.interaction.tooltip_delay = 0.4;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_keywords_differ_in_colour_and_line() {
        let colors: Vec<Color32> = (0..12).map(keyword_color).collect();
        assert!((0..12).all(|slot| !colors[..slot].contains(&colors[slot])));
        for slot in 0..20 {
            assert_ne!(keyword_color(slot), keyword_color(slot + 1));
            assert_ne!(keyword_line(slot), keyword_line(slot + 1));
        }
    }
}
