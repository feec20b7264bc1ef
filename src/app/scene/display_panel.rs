//! The controls of the picture: bands, stretch, gamma, and a histogram of each shown band.

use eframe::egui;
use eframe::egui::{ComboBox, DragValue, Sense, Slider, Ui, WidgetInfo, vec2};

use super::display::Display;
use super::{SceneState, histogram};
use crate::app::keyboard::is_taken;
use crate::raster::{BandPreset, Bands, DisplaySettings, Scene, SceneInfo, Stretch, StretchInfo};

const GAMMA: std::ops::RangeInclusive<f64> = 0.2..=5.0;
/// Height of a histogram in points.
const HISTOGRAM: f32 = 34.0;
const CHANNELS: [&str; 3] = ["Red", "Green", "Blue"];

impl SceneState {
    /// The controls of how the scene is shown.
    pub fn display_ui(&mut self, ui: &mut Ui) {
        let Some(open) = &mut self.open else {
            ui.weak("Bands and contrast of an open image.");
            return;
        };
        let (scene, display) = (&open.scene, &mut open.display);
        egui::Grid::new("picture").num_columns(2).spacing([10.0, 6.0]).show(ui, |ui| {
            show_presets(ui, scene, &mut display.wanted);
            show_bands(ui, scene.info(), &mut display.wanted.bands);
            if !display.shown().has_palette() {
                show_stretch(ui, display);
            }
            show_gamma(ui, &mut display.wanted.gamma);
        });
        show_histograms(ui, display);
        let own = scene.display_settings();
        let reset = ui.add_enabled(display.wanted != *own, egui::Button::new("Reset picture"));
        let reset = reset
            .on_hover_text("Show the image as the scan sees it")
            .on_disabled_hover_text("The image is shown as the scan sees it");
        if reset.clicked() {
            display.wanted = own.clone();
        }
        let line = egui::Label::new(egui::RichText::new(scan_line(own, scene.info())).weak()).wrap();
        ui.add(line).on_hover_text(
            "What the model gets to see. Changing the picture changes what you see and what pictures you save, \
             but not the scan.",
        );
    }
}

fn show_presets(ui: &mut Ui, scene: &Scene, wanted: &mut DisplaySettings) {
    let label = ui.label("Colours");
    let current = preset_of(scene, wanted.bands);
    let count = scene.info().bands.len();
    let combo = ComboBox::from_id_salt("preset").width(ui.available_width()).truncate();
    let combo = combo.selected_text(preset_name(current)).show_ui(ui, |ui| {
        for preset in [BandPreset::TrueColour, BandPreset::ColourInfrared, BandPreset::SingleBand] {
            let Some(bands) = scene.preset(preset) else { continue };
            let tip = match preset {
                BandPreset::TrueColour => "Red, green and blue, as eyes see them",
                BandPreset::ColourInfrared => "Near infrared, red and green: plants are red, water is dark",
                BandPreset::SingleBand => "One band, in grey or in the file's own colours",
            };
            let entry = ui.selectable_label(current == Some(preset), preset_name(Some(preset)));
            if is_taken(ui, &entry.on_hover_text(tip)) && current != Some(preset) {
                wanted.bands = bands;
            }
        }
        if count > 1 {
            let entry = ui.selectable_label(current.is_none(), preset_name(None));
            let clicked = is_taken(ui, &entry.on_hover_text("Any three bands as red, green and blue"));
            if let (true, Bands::Single(_)) = (clicked, wanted.bands) {
                wanted.bands = Bands::Composite([0, 1, 2].map(|band: usize| band.min(count - 1)));
            }
        }
    });
    combo.response.labelled_by(label.id).on_hover_text("Which bands are shown as which colours");
    ui.end_row();
}

fn preset_name(preset: Option<BandPreset>) -> &'static str {
    match preset {
        Some(BandPreset::TrueColour) => "True colour",
        Some(BandPreset::ColourInfrared) => "Colour infrared",
        Some(BandPreset::SingleBand) => "Single band",
        None => "Custom",
    }
}

fn preset_of(scene: &Scene, bands: Bands) -> Option<BandPreset> {
    match bands {
        Bands::Single(_) => Some(BandPreset::SingleBand),
        Bands::Composite(_) => [BandPreset::TrueColour, BandPreset::ColourInfrared]
            .into_iter()
            .find(|p| scene.preset(*p) == Some(bands)),
    }
}

