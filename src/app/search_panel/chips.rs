//! Keywords as coloured chips: the word, an eye that hides its boxes, a menu, a cross that removes it.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{
    Align2, Color32, FontId, Id, Key, Modifiers, Popup, Rect, Response, Role, Sense, SetOpenCommand, Stroke,
    StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::keywords::{Chip, Keywords};
use crate::app::theme;
use crate::clip::KnownWords;
use crate::search::own_phrases;

const HEIGHT: f32 = 26.0;
/// Colours to choose from.
const COLORS: usize = 12;
/// Side of the places for eye, menu and cross.
const ICON: f32 = 20.0;
/// Width of the colour sample in front of the word.
const SAMPLE: f32 = 16.0;
const GAP: f32 = 6.0;
/// Width of the place for the sign of a word that the model doesn't know.
const SIGN: f32 = 18.0;

/// What was done to a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChipAction {
    Remove(String),
    Toggle(String),
    /// Save what it stands for.
    Save(String),
    /// Write it in another way.
    Edit(String),
    /// Give it another colour.
    Recolor(String, usize),
    RemoveAll,
}

/// Shows all chips, as many in a row as fit.
pub fn show(
    ui: &mut Ui,
    keywords: &Keywords,
    known: &KnownWords,
    can_save: &dyn Fn(&str) -> bool,
) -> Vec<ChipAction> {
    let mut actions = Vec::new();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        for chip in keywords.chips() {
            let learnt = own_phrases(&chip.word).iter().all(|phrase| known.knows(phrase));
            actions.extend(show_chip(ui, chip, learnt, can_save(&chip.word)));
        }
        if let Some(draft) = keywords.draft() {
            show_draft(ui, draft);
        }
        if keywords.chips().len() > 1 {
            let clear = ui.small_button("Clear all").on_hover_text("Remove all keywords");
            if clear.clicked() {
                actions.push(ChipAction::RemoveAll);
            }
        }
    });
    actions
}

/// What is looked for while it is typed: an outline in dashes in place of a chip's fill.
fn show_draft(ui: &mut Ui, chip: &Chip) {
    let fixed = GAP + SAMPLE + GAP + GAP;
    let galley = word_galley(ui, chip, fixed);
    let (place, response) = ui.allocate_exact_size(vec2(galley.size().x + fixed, HEIGHT), Sense::hover());
    let text = format!("{}, while you type", chip.word);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    response.on_hover_text("This is looked for while you type; Enter keeps it");
    let outline = place.shrink(1.0);
    let corners = [
        outline.left_top(),
        outline.right_top(),
        outline.right_bottom(),
        outline.left_bottom(),
        outline.left_top(),
    ];
    let stroke = Stroke::new(1.0, ui.visuals().weak_text_color());
    ui.painter().extend(egui::Shape::dashed_line(&corners, stroke, 4.0, 3.0));
    draw_sample(ui, sample_place(place), chip);
    let left = pos2(place.left() + GAP + SAMPLE + 4.0, place.center().y);
    let at = Align2::LEFT_CENTER.anchor_size(left, galley.size());
    ui.painter().galley(at.min, galley, ui.visuals().text_color());
}

/// A chip's word in one line. A long one is cut, so that what stands beside it stays in sight.
fn word_galley(ui: &Ui, chip: &Chip, fixed: f32) -> Arc<egui::Galley> {
    let font = TextStyle::Body.resolve(ui.style());
    let color = word_color(ui, chip);
    let mut job = egui::text::LayoutJob::simple_singleline(chip.word.clone(), font, color);
    job.wrap.max_width = (ui.max_rect().width() - fixed).max(20.0);
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    ui.painter().layout_job(job)
}

fn word_color(ui: &Ui, chip: &Chip) -> Color32 {
    if chip.hidden { ui.visuals().weak_text_color() } else { ui.visuals().text_color() }
}

/// Where the colour sample lies in a chip.
fn sample_place(chip: Rect) -> Rect {
    Rect::from_min_size(pos2(chip.left() + GAP + 2.0, chip.center().y - 6.0), vec2(SAMPLE - 4.0, 12.0))
}

