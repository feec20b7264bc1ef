//! What is done to pictures, as a model's files say it: transformers' image processors and `open_clip`'s
//! `preprocess_cfg`.

use std::path::Path;

use serde_json::Value;

use crate::clip::ClipError;
use crate::clip::preprocess::{CropRounding, Filter, Fit, MEAN, Preprocess, STD};
use crate::text_file;

/// What a model's files say about pictures.
#[derive(Debug)]
pub(in crate::clip) struct ConfiguredPreprocess {
    pub preprocess: Preprocess,
    /// The file that says it, or the library whose default it is.
    pub origin: String,
    /// What a person should know about it.
    pub notice: Option<String>,
}

/// Reads transformers' configuration of an image processor in `directory`, for an input of `side` pixels:
/// `processor_config.json` if it holds one, else `preprocessor_config.json`, else the defaults for CLIP or
/// SigLIP.
pub(in crate::clip) fn hugging_face(
    directory: &Path,
    side: u32,
    is_siglip: bool,
) -> Result<ConfiguredPreprocess, ClipError> {
    let nested = json_file(&directory.join("processor_config.json"))?;
    let nested = nested.and_then(|config| config.get("image_processor").cloned());
    let (name, config) = match nested {
        Some(config) => ("processor_config.json", config),
        None => match json_file(&directory.join("preprocessor_config.json"))? {
            Some(config) => ("preprocessor_config.json", config),
            None => ("transformers' default, since there is no preprocessor_config.json", Value::Null),
        },
    };
    let (preprocess, notice) = of_processor(&directory.join(name), &config, side, is_siglip)?;
    Ok(ConfiguredPreprocess { preprocess, origin: name.to_owned(), notice })
}

fn of_processor(
    path: &Path,
    config: &Value,
    side: u32,
    is_siglip: bool,
) -> Result<(Preprocess, Option<String>), ClipError> {
    let flag = |key: &str, default: bool| config.get(key).and_then(Value::as_bool).unwrap_or(default);
    let rescale = match config.get("rescale_factor").and_then(Value::as_f64) {
        _ if !flag("do_rescale", true) => 1.0,
        Some(factor) => factor,
        None => 1.0 / 255.0,
    };
    let (mean, std) = if is_siglip { ([0.5; 3], [0.5; 3]) } else { (MEAN, STD) };
    let (mean, std) = if flag("do_normalize", true) {
        (three(path, config, "image_mean", mean)?, three(path, config, "image_std", std)?)
    } else {
        ([0.0; 3], [1.0; 3])
    };
    let crops = flag("do_center_crop", !is_siglip);
    let (fit, notice) = fit(path, config, side, is_siglip, crops)?;
    let plain = Preprocess::new(side, mean, std, rescale);
    Ok((plain.with(filter(path, config)?, fit, CropRounding::Down), notice))
}

/// A filter by Pillow's number for it.
fn filter(path: &Path, config: &Value) -> Result<Filter, ClipError> {
    match config.get("resample") {
        None | Some(Value::Null) => Ok(Filter::Bicubic),
        Some(number) => match number.as_u64() {
            Some(0) => Ok(Filter::Nearest),
            Some(1) => Ok(Filter::Lanczos),
            Some(2) => Ok(Filter::Bilinear),
            Some(3) => Ok(Filter::Bicubic),
            Some(4) => Ok(Filter::Box),
            Some(5) => Ok(Filter::Hamming),
            _ => Err(ClipError::file(
                path,
                format!("resample = {number} isn't one of Pillow's filters, 0 to 5; correct it"),
            )),
        },
    }
}

/// How a picture is made square, and what a person should know about it.
fn fit(
    path: &Path,
    config: &Value,
    side: u32,
    is_siglip: bool,
    crops: bool,
) -> Result<(Fit, Option<String>), ClipError> {
    let wrong = |what: String| {
        let reason = format!(
            "{what}, but the model takes pictures of {side} x {side} pixels; take the two from the same model"
        );
        Err(ClipError::file(path, reason))
    };
    if crops {
        let cut = sides(config.get("crop_size")).unwrap_or([side; 2]);
        if cut != [side; 2] {
            return wrong(format!("it cuts out {} x {} pixels", cut[1], cut[0]));
        }
    }
    if config.get("do_resize").and_then(Value::as_bool) == Some(false) {
        let notice = format!(
            "{}: it doesn't resize pictures; those that are encoded whole are cut to {side} x {side} pixels as it says, \
             windows of a scene are resized",
            path.display()
        );
        return Ok((Fit::CropOnly, Some(notice)));
    }
    let size = config.get("size").filter(|size| !size.is_null());
    let number = |key: &str| size.and_then(|size| size.get(key)).and_then(Value::as_u64);
    let shortest = match size {
        Some(size) if !is_siglip => size.as_u64().or_else(|| number("shortest_edge")),
        _ => number("shortest_edge"),
    };
    let (to, fit): (u64, fn(u32) -> Fit) = match (shortest, sides(size)) {
        (Some(to), _) => (to, |shortest| Fit::CenterCrop { shortest }),
        (None, Some([height, width])) if height == width => (height.into(), |to| Fit::Squash { to }),
        (None, Some([height, width])) => return wrong(format!("it resizes to {width} x {height} pixels")),
        (None, None) if size.is_some() => {
            let reason =
                "its size isn't one that Skysift has (shortest_edge, or height and width); correct it";
            return Err(ClipError::file(path, reason));
        }
        (None, None) if is_siglip => (side.into(), |to| Fit::Squash { to }),
        (None, None) => (side.into(), |shortest| Fit::CenterCrop { shortest }),
    };
    let to = u32::try_from(to).unwrap_or(u32::MAX);
    if to < side || (!crops && to != side) || to > 65_536 {
        return wrong(format!("it resizes to {to} pixels"));
    }
    let notice = (!crops && shortest.is_some()).then(|| {
        format!(
            "{}: it doesn't cut pictures, which the model takes as squares only; of those that aren't squares the middle \
             is taken",
            path.display()
        )
    });
    Ok((fit(to), notice))
}

