//! The heat map over the scene: which one, how strong, and what its colours mean.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::epaint::Mesh;
use eframe::egui::{
    Align2, Color32, ColorImage, ComboBox, Context, FontId, Pos2, Rect, Sense, Shape, Slider, TextureHandle,
    TextureOptions, Ui, pos2, vec2,
};

use super::ViewportContext;
use super::camera::Camera;
use crate::app::jobs::Job;
use crate::app::keyboard::is_taken;
use crate::app::search::Search;
use crate::app::search_panel::SearchPanel;
use crate::app::search_panel::keywords::Keywords;
use crate::search::{Blend, ColorScale, HeatMap, HeatMapOf, RankBy, heat_legend};

/// Sides of a texture at most, in cells: finer than any screen, and 16 MiB.
const MAX_SIDE: usize = 2048;
/// Steps of colour in the legend.
const STEPS: usize = 32;

/// A heat map in colours, as a job makes it.
struct Shaded {
    keyword: String,
    map: Arc<HeatMap>,
    image: ColorImage,
    /// Cells along a side that share a pixel.
    stride: usize,
    scale: Option<ColorScale>,
}

impl Shaded {
    fn new(keyword: String, map: Arc<HeatMap>, ranked_by: RankBy, max_side: usize) -> Self {
        let stride = stride(map.width.max(map.height), max_side);
        let scale = map.range().map(|(_, greatest)| ColorScale::of(ranked_by, greatest));
        let colors = map.colors(scale.unwrap_or(ColorScale::Probability));
        let (columns, rows) = (map.width.div_ceil(stride), map.height.div_ceil(stride));
        let mut rgba = Vec::with_capacity(columns * rows * 4);
        for row in colors.chunks(map.width.max(1)).step_by(stride) {
            rgba.extend(row.iter().step_by(stride).flatten());
        }
        let image = ColorImage::from_rgba_unmultiplied([columns, rows], &rgba);
        Self { keyword, map, image, stride, scale }
    }
}

struct Shown {
    keyword: String,
    map: Arc<HeatMap>,
    stride: usize,
    scale: Option<ColorScale>,
    texture: TextureHandle,
}

/// The heat map as the controls want it, and the one that is on the screen.
pub struct HeatMapOverlay {
    on: bool,
    keyword: Option<String>,
    blend: Blend,
    opacity: f32,
    shown: Option<Shown>,
    job: Option<Job<Shaded>>,
}

impl Default for HeatMapOverlay {
    fn default() -> Self {
        Self { on: false, keyword: None, blend: Blend::Mean, opacity: 0.6, shown: None, job: None }
    }
}

impl HeatMapOverlay {
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    pub fn toggle(&mut self) {
        self.on = !self.on;
    }

    /// Forgets the scene before; the controls stay as they are.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// What the scanner is asked for.
    #[must_use]
    pub fn wanted(&self, keywords: &Keywords) -> Option<HeatMapOf> {
        let keyword = self.keyword(keywords).filter(|_| self.on)?;
        Some(HeatMapOf { keyword, blend: self.blend })
    }

    /// A keyword is written in another way from now on.
    pub fn rename(&mut self, old: &str, new: &str) {
        if let Some(keyword) = self.keyword.as_mut().filter(|keyword| *keyword == old) {
            new.clone_into(keyword);
        }
    }

    /// The keyword that was chosen, or the first while that is not there.
    fn keyword(&self, keywords: &Keywords) -> Option<String> {
        let chosen = self.keyword.as_ref().and_then(|keyword| keywords.exact(keyword));
        chosen.or_else(|| keywords.chips().first()).map(|chip| chip.word.clone())
    }

