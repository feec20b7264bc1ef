//! The colours of keywords.

/// Okabe and Ito's colours, told apart by people with any colour vision ("Color Universal Design", 2008),
/// without the black; brightest on imagery first. Then five more, so that twelve keywords have twelve
/// colours.
const COLORS: [[u8; 3]; 12] = [
    [230, 159, 0],
    [86, 180, 233],
    [240, 228, 66],
    [0, 158, 115],
    [204, 121, 167],
    [213, 94, 0],
    [0, 114, 178],
    [178, 223, 138],
    [148, 103, 189],
    [255, 174, 185],
    [150, 84, 46],
    [205, 208, 214],
];

/// The sRGB colour of the keyword with this index in the query. After twelve they repeat: the label at the
/// box tells them apart.
#[must_use]
pub fn keyword_color(index: usize) -> [u8; 3] {
    COLORS[index % COLORS.len()]
}

/// Black or white, whichever reads better on a colour (by relative luminance as WCAG 2 weighs it).
#[must_use]
pub fn text_color([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let luminance = 0.2126 * f32::from(red) + 0.7152 * f32::from(green) + 0.0722 * f32::from(blue);
    if luminance > 110.0 { [0, 0, 0] } else { [255, 255, 255] }
}
