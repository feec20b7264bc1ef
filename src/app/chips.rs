//! Keywords as coloured chips: the word, an eye that hides its boxes, a cross that removes it.

use eframe::egui;
use eframe::egui::{
    Align2, Color32, FontId, Id, Rect, Response, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo,
    pos2, vec2,
};

use super::keywords::{Chip, Keywords};
use super::theme::{self, Line};
use crate::clip::KnownWords;

const HEIGHT: f32 = 26.0;
/// Side of the places for eye and cross.
const ICON: f32 = 20.0;
/// Width of the colour sample in front of the word.
const SAMPLE: f32 = 16.0;
const GAP: f32 = 6.0;
/// Width of the place for the sign of a word that the model never learnt.
const SIGN: f32 = 18.0;

/// What was done to a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Remove(String),
    Toggle(String),
}

/// Shows all chips, as many in a row as fit.
pub fn show(ui: &mut Ui, keywords: &Keywords, known: &KnownWords) -> Vec<Action> {
    let mut actions = Vec::new();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        for chip in keywords.chips() {
            actions.extend(show_chip(ui, chip, known.knows(&chip.word)));
        }
    });
    actions
}

fn show_chip(ui: &mut Ui, chip: &Chip, known: bool) -> Option<Action> {
    let font = TextStyle::Body.resolve(ui.style());
    let color = if chip.hidden { ui.visuals().weak_text_color() } else { ui.visuals().text_color() };
    let sign = if known { 0.0 } else { SIGN };
    let fixed = GAP + SAMPLE + GAP + sign + ICON + ICON + 2.0;
    // A long word is cut, so that eye and cross stay in sight.
    let room = (ui.max_rect().width() - fixed).max(20.0);
    let mut job = egui::text::LayoutJob::simple_singleline(chip.word.clone(), font, color);
    job.wrap.max_width = room;
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    let galley = ui.painter().layout_job(job);
    let (place, response) = ui.allocate_exact_size(vec2(galley.size().x + fixed, HEIGHT), Sense::hover());
    let doubt = if known { "" } else { "; the model never learnt this word" };
    response.on_hover_text(if chip.hidden {
        format!("{} (hidden){doubt}", chip.word)
    } else {
        format!("Windows that look like “{}” have boxes in this colour{doubt}", chip.word)
    });
    ui.painter().rect_filled(place, HEIGHT / 2.0, theme::tokens(ui.visuals()).chip_fill);
    let sample =
        Rect::from_min_size(pos2(place.left() + GAP + 2.0, place.center().y - 6.0), vec2(SAMPLE - 4.0, 12.0));
    draw_sample(ui, sample, chip);
    let at = Align2::LEFT_CENTER
        .anchor_size(pos2(place.left() + GAP + SAMPLE + 4.0, place.center().y), galley.size());
    let end = at.right();
    ui.painter().galley(at.min, galley, color);
    if !known {
        draw_unknown(ui, pos2(end + SIGN / 2.0 + 1.0, place.center().y));
    }

    let icon = |n: f32| {
        Rect::from_center_size(
            pos2(place.right() - 2.0 - ICON * (n + 0.5), place.center().y),
            vec2(ICON, ICON),
        )
    };
    let id = ui.scope_id().with(("chip", &chip.word));
    let verb = if chip.hidden { "Show" } else { "Hide" };
    let eye = icon_button(ui, icon(1.0), id.with("eye"), format!("{verb} the boxes of {}", chip.word));
    draw_eye(ui, &eye, chip.hidden);
    let cross = icon_button(ui, icon(0.0), id.with("cross"), format!("Remove {}", chip.word));
    draw_cross(ui, &cross);
    if cross.clicked() {
        Some(Action::Remove(chip.word.clone()))
    } else if eye.clicked() {
        Some(Action::Toggle(chip.word.clone()))
    } else {
        None
    }
}

/// A place to click or to reach with Tab, with a name for screen readers.
fn icon_button(ui: &Ui, place: Rect, id: Id, name: String) -> Response {
    let response = ui.interact(place, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    if response.hovered() || response.has_focus() {
        let visuals = ui.style().interact(&response);
        ui.painter().rect(
            place.shrink(1.0),
            9.0,
            visuals.weak_bg_fill,
            visuals.bg_stroke,
            StrokeKind::Inside,
        );
    }
    response.on_hover_text(name)
}

/// The keyword's colour and line style.
fn draw_sample(ui: &Ui, place: Rect, chip: &Chip) {
    let color = if chip.hidden { ui.visuals().weak_text_color() } else { theme::keyword_color(chip.slot) };
    let stroke = Stroke::new(2.0, color);
    if !chip.hidden {
        ui.painter().rect_filled(place, 2.0, color.gamma_multiply(0.35));
    }
    let corners =
        [place.left_top(), place.right_top(), place.right_bottom(), place.left_bottom(), place.left_top()];
    match theme::keyword_line(chip.slot) {
        Line::Solid => {
            ui.painter().rect_stroke(place, 0.0, stroke, StrokeKind::Middle);
        }
        Line::Dashed => ui.painter().extend(egui::Shape::dashed_line(&corners, stroke, 4.5, 3.0)),
        Line::Dotted => ui.painter().extend(egui::Shape::dashed_line(&corners, stroke, 1.6, 2.4)),
    }
}

fn icon_color(ui: &Ui, response: &Response) -> Color32 {
    if response.hovered() || response.has_focus() {
        ui.visuals().strong_text_color()
    } else {
        ui.visuals().text_color()
    }
}

fn draw_eye(ui: &Ui, response: &Response, hidden: bool) {
    let (center, stroke) = (response.rect.center(), Stroke::new(1.3, icon_color(ui, response)));
    let lid = |up: f32| -> Vec<egui::Pos2> {
        (0..=8_u8)
            .map(|i| {
                let x = f32::from(i) / 4.0 - 1.0;
                center + vec2(6.0 * x, up * 3.6 * (1.0 - x * x))
            })
            .collect()
    };
    ui.painter().line(lid(-1.0), stroke);
    ui.painter().line(lid(1.0), stroke);
    if hidden {
        ui.painter().line_segment([center + vec2(-5.0, 5.0), center + vec2(5.0, -5.0)], stroke);
    } else {
        ui.painter().circle_filled(center, 1.9, stroke.color);
    }
}

fn draw_cross(ui: &Ui, response: &Response) {
    let color = icon_color(ui, response);
    ui.painter().text(response.rect.center(), Align2::CENTER_CENTER, "×", FontId::proportional(17.0), color);
}

/// The sign of a word that the model never learnt: a triangle with an exclamation mark.
fn draw_unknown(ui: &Ui, center: egui::Pos2) {
    let stroke = Stroke::new(1.3, ui.visuals().warn_fg_color);
    let corners = [center + vec2(0.0, -6.0), center + vec2(6.5, 5.0), center + vec2(-6.5, 5.0)];
    ui.painter().add(egui::Shape::closed_line(corners.to_vec(), stroke));
    ui.painter().line_segment([center + vec2(0.0, -2.2), center + vec2(0.0, 1.2)], stroke);
    ui.painter().circle_filled(center + vec2(0.0, 3.2), 0.9, stroke.color);
}

/// A line of text behind that sign.
pub fn show_unknown(ui: &mut Ui, text: String) -> Response {
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let (place, _) = ui.allocate_exact_size(vec2(SIGN - 3.0, 15.0), Sense::hover());
        draw_unknown(ui, place.center());
        ui.add(egui::Label::new(egui::RichText::new(text).size(12.0)).wrap())
    })
    .inner
}
