//! `skysift info`: what is known of an image.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use super::output;
use crate::raster::{Scene, SceneInfo};

/// The arguments of `skysift info`.
#[derive(Clone, Debug, clap::Args)]
pub struct InfoArgs {
    /// The image: GeoTIFF, JPEG 2000, VRT, PNG, JPEG, WebP or the folder of a product, or the https://,
    /// http:// or s3:// address of a GeoTIFF (COG)
    pub image: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints what is known of an image.
///
/// # Errors
/// When the image cannot be opened.
pub fn run(args: &InfoArgs) -> Result<()> {
    let scene = Scene::open(&args.image)?;
    if args.json {
        output::line(serde_json::to_string_pretty(scene.info())?)
    } else {
        output::write(|out| out.write_all(text(scene.info(), scene.north()).as_bytes()))
    }
}

/// One line a fact, aligned.
fn text(info: &SceneInfo, north: Option<f64>) -> String {
    let mut lines = vec![
        ("file", info.path.display().to_string()),
        ("format", info.format.clone()),
        ("size", format!("{} x {} pixels", info.width, info.height)),
        ("bands", bands(info)),
        ("data type", data_type(info)),
        ("compression", info.compression.clone()),
    ];
    if let Some(block) = info.block {
        let kind = if block.tiled { "tiles" } else { "strips" };
        lines.push(("stored in", format!("{kind} of {} x {}", block.width, block.height)));
    }
    lines
        .push(("overviews", or_none(list(&info.overviews, |(width, height)| format!("{width} x {height}")))));
    lines.push(("nodata", info.nodata.map_or_else(|| "none".to_owned(), |value| value.to_string())));
    if info.mask {
        lines.push(("mask", "yes".to_owned()));
    }
    lines.push(("shown", shown(info)));
    if !info.stretch.is_empty() {
        let ranges = list(&info.stretch, |range| format!("{} to {}", Short(range.black), Short(range.white)));
        lines.push(("stretch", ranges));
    }
    lines.push(("epsg", info.epsg.map_or_else(|| "none".to_owned(), |code| code.to_string())));
    if let Some(name) = &info.crs {
        lines.push(("crs", name.clone()));
    }
    if let Some(units) = &info.crs_units {
        lines.push(("units", units.clone()));
    }
    lines.push(("bounds", info.bounds.map_or_else(|| "none".to_owned(), |bounds| numbers(&bounds))));
    if let Some(bounds) = info.bounds_lon_lat {
        lines.push(("lon/lat", bounds.map(|value| format!("{value:.6}")).join(", ")));
    }
    if let Some([x, y]) = info.ground_sample_distance {
        lines.push(("pixel size", format!("{} x {} m on the ground", Short(x), Short(y))));
    }
    if let Some(north) = north {
        lines.push(("north", format!("{} degrees clockwise from up", Short(north))));
    }
    if let Some(note) = &info.georeference_note {
        let kind = if info.georeference_approximate { "approximate: " } else { "" };
        lines.push(("place", format!("{kind}{note}")));
    }
    lines.extend(info.notices.list().into_iter().map(|notice| ("note", notice)));
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    lines.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:width$}  {value}");
        text
    })
}

fn bands(info: &SceneInfo) -> String {
    let names = info.bands.iter().map(|band| match &band.name {
        Some(name) => format!("{name} ({})", band.interpretation.name()),
        None => band.interpretation.name().to_owned(),
    });
    format!("{} ({})", info.bands.len(), names.collect::<Vec<_>>().join(", "))
}

fn data_type(info: &SceneInfo) -> String {
    let name = info.data_type.name();
    let bytes = u16::try_from(info.data_type.bytes()).unwrap_or(0);
    if info.bits == bytes * 8 { name.to_owned() } else { format!("{name} ({} bits used)", info.bits) }
}

fn shown(info: &SceneInfo) -> String {
    let mut text = match info.shown.as_slice() {
        [red, green, blue] => format!("red {red}, green {green}, blue {blue}"),
        [band, ..] => format!("band {band}"),
        [] => "nothing".to_owned(),
    };
    if let Some(alpha) = info.alpha {
        let _ = write!(text, ", alpha {alpha}");
    }
    text
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

fn numbers(values: &[f64]) -> String {
    list(values, |value| Short(*value).to_string())
}

/// A number with six decimals at most.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.6}", self.0);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        out.write_str(if text == "-0" { "0" } else { text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_aligned_and_says_what_is_absent() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/raster/tiles_deflate_overviews.tif");
        let text = text(Scene::open(path.as_ref()).unwrap().info(), None);
        for line in [
            "size         101 x 75 pixels",
            "bands        3 (red, green, blue)",
            "data type    uint8",
            "stored in    tiles of 16 x 16",
            "overviews    51 x 38, 26 x 19",
            "nodata       none",
            "epsg         none",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [1.5, 300.0, -0.0, 0.123_456_789].map(|value| Short(value).to_string()),
            ["1.5", "300", "0", "0.123457"]
        );
    }
}
