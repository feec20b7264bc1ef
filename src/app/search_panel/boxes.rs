//! Controls of the search panel that few need: more scales, a coarse look first, and how boxes are made.

use eframe::egui::{CollapsingHeader, DragValue, Ui};

use crate::app::settings::{MAX_TILES, Settings};
use crate::search::{BoxSettings, Threshold};

/// Sides of the window at hand, in tiles.
const SIDES: [u32; 6] = [1, 2, 3, 4, 6, 8];
/// A threshold to begin with.
const MINIMUM_SCORE: f32 = 0.5;

/// Which other windows a scan looks at, and in which order.
pub fn show_scan_settings(ui: &mut Ui, settings: &mut Settings) {
    let used = !settings.also.is_empty() || settings.coarse_first || settings.uniform > 0 || settings.exact;
    folded(ui, "More sizes and order", used, "Windows of several sizes, and which come first", |ui| {
        scan_settings(ui, settings);
    });
}

/// How boxes are made of the best windows.
pub fn show_box_settings(ui: &mut Ui, settings: &mut Settings) {
    if settings.fine {
        let tip = "Which of what stands out is shown";
        let used = settings.threshold != Threshold::Off;
        folded(ui, "Weak matches", used, tip, |ui| weak_matches(ui, settings));
        return;
    }
    let used = settings.boxes() != BoxSettings::default() || settings.threshold != Threshold::Off;
    let tip = "How boxes are made of windows, and which are shown";
    folded(ui, "Boxes and weak matches", used, tip, |ui| box_settings(ui, settings));
}

/// Controls that are out of sight until they are asked for, or in use.
fn folded(ui: &mut Ui, title: &str, used: bool, tip: &str, show: impl FnOnce(&mut Ui)) {
    let header = CollapsingHeader::new(title).default_open(used);
    header.show(ui, show).header_response.on_hover_text(tip);
}

fn scan_settings(ui: &mut Ui, settings: &mut Settings) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label("Extra window sizes").on_hover_text("Look with windows of other sizes in the same scan");
        for side in sides_offered(settings.window, &settings.also) {
            let on = settings.also.contains(&side);
            let tip = format!("Also look with windows of {side} × {side} tiles");
            if ui.selectable_label(on, side.to_string()).on_hover_text(tip).clicked() {
                if on {
                    settings.also.retain(|other| *other != side);
                } else {
                    settings.also.push(side);
                }
            }
        }
        ui.weak("tiles");
    });
    ui.checkbox(&mut settings.coarse_first, "Coarse pass first").on_hover_text(
            "Look at windows twice as large before all others, and then at promising places first; all windows are \
             still looked at, and the best are there earlier",
        );
    if settings.coarse_first {
        ui.horizontal(|ui| show_promising(ui, settings));
    }
    ui.checkbox(&mut settings.exact, "Full resolution").on_hover_text(
        "Read every window at full resolution, even where a smaller copy of the image is fine enough for the model",
    );
    ui.horizontal(|ui| {
        let label = ui.label("Skip uniform areas");
        ui.add(
            DragValue::new(&mut settings.uniform)
                .range(0..=255)
                .speed(0.1)
                .suffix(" levels")
                .prefix("within "),
        )
        .labelled_by(label.id)
        .on_hover_text(
            "Windows whose pixels differ by no more than this, like open sea, count as one colour, and each \
                     colour is encoded once; 0 changes no result",
        );
    });
}

/// Whether only the places are looked at that the larger windows find promising.
fn show_promising(ui: &mut Ui, settings: &mut Settings) {
    ui.checkbox(&mut settings.promising_only, "Only promising places").on_hover_text(
        "Leave out all places but those that look most like the keywords from afar: faster, and some things may be \
         missed, also when you look for other words later",
    );
    if settings.promising_only {
        let mut percent = settings.promising * 100.0;
        let field = DragValue::new(&mut percent).range(0.0..=100.0).speed(0.5).suffix(" %").max_decimals(1);
        let field = ui.add(field).accessible_name("Share of promising places");
        if field.on_hover_text("This part of the places is looked at").changed() {
            settings.promising = percent / 100.0;
        }
    }
}

fn box_settings(ui: &mut Ui, settings: &mut Settings) {
    ui.horizontal(|ui| {
        ui.checkbox(&mut settings.one_box, "Remove overlaps")
            .on_hover_text("Of windows that overlap, show only the best");
        if settings.one_box {
            let overlap = DragValue::new(&mut settings.overlap)
                .range(0.0..=1.0)
                .speed(0.01)
                .fixed_decimals(2)
                .prefix("overlap ");
            ui.add(overlap).accessible_name("Overlap").on_hover_text(format!(
                "Windows that share more than this part of their area count as one place; at first {}",
                BoxSettings::DEFAULT_OVERLAP
            ));
        }
    });
    ui.checkbox(&mut settings.merge, "Merge touching boxes")
        .on_hover_text("Make one box of windows of a keyword that touch");
    ui.checkbox(&mut settings.tight, "Tight boxes")
        .on_hover_text("Let boxes follow the peaks of the heat map instead of the windows");
    weak_matches(ui, settings);
}

fn weak_matches(ui: &mut Ui, settings: &mut Settings) {
    ui.horizontal(|ui| {
        let mut hidden = settings.threshold != Threshold::Off;
        let toggled = ui.checkbox(&mut hidden, "Hide weak matches").on_hover_text(
            "Show only boxes that stand out from the scene and win against the background words; a keyword \
                 without any says so",
        );
        if toggled.changed() {
            settings.threshold = if hidden { Threshold::Auto } else { Threshold::Off };
        }
        if settings.threshold != Threshold::Off {
            show_threshold(ui, &mut settings.threshold);
        }
    });
}

/// From where on a match is weak.
fn show_threshold(ui: &mut Ui, threshold: &mut Threshold) {
    let by_itself = *threshold == Threshold::Auto;
    if ui.selectable_label(by_itself, "auto").on_hover_text("Tell it from the scene's own scores").clicked() {
        *threshold = Threshold::Auto;
    }
    let below =
        ui.selectable_label(!by_itself, "minimum score").on_hover_text("Hide what scores less than a number");
    if below.clicked() && by_itself {
        *threshold = Threshold::AtLeast(MINIMUM_SCORE);
    }
    if let Threshold::AtLeast(least) = threshold {
        let field = DragValue::new(least).range(-1.0..=1.0).speed(0.005).fixed_decimals(3);
        ui.add(field)
            .accessible_name("Minimum score")
            .on_hover_text("The minimum score to show, in what boxes are ranked by");
    }
}

/// The sides to choose from beside the window's own, and those that were chosen elsewhere.
fn sides_offered(window: u32, chosen: &[u32]) -> Vec<u32> {
    let mut sides: Vec<u32> = SIDES.iter().chain(chosen).copied().collect();
    sides.retain(|side| *side != window && (1..=MAX_TILES).contains(side));
    sides.sort_unstable();
    sides.dedup();
    sides
}

#[cfg(test)]
mod tests {
    use super::sides_offered;

    #[test]
    fn every_other_side_is_offered_once() {
        assert_eq!(sides_offered(4, &[12, 3]), [1, 2, 3, 6, 8, 12]);
    }
}
