//! Keys for results: wherever they are shown, the selected one has them. Arrows go from it to those beside
//! it, Space accepts it, and the next is selected after a verdict.

use eframe::egui::{self, Context, Key, Modifiers};

use super::cells::Cells;
use super::feedback::Feedback;
use super::filter::Show;
use super::{ResultsContext, ResultsPanel};
use crate::app::settings::Settings;
use crate::search::Detection;

/// What a key asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultKey {
    Select(Detection),
    Judge(Feedback),
}

impl ResultsPanel {
    /// Takes the keys of the selected result, unless a control, a field or an open list has the keyboard.
    pub fn take_key(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        cx: ResultsContext<'_>,
    ) -> Option<ResultKey> {
        let focused = ctx.memory(egui::Memory::focused);
        let on_result = focused.is_some() && focused == self.focused;
        if (focused.is_some() && !on_result) || egui::Popup::is_any_open(ctx) {
            return None;
        }
        let arranged = self.arranged(settings, cx);
        Self::selected_row(&arranged, cx)?;
        let pressed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::Space) {
            return Some(ResultKey::Judge(Feedback::Accepted));
        }
        let arrows = [Key::ArrowUp, Key::ArrowDown, Key::ArrowLeft, Key::ArrowRight];
        let key = arrows.into_iter().find(|key| pressed(*key))?;
        let next = self.beside_selected(settings, cx, key)?;
        self.focus_selected = on_result;
        Some(ResultKey::Select(next))
    }

    /// What follows the selected result and is selected after a verdict on it; nothing at the end.
    pub fn after_selected(&mut self, settings: &Settings, cx: ResultsContext<'_>) -> Option<Detection> {
        let key = if settings.show == Show::Gallery { Key::ArrowRight } else { Key::ArrowDown };
        let focused = self.focused.is_some();
        let next = self.beside_selected(settings, cx, key);
        self.focus_selected = focused && next.is_some();
        next
    }

    fn beside_selected(
        &mut self,
        settings: &Settings,
        cx: ResultsContext<'_>,
        key: Key,
    ) -> Option<Detection> {
        let arranged = self.arranged(settings, cx);
        let ranking = cx.search.ranking();
        let (compare, across) = match settings.show {
            Show::List => (false, 1),
            Show::Gallery => (false, self.across.max(1)),
            Show::Compare => (true, arranged.columns.len()),
        };
        let cells = Cells { arranged: &arranged, compare, across };
        let next = ranking.get(cells.beside(cells.find(ranking, cx.selected?)?, key)?)?;
        self.scroll_to_selected = true;
        Some(next.clone())
    }

    /// Notes that a result has the keyboard. Arrows lead from there to other results, not to other controls,
    /// and one that was reached by key is selected: then true.
    pub(super) fn note_focus(&mut self, response: &egui::Response) -> bool {
        if !response.has_focus() {
            return false;
        }
        let filter =
            egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        response.ctx.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        self.focused = Some(response.id);
        response.gained_focus()
    }

    /// The selected result takes the keyboard where the one before had it.
    pub(super) fn hand_focus(&mut self, response: &egui::Response, selected: bool) {
        if selected && std::mem::take(&mut self.focus_selected) {
            response.request_focus();
        }
    }
}
