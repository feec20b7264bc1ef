//! Where rational polynomial coefficients are stored: a TIFF tag, `_RPC.TXT`, `.RPB`, GDAL's metadata.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::rpc::{Range, Ratio, Rpc};
use crate::notices::Notices;

const MOST_BYTES: u64 = 1 << 20;
/// Numbers in the TIFF tag: two errors, ten of offsets and scales, four times twenty coefficients.
const TAG_NUMBERS: usize = 92;

/// From the numbers of `RPCCoefficientTag`.
pub(super) fn of_tag(numbers: &[f64]) -> Option<Rpc> {
    let numbers: &[f64; TAG_NUMBERS] = numbers.try_into().ok()?;
    let [bias, _, line, sample, lat, lon, height, lines, samples, lats, lons, heights, ..] = *numbers;
    let terms = |from: usize| numbers.get(from..from + 20).and_then(|terms| terms.try_into().ok());
    let ratio = |offset, scale, from| {
        Some(Ratio { offset, scale, numerator: terms(from)?, denominator: terms(from + 20)? })
    };
    Rpc {
        line: ratio(line, lines, 12)?,
        sample: ratio(sample, samples, 52)?,
        lat: Range { offset: lat, scale: lats },
        lon: Range { offset: lon, scale: lons },
        height: Range { offset: height, scale: heights },
        // -1 means unknown.
        bias: (bias > 0.0).then_some(bias),
        file: None,
    }
    .checked()
}

/// From GDAL's names and values, as they stand in `.aux.xml`, VRT and `_RPC.TXT`. `None` when something is
/// missing.
pub(in crate::raster) fn rpc_of_items<'a>(
    items: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<Rpc> {
    let items: HashMap<String, &str> =
        items.into_iter().map(|(name, value)| (name.trim().to_ascii_uppercase(), value)).collect();
    let number = |name: &str| -> Option<f64> {
        // A unit may follow.
        items.get(name)?.split_whitespace().next()?.parse().ok()
    };
    let terms = |name: &str| -> Option<[f64; 20]> {
        let listed = items.get(name).map(|list| {
            list.split([' ', ',', '\t'])
                .filter(|word| !word.is_empty())
                .map(|word| word.parse().ok())
                .collect()
        });
        let one_by_one = || (1..=20).map(|index| number(&format!("{name}_{index}"))).collect();
        let numbers: Option<Vec<f64>> = listed.unwrap_or_else(one_by_one);
        numbers?.try_into().ok()
    };
    let ratio = |name: &str| {
        Some(Ratio {
            offset: number(&format!("{name}_OFF"))?,
            scale: number(&format!("{name}_SCALE"))?,
            numerator: terms(&format!("{name}_NUM_COEFF"))?,
            denominator: terms(&format!("{name}_DEN_COEFF"))?,
        })
    };
    let range = |name: &str| {
        Some(Range { offset: number(&format!("{name}_OFF"))?, scale: number(&format!("{name}_SCALE"))? })
    };
    Rpc {
        line: ratio("LINE")?,
        sample: ratio("SAMP")?,
        lat: range("LAT")?,
        lon: range("LONG")?,
        height: range("HEIGHT")?,
        bias: number("ERR_BIAS").filter(|bias| *bias > 0.0),
        file: None,
    }
    .checked()
}

/// The coefficients in a sidecar file: `scene_RPC.TXT` or `scene.RPB` for `scene.tif`.
pub(in crate::raster) fn rpc_beside(image: &Path, notices: &Notices) -> Option<Rpc> {
    let stem = image.file_stem()?.to_string_lossy().into_owned();
    let named = |end: &str| image.with_file_name(format!("{stem}{end}"));
    let texts = ["_RPC.TXT", "_rpc.txt", "_RPC.txt"].map(named);
    let blocks = ["RPB", "rpb"].map(|extension| image.with_extension(extension));
    let found = |paths: &[PathBuf]| paths.iter().find(|path| path.is_file()).cloned();
    let (path, parse): (_, fn(&str) -> Option<Rpc>) = match (found(&blocks), found(&texts)) {
        (Some(path), _) => (path, of_block),
        (None, Some(path)) => (path, of_text),
        (None, None) => return None,
    };
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    let rpc = read.ok().and_then(|_| parse(&String::from_utf8_lossy(&bytes)));
    if rpc.is_none() {
        notices.tell(format!(
            "{} holds no complete rational polynomial coefficients and is left out",
            path.display()
        ));
    }
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    rpc.map(|rpc| Rpc { file, ..rpc })
}

/// `LINE_OFF: +002816.00 pixels` in each line.
fn of_text(text: &str) -> Option<Rpc> {
    rpc_of_items(text.lines().filter_map(|line| line.split_once([':', '='])))
}

