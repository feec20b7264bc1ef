//! Which bands become red, green and blue.

use crate::raster::band::{Band, Role};

/// The bands that are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::raster) struct BandSelection {
    /// Red, green and blue, or one band for grey or a palette.
    pub shown: Vec<usize>,
    pub alpha: Option<usize>,
}

/// Selects by the first rule that applies: colour interpretation; band descriptions; the first three bands as
/// red, green and blue; with fewer than three, the first as grey.
pub(in crate::raster) fn select_bands(bands: &[Band]) -> BandSelection {
    let alpha = bands.iter().position(|band| band.role == Role::Alpha);
    let colours: Vec<usize> = (0..bands.len()).filter(|&index| Some(index) != alpha).collect();
    let find = |wanted: &dyn Fn(&Band) -> bool| {
        colours.iter().copied().find(|&index| bands.get(index).is_some_and(wanted))
    };
    let by_role = |role| find(&|band: &Band| band.role == role);
    let by_name =
        |names: &[&str]| find(&|band: &Band| band.name.as_deref().is_some_and(|n| is_named(n, names)));

    let triple =
        |red: Option<usize>, green: Option<usize>, blue: Option<usize>| Some(vec![red?, green?, blue?]);
    let shown = by_role(Role::Palette)
        .map(|index| vec![index])
        .or_else(|| triple(by_role(Role::Red), by_role(Role::Green), by_role(Role::Blue)))
        .or_else(|| triple(by_name(&["red"]), by_name(&["green"]), by_name(&["blue"])))
        // Sentinel-2 and Landsat 8 and 9.
        .or_else(|| triple(by_name(&["b04", "b4"]), by_name(&["b03", "b3"]), by_name(&["b02", "b2"])))
        .or_else(|| colours.get(..3).map(<[usize]>::to_vec))
        .unwrap_or_else(|| vec![colours.first().copied().unwrap_or(0)]);
    BandSelection { shown, alpha }
}

/// The near-infrared band, by the first rule that applies: colour interpretation; the description; the band
/// numbers of Sentinel-2 and of Landsat 8 and 9; the one of four bands that is not shown.
pub(in crate::raster) fn near_infrared(bands: &[Band]) -> Option<usize> {
    let find = |wanted: &dyn Fn(&Band) -> bool| bands.iter().position(wanted);
    let named = |band: &Band, names: &[&str]| band.name.as_deref().is_some_and(|n| is_named(n, names));
    let by_name = |names: &[&str]| find(&|band: &Band| named(band, names));
    let in_words = |band: &Band| {
        band.name.as_deref().is_some_and(|name| {
            let name = name.to_ascii_lowercase().replace(['-', '_'], " ");
            !name.contains("edge") && (name.contains("near infrared") || name.contains("nearinfrared"))
        })
    };
    let sentinel = by_name(&["b08"]).or_else(|| {
        // Landsat's band 8 is panchromatic, and its surface reflectance products leave it out.
        let landsat = bands.iter().any(|band| named(band, &["sr", "b10"]));
        by_name(&["b8"]).filter(|_| !landsat)
    });
    let selection = select_bands(bands);
    let fourth = || {
        let left = (0..bands.len()).find(|index| !selection.shown.contains(index));
        left.filter(|_| bands.len() == 4 && selection.shown.len() == 3 && selection.alpha.is_none())
    };
    find(&|band: &Band| band.role == Role::NearInfrared)
        .or_else(|| by_name(&["nir", "nir1", "nir08", "nnir"]))
        .or_else(|| find(&in_words))
        .or(sentinel)
        .or_else(|| by_name(&["b05", "b5"]))
        .or_else(fourth)
}

/// Whether a word of the description is one of `names`; "red edge" is not red.
fn is_named(description: &str, names: &[&str]) -> bool {
    let description = description.to_ascii_lowercase();
    let mut words = description.split(|c: char| !c.is_ascii_alphanumeric());
    !description.contains("edge") && words.any(|word| names.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<Band> {
        names.iter().map(|&name| Band { name: Some(name.to_owned()), ..Band::new(Role::Undefined) }).collect()
    }

    fn roles(roles: &[Role]) -> Vec<Band> {
        roles.iter().map(|&role| Band::new(role)).collect()
    }

    #[test]
    fn colour_interpretation_comes_first() {
        let mut bands = roles(&[Role::Blue, Role::Green, Role::Red, Role::Alpha]);
        bands[0].name = Some("red".to_owned());
        assert_eq!(select_bands(&bands), BandSelection { shown: vec![2, 1, 0], alpha: Some(3) });
    }

    #[test]
    fn descriptions_come_second() {
        assert_eq!(select_bands(&named(&["B02", "B03", "B04", "B08"])).shown, [2, 1, 0]);
        assert_eq!(select_bands(&named(&["SR_B2", "SR_B3", "SR_B4", "SR_B5"])).shown, [2, 1, 0]);
        assert_eq!(select_bands(&named(&["blue", "Green", "Red Edge", "Red", "NIR"])).shown, [3, 1, 0]);
    }

    #[test]
    fn without_words_the_first_three_are_red_green_blue() {
        let naip = roles(&[Role::Grey, Role::Undefined, Role::Undefined, Role::Undefined]);
        assert_eq!(select_bands(&naip), BandSelection { shown: vec![0, 1, 2], alpha: None });
        assert_eq!(select_bands(&named(&["a", "b", "c", "d", "e"])).shown, [0, 1, 2]);
    }

    #[test]
    fn near_infrared_is_found_by_what_the_file_says() {
        for (names, expected) in [
            (["B02", "B03", "B04", "B08"].as_slice(), Some(3)),
            (&["B2", "B3", "B4", "B5", "B8", "B8A"], Some(4)),
            (&["SR_B2", "SR_B3", "SR_B4", "SR_B5"], Some(3)),
            (&["B2", "B5", "B8", "B10"], Some(1)),
            (&["blue", "NIR", "green", "red", "other"], Some(1)),
            (&["red", "Red Edge", "Near-infrared", "swir"], Some(2)),
            (&["a", "b", "c", "d"], Some(3)),
            (&["a", "b", "c"], None),
            (&["a", "b", "c", "d", "e"], None),
        ] {
            assert_eq!(near_infrared(&named(names)), expected, "{names:?}");
        }
        let naip = roles(&[Role::Red, Role::Green, Role::Blue, Role::Undefined]);
        assert_eq!(near_infrared(&naip), Some(3));
        let alpha = roles(&[Role::Red, Role::Green, Role::Blue, Role::Alpha]);
        assert_eq!(near_infrared(&alpha), None);
        let said = roles(&[Role::NearInfrared, Role::Red, Role::Green, Role::Blue]);
        assert_eq!(near_infrared(&said), Some(0));
    }

    #[test]
    fn one_or_two_bands_are_grey() {
        assert_eq!(select_bands(&roles(&[Role::Grey])), BandSelection { shown: vec![0], alpha: None });
        assert_eq!(select_bands(&roles(&[Role::Grey, Role::Undefined])).shown, [0]);
        assert_eq!(
            select_bands(&roles(&[Role::Grey, Role::Alpha])),
            BandSelection { shown: vec![0], alpha: Some(1) }
        );
        assert_eq!(select_bands(&roles(&[Role::Alpha])), BandSelection { shown: vec![0], alpha: Some(0) });
    }
}