fn show_chip(ui: &mut Ui, chip: &Chip, known: bool, can_save: bool) -> Option<ChipAction> {
    let color = word_color(ui, chip);
    let sign = if known { 0.0 } else { SIGN };
    let fixed = GAP + SAMPLE + GAP + sign + 3.0 * ICON + 2.0;
    let galley = word_galley(ui, chip, fixed);
    // It takes the right mouse button, but not the keyboard: that is for what lies in it.
    let (place, response) = ui.allocate_exact_size(vec2(galley.size().x + fixed, HEIGHT), Sense::CLICK);
    let doubt = if known { "" } else { "; the model doesn't know this word" };
    let response = response.on_hover_text(if chip.hidden {
        format!("{} (hidden){doubt}", chip.word)
    } else {
        format!("Windows that look like “{}” have boxes in this colour{doubt}", chip.word)
    });
    ui.painter().rect_filled(place, HEIGHT / 2.0, theme::tokens(ui.visuals()).chip_fill);
    draw_sample(ui, sample_place(place), chip);
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
    let eye = icon_button(ui, icon(2.0), id.with("eye"), format!("{verb} the boxes of {}", chip.word));
    draw_eye(ui, &eye, chip.hidden);
    let more = icon_button(ui, icon(1.0), id.with("more"), format!("More for {}", chip.word));
    draw_more(ui, &more);
    let cross = icon_button(ui, icon(0.0), id.with("cross"), format!("Remove {}", chip.word));
    draw_cross(ui, &cross);
    let menu = Popup::menu(&more).open_memory(opens_menu(ui, &more, &[&response, &eye, &cross]));
    let chosen = menu.show(|ui| show_menu(ui, chip, can_save)).and_then(|shown| shown.inner);
    if chosen.is_some() {
        chosen
    } else if cross.clicked() {
        Some(ChipAction::Remove(chip.word.clone()))
    } else if eye.clicked() {
        Some(ChipAction::Toggle(chip.word.clone()))
    } else {
        None
    }
}

/// What can be done with a keyword.
fn show_menu(ui: &mut Ui, chip: &Chip, can_save: bool) -> Option<ChipAction> {
    let mut chosen = None;
    let entry = ui.add_enabled(can_save, egui::Button::new("Save this query…"));
    let entry = entry
        .on_hover_text("Give it a name, and look for it as @name in any scene")
        .on_disabled_hover_text("Scan first: what is saved comes from a scan with the model in use");
    if entry.clicked() {
        chosen = Some(ChipAction::Save(chip.word.clone()));
    }
    if ui.button("Edit").on_hover_text("Write this keyword in another way; it keeps its colour").clicked() {
        chosen = Some(ChipAction::Edit(chip.word.clone()));
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for slot in 0..COLORS {
            let (place, response) = ui.allocate_exact_size(vec2(18.0, 18.0), Sense::click());
            let name = format!("Colour {} for {}", slot + 1, chip.word);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
            theme::swatch(ui.painter(), place.shrink(3.0), slot, None);
            if response.has_focus() || response.hovered() || slot == chip.slot {
                let stroke = Stroke::new(1.0, ui.visuals().strong_text_color());
                ui.painter().rect_stroke(place, 2.0, stroke, StrokeKind::Inside);
            }
            if response.on_hover_text(name).clicked() {
                chosen = Some(ChipAction::Recolor(chip.word.clone(), slot));
            }
        }
    });
    if chosen.is_some() {
        ui.close();
    }
    chosen
}

/// Whether a chip's menu opens or closes: by its button, a right click anywhere on the chip, or the keys for
/// menus.
fn opens_menu(ui: &Ui, more: &Response, others: &[&Response]) -> Option<SetOpenCommand> {
    let parts = || others.iter().copied().chain([more]);
    let by_key = parts().any(Response::has_focus)
        && ui.input_mut(|input| {
            input.consume_key(Modifiers::NONE, Key::Menu) || input.consume_key(Modifiers::SHIFT, Key::F10)
        });
    if by_key {
        // From there the arrows lead into the menu.
        more.request_focus();
    }
    if by_key || parts().any(Response::secondary_clicked) {
        return Some(SetOpenCommand::Bool(true));
    }
    more.clicked().then_some(SetOpenCommand::Toggle)
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
    let muted = chip.hidden.then(|| ui.visuals().weak_text_color());
    theme::swatch(ui.painter(), place, chip.slot, muted);
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

/// Three dots in a row.
fn draw_more(ui: &Ui, response: &Response) {
    let (center, color) = (response.rect.center(), icon_color(ui, response));
    for x in [-5.0, 0.0, 5.0] {
        ui.painter().circle_filled(center + vec2(x, 0.0), 1.5, color);
    }
}

fn draw_cross(ui: &Ui, response: &Response) {
    let color = icon_color(ui, response);
    ui.painter().text(response.rect.center(), Align2::CENTER_CENTER, "×", FontId::proportional(17.0), color);
}

/// The sign of a word that the model doesn't know: a triangle with an exclamation mark.
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
