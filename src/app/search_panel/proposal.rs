//! A proposal of tile and window, for scenes whose ground the model would see from too near or too far away.

use eframe::egui::{RichText, Ui};

use super::SearchContext;
use crate::app::settings::Settings;
use crate::clip::GroundSizes;

/// Tile sizes that are proposed, and tiles a window, what most people know first.
const TILES: [u32; 8] = [8, 16, 32, 64, 128, 256, 512, 1024];
const WINDOWS: [u32; 4] = [4, 2, 3, 1];

/// A tile in pixels and a window in tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Proposal {
    tile: u32,
    window: u32,
}

/// The ground that windows show: what the model knows, and what a pixel of the scene is.
#[derive(Clone, Copy, Debug)]
struct Ground {
    sizes: GroundSizes,
    /// Side of the model's input, in pixels.
    input_size: u32,
    /// Metres a pixel of the scene.
    distance: f64,
}

/// Says which tile and window suit the scene, if the present ones don't, and sets them when asked to.
pub(super) fn show(ui: &mut Ui, settings: &mut Settings, cx: SearchContext<'_>) {
    let Some((sizes, input_size)) = cx.search.ground_sizes() else { return };
    let Some(distance) = cx.ground_sample_distance else { return };
    let ground = Ground { sizes, input_size, distance };
    let Some(Proposal { tile, window }) = proposal(ground, settings.tile, settings.window) else { return };
    let [least, most] = sizes.window_sides(input_size);
    ui.horizontal_wrapped(|ui| {
        let text = format!("Suggested for {} m a pixel: tile {tile}, window {window}", two_digits(distance));
        ui.label(RichText::new(text).weak()).on_hover_text(format!(
            "This model learnt the ground in windows of {} to {} m; the present ones show {} m",
            two_digits(least),
            two_digits(most),
            two_digits(side(settings.tile, settings.window) * distance),
        ));
        if ui.button("Use").on_hover_text("Set tile and window to what is suggested").clicked() {
            (settings.tile, settings.window) = (tile, window);
        }
    });
}

/// What suits the model and is nearest to the present window, unless that suits it already. `None` as well if
/// nothing that is offered does.
fn proposal(ground: Ground, tile: u32, window: u32) -> Option<Proposal> {
    let [least, most] = ground.sizes.window_sides(ground.input_size).map(|metres| metres / ground.distance);
    let present = side(tile, window);
    // NaN suits nothing, and nothing is proposed for it.
    if !(present < least || present > most) {
        return None;
    }
    let wanted = if present < least { least } else { most };
    let away = |proposal: &Proposal| (side(proposal.tile, proposal.window) / wanted).ln().abs();
    let all = WINDOWS.iter().flat_map(|&window| TILES.iter().map(move |&tile| Proposal { tile, window }));
    all.filter(|proposal| (least..=most).contains(&side(proposal.tile, proposal.window)))
        .min_by(|one, other| away(one).total_cmp(&away(other)))
}

/// A window's side, in pixels of the scene.
fn side(tile: u32, window: u32) -> f64 {
    f64::from(tile) * f64::from(window)
}

/// A number without more digits than a person cares for: 0.31, 2.5, 640.
fn two_digits(number: f64) -> String {
    let decimals = if number < 1.0 { 2 } else { usize::from(number < 10.0) };
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of 77 to 643 m, as for the model that comes with Skysift.
    fn ground(distance: f64) -> Ground {
        Ground { sizes: GroundSizes::new(0.8, 6.7).unwrap(), input_size: 96, distance }
    }

    #[test]
    fn what_suits_is_left_alone() {
        // 512 pixels of 0.5 m are 256 m.
        assert_eq!(proposal(ground(0.5), 128, 4), None);
        assert_eq!(proposal(ground(10.0), 16, 4), None);
    }

    #[test]
    fn windows_that_show_too_much_are_made_smaller() {
        // 512 pixels of 10 m are 5 km; 64 are 640 m, the most that suits.
        assert_eq!(proposal(ground(10.0), 128, 4), Some(Proposal { tile: 16, window: 4 }));
    }

    #[test]
    fn windows_that_show_too_little_are_made_larger() {
        // 512 pixels of 0.11 m are 56 m; 768 are 84 m, the next that suit.
        assert_eq!(proposal(ground(0.11), 128, 4), Some(Proposal { tile: 256, window: 3 }));
    }

    #[test]
    fn all_that_is_proposed_suits() {
        for distance in [0.05, 0.3, 0.7, 2.0, 5.0, 10.0, 20.0, 60.0] {
            for tile in [8, 64, 1024] {
                let Some(found) = proposal(ground(distance), tile, 4) else { continue };
                assert_eq!(
                    proposal(ground(distance), found.tile, found.window),
                    None,
                    "{distance} m, {tile}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_proposed_where_nothing_suits() {
        // A pixel is larger than all that the model saw in a window.
        assert_eq!(proposal(ground(1000.0), 128, 4), None);
        assert_eq!(proposal(ground(f64::NAN), 128, 4), None);
    }

    #[test]
    fn numbers_are_short() {
        let short = [0.3, 0.312, 0.5, 2.54, 10.0, 643.2].map(two_digits);
        assert_eq!(short, ["0.3", "0.31", "0.5", "2.5", "10", "643"]);
    }
}