fn show_bands(ui: &mut Ui, info: &SceneInfo, bands: &mut Bands) {
    match bands {
        Bands::Single(band) => show_band(ui, info, "Band", "The band that is shown", band),
        Bands::Composite(bands) => {
            let tips = ["The band shown in red", "The band shown in green", "The band shown in blue"];
            for ((band, name), tip) in bands.iter_mut().zip(CHANNELS).zip(tips) {
                show_band(ui, info, name, tip, band);
            }
        }
    }
}

fn show_band(ui: &mut Ui, info: &SceneInfo, name: &str, tip: &str, chosen: &mut usize) {
    let label = ui.label(name);
    let combo = ComboBox::from_id_salt(name).width(ui.available_width()).truncate();
    let combo = combo.selected_text(band_name(info, *chosen)).show_ui(ui, |ui| {
        for band in 0..info.bands.len() {
            let entry = ui.selectable_value(chosen, band, band_name(info, band));
            is_taken(ui, &entry);
        }
    });
    combo.response.labelled_by(label.id).on_hover_text(tip);
    ui.end_row();
}

/// A band by number and, if the file tells, by name: "4 – nir".
fn band_name(info: &SceneInfo, band: usize) -> String {
    let number = band + 1;
    match info.bands.get(band) {
        Some(band) => match (&band.name, band.interpretation) {
            (Some(name), _) => format!("{number} – {name}"),
            (None, crate::raster::Role::Undefined) => format!("Band {number}"),
            (None, role) => format!("{number} – {}", role.name()),
        },
        None => format!("Band {number}"),
    }
}

fn show_stretch(ui: &mut Ui, display: &mut Display) {
    let label = ui.label("Stretch");
    let current = stretch_name(&display.wanted.stretch);
    let given = || Stretch::Range(display.shown().ranges());
    let mut chosen = None;
    let combo = ComboBox::from_id_salt("stretch").width(ui.available_width()).truncate();
    let combo = combo.selected_text(current).show_ui(ui, |ui| {
        for (stretch, tip) in [
            (Stretch::AsStored, "From the smallest to the largest value that the file can hold"),
            (Stretch::Percentile(2.0, 98.0), "Leave out the darkest and the brightest few percent"),
            (Stretch::MinMax, "From the darkest to the brightest value there is"),
            (Stretch::StandardDeviations(2.0), "So many standard deviations around the mean"),
            (given(), "Values for black and white of your own"),
        ] {
            let name = stretch_name(&stretch);
            let entry = ui.selectable_label(name == current, name).on_hover_text(tip);
            if is_taken(ui, &entry) && name != current {
                chosen = Some(stretch);
            }
        }
    });
    combo.response.labelled_by(label.id).on_hover_text("Which values become black and white");
    ui.end_row();
    if let Some(stretch) = chosen {
        display.wanted.stretch = stretch;
    }
    let channels = channels(display.wanted.bands);
    let range = display.shown().scene().info().data_type.range();
    let speeds: Vec<f64> =
        display.shown().statistics().iter().map(|known| (known.max - known.min) / 200.0).collect();
    match &mut display.wanted.stretch {
        Stretch::AsStored | Stretch::MinMax => {}
        Stretch::Percentile(low, high) => {
            ui.label("");
            ui.horizontal(|ui| {
                let most = *high;
                ui.add(DragValue::new(low).range(0.0..=most).suffix(" %").speed(0.1).max_decimals(1))
                    .accessible_name("Low percentile")
                    .on_hover_text("This part of the pixels becomes black; drag, or click to type");
                ui.weak("to");
                let least = *low;
                ui.add(DragValue::new(high).range(least..=100.0).suffix(" %").speed(0.1).max_decimals(1))
                    .accessible_name("High percentile")
                    .on_hover_text("What lies above this part of the pixels becomes white");
            });
            ui.end_row();
        }
        Stretch::StandardDeviations(times) => {
            ui.label("");
            ui.add(DragValue::new(times).range(0.1..=10.0).speed(0.02).max_decimals(2))
                .accessible_name("Standard deviations")
                .on_hover_text("How many standard deviations below and above the mean black and white lie");
            ui.end_row();
        }
        Stretch::Range(given) => {
            // Another choice of bands may have more of them.
            let last = given.last().copied().unwrap_or(StretchInfo { black: range.0, white: range.1 });
            given.resize(channels.len(), last);
            for ((ends, name), index) in given.iter_mut().zip(channels).zip(0..) {
                let speed = speeds.get(index).copied().filter(|speed| *speed > 0.0).unwrap_or(0.01);
                ui.label("");
                ui.horizontal(|ui| {
                    ui.add(DragValue::new(&mut ends.black).speed(speed).max_decimals(4))
                        .accessible_name(format!("{name} black point"))
                        .on_hover_text(format!("{name}: the value that becomes black"));
                    ui.weak("to");
                    ui.add(DragValue::new(&mut ends.white).speed(speed).max_decimals(4))
                        .accessible_name(format!("{name} white point"))
                        .on_hover_text(format!("{name}: the value that becomes full"));
                });
                ui.end_row();
            }
        }
    }
}