    /// Has a new heat map coloured by another thread, and takes the one that was.
    pub fn poll(&mut self, ctx: &Context, search: &Search) {
        let now = search.ranking().heat_map.as_ref();
        if let Some(Shaded { keyword, map, image, stride, scale }) = Job::poll(&mut self.job) {
            // The scene may have changed meanwhile.
            let size = |map: &HeatMap| (map.cell, map.width, map.height);
            if now.is_some_and(|(_, now)| size(now) == size(&map)) {
                let texture = ctx.load_texture("heat map", image, TextureOptions::LINEAR);
                self.shown = Some(Shown { keyword, map, stride, scale, texture });
            }
        }
        let Some((keyword, map)) = now.filter(|_| self.on).cloned() else { return };
        let known = self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(&shown.map, &map));
        if known || self.job.is_some() || map.values.is_empty() {
            return;
        }
        let max_side = ctx.input(|input| input.max_texture_side).min(MAX_SIDE);
        let ranked_by = ranked_by(search, &keyword);
        let shade = move || Shaded::new(keyword, map, ranked_by, max_side);
        self.job = Job::start(ctx, "heat map", move |_| shade()).ok();
    }

    /// Whether the heat map on the screen is the one that is wanted, or none is to come.
    #[must_use]
    pub fn is_there(&self, search_panel: &SearchPanel, search: &Search) -> bool {
        let wanted = self.wanted(search_panel.keywords());
        let Some(wanted) = wanted.filter(|_| search.scanned().is_some()) else { return true };
        let Some((keyword, map)) = &search.ranking().heat_map else {
            return search_panel.problem(&wanted.keyword, search).is_some();
        };
        let shown = self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(&shown.map, map));
        *keyword == wanted.keyword && (shown || map.values.is_empty())
    }

    /// Draws the heat map over the scene.
    pub fn draw(&self, ui: &Ui, view: Rect, camera: &Camera, size: (u32, u32), cx: ViewportContext<'_>) {
        let Some(wanted) = self.wanted(cx.keywords()) else { return };
        let Some(shown) = self.shown.as_ref().filter(|shown| shown.keyword == wanted.keyword) else {
            return;
        };
        // Only what an answer still holds: another query may have left it behind.
        if cx.search.ranking().heat_map.is_none() {
            return;
        }
        let scene = camera.rect_to_screen(view, crate::raster::Rect::new(0, 0, size.0, size.1));
        let cell = f64::from(shown.map.cell);
        let side = |cells: usize| (cells.div_ceil(shown.stride) * shown.stride) as f64 * cell;
        let (left_top, right_bottom) = (
            camera.to_screen(view, 0.0, 0.0),
            camera.to_screen(view, side(shown.map.width), side(shown.map.height)),
        );
        let mut mesh = Mesh::with_texture(shown.texture.id());
        let uv = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        let alpha = (self.opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        mesh.add_rect_with_uv(
            Rect::from_min_max(left_top, right_bottom),
            uv,
            Color32::from_white_alpha(alpha),
        );
        // Cells reach past the edges of the scene.
        ui.painter_at(view.intersect(scene)).add(Shape::mesh(mesh));
    }

    /// The controls and the legend, at the bottom right of the view.
    pub fn ui(&mut self, ui: &Ui, view: Rect, keywords: &Keywords, search: &Search) {
        if !self.on {
            return;
        }
        egui::Area::new(egui::Id::unique("heat map"))
            .pivot(Align2::RIGHT_BOTTOM)
            .fixed_pos(view.right_bottom() - vec2(12.0, 12.0))
            .constrain_to(view)
            .show(ui.ctx(), |ui| {
                egui::Frame::popup(ui.style()).inner_margin(8).show(ui, |ui| {
                    ui.set_width(210.0);
                    self.show_controls(ui, keywords, search);
                });
            });
    }

    fn show_controls(&mut self, ui: &mut Ui, keywords: &Keywords, search: &Search) {
        let Some(wanted) = self.wanted(keywords) else {
            ui.weak("Type a keyword to see where it is likely.");
            return;
        };
        let combo = ComboBox::from_id_salt("heat keyword")
            .width(ui.available_width())
            .truncate()
            .selected_text(&wanted.keyword)
            .show_ui(ui, |ui| {
                for chip in keywords.chips() {
                    let entry = ui.selectable_label(chip.word == wanted.keyword, &chip.word);
                    if is_taken(ui, &entry) {
                        self.keyword = Some(chip.word.clone());
                    }
                }
            });
        combo
            .response
            .accessible_name("Heat map of")
            .on_hover_text("The keyword whose similarity the colours show");
        ui.horizontal(|ui| {
            for (blend, text, tip) in [
                (Blend::Mean, "Mean", "The mean of all windows over a place; narrows things down"),
                (Blend::Max, "Max", "The best window over a place; keeps what only one shows"),
            ] {
                let button = ui.selectable_label(self.blend == blend, text).on_hover_text(tip);
                if button.clicked() {
                    self.blend = blend;
                }
            }
        });
        ui.horizontal(|ui| {
            let label = ui.label("Opacity");
            ui.spacing_mut().slider_width = 110.0;
            ui.add(Slider::new(&mut self.opacity, 0.0..=1.0).show_value(false))
                .labelled_by(label.id)
                .on_hover_text("How much the colours cover the scene");
        });
        match self.shown.as_ref().filter(|shown| shown.keyword == wanted.keyword) {
            Some(Shown { scale: Some(scale), .. }) => show_legend(ui, *scale),
            Some(_) => {
                ui.weak("No window has data yet.");
            }
            None if search.scanned().is_none() => {
                ui.weak("Scan first; then the colours appear.");
            }
            None => {
                ui.weak("The colours appear in a moment…");
            }
        }
    }
}