/// Height and width, written as one number, a list, or by name.
fn sides(size: Option<&Value>) -> Option<[u32; 2]> {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    match size? {
        Value::Number(both) => both.as_u64().and_then(|side| u32::try_from(side).ok()).map(|side| [side; 2]),
        Value::Array(two) => match two.as_slice() {
            [height, width] => Some([number(height)?, number(width)?]),
            _ => None,
        },
        named => Some([named.get("height").and_then(number)?, named.get("width").and_then(number)?]),
    }
}

/// Reads the `preprocess_cfg` of an `open_clip_config.json` found at `path`.
pub(in crate::clip) fn open_clip(
    path: &Path,
    config: &Value,
    side: u32,
) -> Result<ConfiguredPreprocess, ClipError> {
    let mean = three(path, config, "mean", MEAN)?;
    let std = three(path, config, "std", STD)?;
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    // As `open_clip.transform.image_transform`: whatever isn't bilinear is bicubic.
    let filter = match text("interpolation") {
        Some("bilinear") => Filter::Bilinear,
        _ => Filter::Bicubic,
    };
    let fit = match text("resize_mode") {
        None | Some("shortest") => Fit::CenterCrop { shortest: side },
        Some("squash") => Fit::Squash { to: side },
        Some(other) => {
            return Err(ClipError::file(
                path,
                format!("resize_mode = {other:?} isn't one that Skysift has (shortest, squash)"),
            ));
        }
    };
    let origin = if config.is_null() { "open_clip's default" } else { "open_clip_config.json" };
    Ok(ConfiguredPreprocess {
        preprocess: Preprocess::new(side, mean, std, 1.0 / 255.0).with(filter, fit, CropRounding::HalfToEven),
        origin: origin.to_owned(),
        notice: None,
    })
}

fn json_file(path: &Path) -> Result<Option<Value>, ClipError> {
    let text = match text_file::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ClipError::read(path, error)),
    };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|error| ClipError::file(path, format!("this isn't JSON: {error}")))
}

/// A list of three numbers, or `default` if the key is absent.
fn three(path: &Path, config: &Value, key: &str, default: [f64; 3]) -> Result<[f64; 3], ClipError> {
    let numbers: Option<Vec<f64>> = match config.get(key) {
        None | Some(Value::Null) => return Ok(default),
        Some(Value::Number(one)) => one.as_f64().map(|one| vec![one; 3]),
        Some(value) => value.as_array().and_then(|values| values.iter().map(Value::as_f64).collect()),
    };
    match numbers.as_deref() {
        Some([a, b, c]) => Ok([*a, *b, *c]),
        _ => Err(ClipError::file(path, format!("{key} isn't a list of three numbers"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, side: u32) -> Result<(Preprocess, Option<String>), String> {
        let config = serde_json::from_str(json).unwrap();
        of_processor(Path::new("preprocessor_config.json"), &config, side, false)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn sizes_are_read_in_every_spelling() {
        let words = |json: &str| read(json, 224).unwrap().0.in_words();
        for json in [
            "{}",
            r#"{"size": 224, "crop_size": 224}"#,
            r#"{"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}"#,
        ] {
            assert_eq!(words(json), "shortest side to 224 pixels (bicubic), middle 224 x 224", "{json}");
        }
        let words_256 = words(r#"{"size": {"shortest_edge": 256}, "crop_size": 224, "resample": 4}"#);
        assert_eq!(words_256, "shortest side to 256 pixels (box filter), middle 224 x 224");
        let squashed = words(r#"{"size": {"height": 256, "width": 256}, "resample": 0}"#);
        assert_eq!(squashed, "squashed to 256 x 256 pixels (nearest pixel), middle 224 x 224");
    }

    #[test]
    fn what_cannot_be_is_refused_and_what_is_odd_is_told() {
        for (json, part) in [
            (r#"{"crop_size": 256}"#, "cuts out 256 x 256"),
            (r#"{"size": {"shortest_edge": 200}}"#, "resizes to 200"),
            (r#"{"size": {"shortest_edge": 256}, "do_center_crop": false}"#, "resizes to 256"),
            (r#"{"size": {"longest_edge": 224}}"#, "isn't one that Skysift has"),
            (r#"{"resample": 7}"#, "resample = 7"),
        ] {
            let refused = read(json, 224).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
        let told = |json: &str| read(json, 224).unwrap().1.unwrap_or_default();
        assert!(told(r#"{"do_resize": false}"#).contains("windows of a scene are resized"));
        assert!(told(r#"{"do_center_crop": false}"#).is_empty(), "a default size is no size");
        assert!(told(r#"{"size": 224, "do_center_crop": false}"#).contains("the middle"));
    }
}