fn stretch_name(stretch: &Stretch) -> &'static str {
    match stretch {
        Stretch::AsStored => "As stored",
        Stretch::Percentile(..) => "Percentiles",
        Stretch::MinMax => "Minimum to maximum",
        Stretch::StandardDeviations(_) => "Standard deviations",
        Stretch::Range(_) => "Custom",
    }
}

fn channels(bands: Bands) -> &'static [&'static str] {
    match bands {
        Bands::Single(_) => &["Band"],
        Bands::Composite(_) => &CHANNELS,
    }
}

fn show_gamma(ui: &mut Ui, gamma: &mut f64) {
    let label = ui.label("Gamma");
    ui.horizontal(|ui| {
        ui.add(Slider::new(gamma, GAMMA).logarithmic(true).show_value(false))
            .labelled_by(label.id)
            .on_hover_text("Brightens (above 1) or darkens what lies between black and white");
        ui.weak(format!("{gamma:.2}"));
    });
    ui.end_row();
}

/// A histogram of each shown band with its black and white point, which can be dragged.
fn show_histograms(ui: &mut Ui, display: &mut Display) {
    let source = std::sync::Arc::clone(display.shown());
    let ranges = source.ranges();
    let palette = source.has_palette();
    let names = channels(source.settings().bands);
    let mut moved = None;
    for (index, (known, range)) in source.statistics().iter().zip(&ranges).enumerate() {
        if known.is_empty() {
            ui.weak("No values in this band");
            continue;
        }
        let name = names.get(index).copied().unwrap_or("Band");
        let size = vec2(ui.available_width(), HISTOGRAM);
        let (rect, response) = ui.allocate_exact_size(size, Sense::DRAG);
        histogram::draw(ui, rect, known, (!palette).then_some(*range), name);
        let number = histogram::number;
        let text = if palette {
            format!("{name}: values from {} to {}", number(known.min), number(known.max))
        } else {
            format!("{name}: black at {}, white at {}", number(range.black), number(range.white))
        };
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, format!("Histogram, {text}")));
        if let Some(at) = response.interact_pointer_pos().filter(|_| !palette) {
            let value = histogram::value_at(rect, known, at.x);
            let white = ui.data_mut(|data| {
                let white = data.get_temp_mut_or(response.id, false);
                if response.drag_started() {
                    // The one that is nearer is taken.
                    let place = |value: f64| (histogram::x_of(rect, known, value) - at.x).abs();
                    *white = place(range.white) < place(range.black);
                }
                *white
            });
            if response.dragged() {
                moved = Some((index, white, value));
            }
        }
        let (least, most) = (number(known.min), number(known.max));
        let mean = number(known.mean);
        response.on_hover_text(format!(
            "{text}\nValues from {least} to {most}, mean {mean}, standard deviation {}\nDrag a mark to move it",
            number(known.deviation)
        ));
    }
    if let Some((index, white, value)) = moved {
        let mut given = match &display.wanted.stretch {
            Stretch::Range(given) if given.len() == ranges.len() => given.clone(),
            _ => ranges,
        };
        if let Some(ends) = given.get_mut(index) {
            *(if white { &mut ends.white } else { &mut ends.black }) = value;
        }
        display.wanted.stretch = Stretch::Range(given);
    }
}

/// What the model sees of a scene.
fn scan_line(own: &DisplaySettings, info: &SceneInfo) -> String {
    let bands = match own.bands {
        Bands::Single(band)
            if info.bands.get(band).is_some_and(|b| b.interpretation == crate::raster::Role::Palette) =>
        {
            return "Skysift scans the colours of the file's table".to_owned();
        }
        Bands::Single(band) => format!("band {}", band + 1),
        Bands::Composite(bands) => {
            let [red, green, blue] = bands.map(|band| band + 1);
            format!("bands {red}, {green}, {blue}")
        }
    };
    let stretch = match own.stretch {
        Stretch::Percentile(low, high) => format!("stretched {low}–{high} %"),
        _ => "as stored".to_owned(),
    };
    format!("Skysift scans {bands} {stretch}")
}