/// What the windows of a keyword are ranked by: an example alone by cosine, whatever the others are.
fn ranked_by(search: &Search, keyword: &str) -> RankBy {
    let rank_by = search.query().map_or_else(RankBy::default, |query| query.rank_by);
    let own = search.ranking().iter().find(|found| found.keyword == keyword);
    own.map_or(rank_by, |found| found.ranked_by(rank_by))
}

/// Colours with the values that they stand for, the least at the left.
fn show_legend(ui: &mut Ui, scale: ColorScale) {
    let what = match scale {
        ColorScale::Probability => "Probability",
        ColorScale::Cosine(_) => "Cosine similarity",
    };
    let [low, middle, high] = [0.0, 0.5, 1.0].map(|share| scale.value(share));
    ui.weak(what);
    let (place, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let text = format!("{what} from {low:.2} (clear) to {high:.2} (yellow)");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, text.clone()));
    response.on_hover_text(&text);
    let bar = Rect::from_min_size(place.min, vec2(place.width(), 12.0));
    let step = bar.width() / STEPS as f32;
    for (number, [red, green, blue]) in heat_legend(STEPS).into_iter().enumerate() {
        let left = bar.left() + step * number as f32;
        // A little wider than a step, so that no seams show.
        let part = Rect::from_min_size(pos2(left, bar.top()), vec2(step + 0.5, bar.height())).intersect(bar);
        ui.painter().rect_filled(part, 0.0, Color32::from_rgb(red, green, blue));
    }
    let color = ui.visuals().text_color();
    for (x, align, value) in [
        (place.left(), Align2::LEFT_BOTTOM, low),
        (place.center().x, Align2::CENTER_BOTTOM, middle),
        (place.right(), Align2::RIGHT_BOTTOM, high),
    ] {
        let font = FontId::proportional(11.5);
        ui.painter().text(pos2(x, place.bottom()), align, format!("{value:.2}"), font, color);
    }
}

/// How many cells share a pixel, so that `length` cells fit a texture of `side`.
fn stride(length: usize, side: usize) -> usize {
    length.div_ceil(side.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_maps_fit_a_texture() {
        assert_eq!((stride(2048, 2048), stride(2049, 2048), stride(0, 2048)), (1, 2, 1));
        let map = HeatMap { cell: 4, width: 5, height: 3, values: vec![0.5; 15] };
        let shaded = Shaded::new("harbor".to_owned(), Arc::new(map), RankBy::Probability, 2);
        assert_eq!((shaded.stride, shaded.image.size), (3, [2, 1]));
        assert_eq!(shaded.image.pixels.len(), 2);
    }

    #[test]
    fn the_first_keyword_stands_in_for_one_that_is_gone() {
        let mut keywords = Keywords::default();
        let mut heat =
            HeatMapOverlay { on: true, keyword: Some("beach".to_owned()), ..HeatMapOverlay::default() };
        assert_eq!(heat.wanted(&keywords), None);
        keywords.add("harbor, beach");
        assert_eq!(heat.wanted(&keywords).unwrap().keyword, "beach");
        keywords.remove("beach");
        assert_eq!(heat.wanted(&keywords).unwrap().keyword, "harbor");
        heat.on = false;
        assert_eq!(heat.wanted(&keywords), None);
    }
}