/// `DigitalGlobe`'s blocks: `lineOffset = 2816;`, `lineNumCoef = ( 1, 2, … );`.
fn of_block(text: &str) -> Option<Rpc> {
    const NAMES: [(&str, &str); 15] = [
        ("errBias", "ERR_BIAS"),
        ("lineOffset", "LINE_OFF"),
        ("sampOffset", "SAMP_OFF"),
        ("latOffset", "LAT_OFF"),
        ("longOffset", "LONG_OFF"),
        ("heightOffset", "HEIGHT_OFF"),
        ("lineScale", "LINE_SCALE"),
        ("sampScale", "SAMP_SCALE"),
        ("latScale", "LAT_SCALE"),
        ("longScale", "LONG_SCALE"),
        ("heightScale", "HEIGHT_SCALE"),
        ("lineNumCoef", "LINE_NUM_COEFF"),
        ("lineDenCoef", "LINE_DEN_COEFF"),
        ("sampNumCoef", "SAMP_NUM_COEFF"),
        ("sampDenCoef", "SAMP_DEN_COEFF"),
    ];
    let items = text
        .split(';')
        .filter_map(|part| part.rsplit_once('=').map(|(name, value)| (name, value.to_owned())));
    let items: Vec<(&str, String)> = items
        .filter_map(|(name, value)| {
            // The first entry of a block is preceded by the block's name.
            let name = name.split_whitespace().last()?;
            let (_, known) = NAMES.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name))?;
            Some((*known, value.replace(['(', ')', ',', '\r', '\n', '\t'], " ").trim().to_owned()))
        })
        .collect();
    rpc_of_items(items.iter().map(|(name, value)| (*name, value.as_str())))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::raster::georeference::rpc::tests::example;

    fn numbers(rpc: &Rpc) -> Vec<f64> {
        let (line, sample) = (&rpc.line, &rpc.sample);
        let ranges = [rpc.lat, rpc.lon, rpc.height];
        let mut numbers = vec![1.0, 0.5, line.offset, sample.offset];
        numbers.extend(ranges.iter().map(|range| range.offset));
        numbers.extend([line.scale, sample.scale]);
        numbers.extend(ranges.iter().map(|range| range.scale));
        for ratio in [line, sample] {
            numbers.extend(ratio.numerator.iter().chain(&ratio.denominator));
        }
        numbers
    }

    const NAMES: [&str; 12] = [
        "ERR_BIAS",
        "ERR_RAND",
        "LINE_OFF",
        "SAMP_OFF",
        "LAT_OFF",
        "LONG_OFF",
        "HEIGHT_OFF",
        "LINE_SCALE",
        "SAMP_SCALE",
        "LAT_SCALE",
        "LONG_SCALE",
        "HEIGHT_SCALE",
    ];
    const LISTS: [&str; 4] = ["LINE_NUM_COEFF", "LINE_DEN_COEFF", "SAMP_NUM_COEFF", "SAMP_DEN_COEFF"];

    #[test]
    fn every_form_says_the_same() {
        let rpc = example();
        let numbers = numbers(&rpc);
        assert_eq!(of_tag(&numbers), Some(rpc.clone()));
        let (mut text, mut block) = (String::new(), "satId = \"QB02\";\nBEGIN_GROUP = IMAGE\n".to_owned());
        for (name, value) in NAMES.iter().zip(&numbers) {
            let _ = writeln!(text, "{name}: {value:+} pixels");
            let camel = match *name {
                "ERR_BIAS" => "errBias".to_owned(),
                "ERR_RAND" => "errRand".to_owned(),
                name => name.to_ascii_lowercase().replace("_off", "Offset").replace("_scale", "Scale"),
            };
            let _ = writeln!(block, "\t{camel} = {value};");
        }
        for (list, values) in LISTS.iter().zip(numbers[12..].chunks(20)) {
            for (index, value) in values.iter().enumerate() {
                let _ = writeln!(text, "{list}_{}: {value}", index + 1);
            }
            let (kind, part) =
                (&list[..4].to_ascii_lowercase(), if list.contains("NUM") { "Num" } else { "Den" });
            let values: Vec<String> = values.iter().map(f64::to_string).collect();
            let _ = writeln!(block, "\t{kind}{part}Coef = (\n\t\t\t{});", values.join(",\n\t\t\t"));
        }
        block.push_str("END_GROUP = IMAGE\nEND;\n");
        assert_eq!(of_text(&text), Some(rpc.clone()), "{text}");
        assert_eq!(of_block(&block), Some(rpc), "{block}");
        assert_eq!(of_text(&text.replace("LINE_OFF", "LINE")), None);
        assert_eq!(of_tag(&numbers[..91]), None);
    }

    #[test]
    fn a_file_beside_an_image_is_found_or_told() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("scene.tif");
        let notices = Notices::default();
        assert!(rpc_beside(&image, &notices).is_none() && notices.list().is_empty());
        std::fs::write(folder.path().join("scene_RPC.TXT"), "LINE_OFF: 1\n").unwrap();
        assert!(rpc_beside(&image, &notices).is_none());
        assert!(notices.list()[0].contains("scene_RPC.TXT"), "{:?}", notices.list());
    }
}
