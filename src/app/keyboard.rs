//! What a person who works by keyboard needs: the control that has it is in sight, and a list of choices
//! closes when one is taken.

use eframe::egui::{Id, Memory, Response, Ui};

/// Scrolls to the control that has the keyboard when it has come to it. It stands at the end of what a scroll
/// area shows.
pub fn keep_focus_in_sight(ui: &Ui) {
    let focused = ui.memory(Memory::focused);
    let known = Id::unique(("focus before", ui.scope_id()));
    let before = ui.data_mut(|data| {
        let before = data.get_temp_mut_or_default::<Option<Id>>(known);
        std::mem::replace(before, focused)
    });
    let Some(id) = focused.filter(|_| before != focused) else { return };
    let Some(control) = ui.ctx().read_response(id) else { return };
    if control.layer_id == ui.layer_id() && ui.min_rect().intersects(control.rect) {
        ui.scroll_to_rect(control.rect.expand2(ui.spacing().item_spacing), None);
    }
}

/// Whether an entry of an open list was taken, by mouse or key; the list closes then.
pub fn is_taken(ui: &Ui, entry: &Response) -> bool {
    let taken = entry.clicked();
    if taken {
        ui.close();
    }
    taken
}
