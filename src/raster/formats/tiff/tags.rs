//! What tags of TIFF and GDAL say about the bands.

use tiff_reader::{ColorModel, ExtraSample, Ifd, PhotometricInterpretation};

use crate::raster::band::{Band, Role};

const GDAL_METADATA: u16 = 42112;
const GDAL_NODATA: u16 = 42113;

/// The bands of an image with `count` samples per pixel: roles from the photometric interpretation and
/// `ExtraSamples`, overridden by GDAL's metadata.
pub(super) fn bands(ifd: &Ifd, count: usize) -> Vec<Band> {
    let photometric = ifd.photometric_interpretation_enum();
    let colours: &[Role] = match photometric {
        Some(
            PhotometricInterpretation::Rgb
            | PhotometricInterpretation::YCbCr
            | PhotometricInterpretation::CieLab
            | PhotometricInterpretation::Separated,
        ) => &[Role::Red, Role::Green, Role::Blue],
        Some(PhotometricInterpretation::Palette) => &[Role::Palette],
        _ => &[Role::Grey],
    };
    // The colours of ink separations other than CMYK are unknown.
    let unknown = matches!(ifd.color_model(), Ok(ColorModel::Separated { .. }));
    let colours = if unknown { &[] } else { colours };
    let mut bands: Vec<Band> =
        (0..count).map(|index| Band::new(colours.get(index).copied().unwrap_or(Role::Undefined))).collect();

    let extra = ifd.extra_samples().unwrap_or_default();
    let first_extra = count.saturating_sub(extra.len());
    let alpha = extra
        .iter()
        .position(|sample| matches!(sample, ExtraSample::AssociatedAlpha | ExtraSample::UnassociatedAlpha));
    if let Some(band) = alpha.and_then(|index| bands.get_mut(first_extra + index)) {
        band.role = Role::Alpha;
    }

    if let Some(text) = ifd.tag(GDAL_METADATA).and_then(|tag| tag.value.as_str()) {
        for item in items(text) {
            let Some(band) = item.sample.and_then(|sample| bands.get_mut(sample)) else { continue };
            match item.role.as_str() {
                "colorinterp" => band.role = Role::from_gdal(&item.text),
                "description" if !item.text.is_empty() => band.name = Some(item.text),
                _ => {}
            }
        }
    }
    bands
}

/// The nodata value in GDAL's tag.
pub(super) fn nodata(ifd: &Ifd) -> Option<f64> {
    let text = ifd.tag(GDAL_NODATA)?.value.as_str()?.trim().to_ascii_lowercase();
    // Some writers print NaN as C does on Windows, "-1.#IND".
    if text.contains("#ind") || text.contains("#qnan") { Some(f64::NAN) } else { text.parse().ok() }
}

/// An `<Item>` of GDAL's metadata.
struct Item {
    sample: Option<usize>,
    role: String,
    text: String,
}

/// The items of GDAL's metadata. GDAL always writes this XML flat and in the same form, so a simple text
/// search is enough.
fn items(text: &str) -> impl Iterator<Item = Item> + '_ {
    text.split("<Item ").skip(1).filter_map(|part| {
        let (attributes, rest) = part.split_once('>')?;
        let (content, _) = rest.split_once("</Item>")?;
        Some(Item {
            sample: attribute(attributes, "sample").and_then(|value| value.parse().ok()),
            role: attribute(attributes, "role").unwrap_or_default().to_ascii_lowercase(),
            text: unescape(content.trim()),
        })
    })
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = attributes.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0)
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_in_what_gdal_writes() {
        let text = r#"<GDALMetadata>
  <Item name="OVR_RESAMPLING_ALG">NEAREST</Item>
  <Item name="DESCRIPTION" sample="1" role="description">NIR &amp; SWIR</Item>
  <Item name="COLORINTERP" sample="3" role="colorinterp">Alpha</Item>
</GDALMetadata>"#;
        let items: Vec<_> = items(text).map(|item| (item.sample, item.role, item.text)).collect();
        assert_eq!(items[0], (None, String::new(), "NEAREST".to_owned()));
        assert_eq!(items[1], (Some(1), "description".to_owned(), "NIR & SWIR".to_owned()));
        assert_eq!(items[2], (Some(3), "colorinterp".to_owned(), "Alpha".to_owned()));
        assert_eq!(super::items("<Item sample=\"1\" not closed").count(), 0);
    }
}
