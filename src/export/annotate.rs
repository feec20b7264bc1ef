//! An annotated picture: the scene, or a part of it, with the boxes drawn on it.

use std::io::Write;

use super::labels::{Label, LabelMaker};
use super::{ExportError, LabelRect, LabelWish, keyword_color, place_labels, text_color};
use crate::notices::Notices;
use crate::raster::{Pixels, Rect};
use crate::scan::SceneSource;
use crate::search::{Detection, RankBy};

/// Rows that are read and written at once; it bounds memory, whatever the picture's height.
const BAND: u32 = 256;

/// More labels than this don't fit anyway; the best get them.
const MAX_LABELS: usize = 1000;

/// Smaller letters can't be read, in pixels.
const LEAST_LETTERS: f32 = 6.0;

/// What stands where the scene has no data.
const NO_DATA: [u8; 3] = [32, 32, 32];

/// Which part of the scene a picture shows, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureFrame {
    /// In level-0 pixels, inside the scene.
    pub region: Rect,
    /// Size of the picture in its own pixels.
    pub width: u32,
    pub height: u32,
}

impl PictureFrame {
    /// The longest side that a picture of a whole scene gets by default, in pixels.
    pub const LONGEST_SIDE: u32 = 20_000;

    /// The whole scene at full resolution, or smaller so that no side exceeds `longest_side`.
    #[must_use]
    pub fn whole((width, height): (u32, u32), longest_side: u32) -> Self {
        Self::of(Rect::new(0, 0, width, height), longest_side)
    }

    /// A part of the scene, likewise.
    #[must_use]
    pub fn of(region: Rect, longest_side: u32) -> Self {
        let scale = (f64::from(longest_side) / f64::from(region.width.max(region.height).max(1))).min(1.0);
        let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
        Self { region, width: side(region.width), height: side(region.height) }
    }
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct AnnotateOptions<'a> {
    pub frame: PictureFrame,
    /// The keywords in the order that decides their colours.
    pub keywords: &'a [String],
    pub detections: &'a [Detection],
    /// Which score stands at a box.
    pub rank_by: RankBy,
}

/// Writes an 8-bit RGB PNG, a band of rows at a time. `notices` are told what the picture lacks. `go_on` is
/// told the done fraction, 0 to 1, and stops the export by returning false.
///
/// # Errors
/// When the scene can't be read, the writer fails, or `go_on` says stop.
pub fn annotate(
    scene: &dyn SceneSource,
    options: &AnnotateOptions,
    out: &mut dyn Write,
    notices: &Notices,
    go_on: &dyn Fn(f32) -> bool,
) -> Result<(), ExportError> {
    let PictureFrame { region, width, height } = options.frame;
    let letters = (width.min(height) as f32 / 45.0).clamp(13.0, 40.0).min(height as f32 / 1.5);
    let mut maker = LabelMaker::new(letters, width);
    let marks = marks(options, &mut maker, letters >= LEAST_LETTERS);
    for word in maker.missing() {
        notices.tell(format!(
            "no font on this system has all letters of “{word}”, so its labels show boxes in their place; install one"
        ));
    }
    let bands = by_band(&marks, height);
    let mut encoder = png::Encoder::new(out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    let mut stream = writer.stream_writer().map_err(failed)?;
    for (top, own) in (0..height).step_by(BAND as usize).zip(&bands) {
        if !go_on(top as f32 / height as f32) {
            return Err(ExportError::Stopped);
        }
        let rows = BAND.min(height - top);
        let mut band = PictureBand::new(&read_band(scene, region, (width, height), top, rows)?, top);
        let own = || own.iter().filter_map(|index| marks.get(*index as usize));
        for mark in own() {
            mark.draw(&mut band);
        }
        // Labels come after all boxes, so that no line crosses them.
        for mark in own() {
            mark.draw_label(&mut band, &mut maker);
        }
        stream.write_all(&band.rgb).map_err(|source| failed(source.into()))?;
    }
    stream.finish().map_err(failed)
}

/// For each band the marks that it shows something of, in drawing order.
fn by_band(marks: &[Mark], height: u32) -> Vec<Vec<u32>> {
    let mut bands = vec![Vec::new(); height.div_ceil(BAND) as usize];
    for (index, mark) in marks.iter().enumerate() {
        let label = mark.label.as_ref().map(|label| (label.y, label.y + label.height));
        let (top, bottom) = (mark.y, mark.y + mark.height);
        let (top, bottom) = label.map_or((top, bottom), |label| (top.min(label.0), bottom.max(label.1)));
        let band = |row: i64| row.clamp(0, i64::from(height) - 1) as usize / BAND as usize;
        if bottom > 0 && top < i64::from(height) {
            for band in bands.iter_mut().take(band(bottom - 1) + 1).skip(band(top)) {
                band.push(index as u32);
            }
        }
    }
    bands
}

fn failed(error: png::EncodingError) -> ExportError {
    let source = match error {
        png::EncodingError::IoError(source) => source,
        other => std::io::Error::other(other),
    };
    ExportError::Write { path: "the picture".to_owned(), source }
}

/// `rows` rows of the picture from `top` on.
fn read_band(
    scene: &dyn SceneSource,
    region: Rect,
    (width, height): (u32, u32),
    top: u32,
    rows: u32,
) -> Result<Pixels, ExportError> {
    if (width, height) == (region.width, region.height) {
        return Ok(scene.read(0, Rect::new(region.x, region.y + top, width, rows))?);
    }
    let to_scene = |row: u32| (u64::from(row) * u64::from(region.height) / u64::from(height)) as u32;
    let (first, end) = (to_scene(top), to_scene(top + rows));
    let source = Rect::new(region.x, region.y + first, region.width, (end - first).max(1));
    Ok(scene.read_scaled(source, width, rows)?)
}

/// A few rows of the picture.
struct PictureBand {
    top: i64,
    width: i64,
    rows: i64,
    rgb: Vec<u8>,
}

impl PictureBand {
    fn new(pixels: &Pixels, top: u32) -> Self {
        let rgb = pixels
            .rgba
            .chunks_exact(4)
            .flat_map(|pixel| if pixel[3] == 0 { NO_DATA } else { [pixel[0], pixel[1], pixel[2]] })
            .collect();
        Self { top: i64::from(top), width: i64::from(pixels.width), rows: i64::from(pixels.height), rgb }
    }

    /// Mixes a colour into a rectangle given in picture pixels, as far as it lies in the band.
    fn fill(&mut self, (x, y): (i64, i64), (width, height): (i64, i64), color: [u8; 3], opacity: u8) {
        let opacity = u32::from(opacity);
        for row in y.max(self.top)..(y + height).min(self.top + self.rows) {
            for column in x.max(0)..(x + width).min(self.width) {
                let offset = ((row - self.top) * self.width + column) as usize * 3;
                for (value, ink) in self.rgb[offset..offset + 3].iter_mut().zip(color) {
                    *value = ((u32::from(*value) * (255 - opacity) + u32::from(ink) * opacity) / 255) as u8;
                }
            }
        }
    }

    /// Lays a label with its own colours over what is there, its left top corner at a position of the
    /// picture.
    fn lay(&mut self, (x, y): (i64, i64), label: &Label) {
        let (width, height) = (i64::from(label.width), i64::from(label.height));
        for row in y.max(self.top)..(y + height).min(self.top + self.rows) {
            for column in x.max(0)..(x + width).min(self.width) {
                let [red, green, blue, opacity] = label.rgba[((row - y) * width + column - x) as usize];
                let offset = ((row - self.top) * self.width + column) as usize * 3;
                let through = 255 - u32::from(opacity);
                for (value, ink) in self.rgb[offset..offset + 3].iter_mut().zip([red, green, blue]) {
                    *value = (u32::from(ink) + u32::from(*value) * through / 255).min(255) as u8;
                }
            }
        }
    }
}

/// A box, in picture pixels. There may be hundreds of thousands.
struct Mark {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    line: u16,
    color: [u8; 3],
    opacity: u8,
    /// The corners of what was found by a dense scan; empty for a box.
    outline: Box<[(i64, i64)]>,
    label: Option<Box<MarkLabel>>,
}

/// What stands at a box, and where. It is drawn when it is needed, so that only its text stays in memory.
struct MarkLabel {
    text: String,
    x: i64,
    y: i64,
    height: i64,
}

/// The boxes in drawing order: the best come last and so lie on top.
fn marks(options: &AnnotateOptions, maker: &mut LabelMaker, labelled: bool) -> Vec<Mark> {
    let PictureFrame { region, width, height } = options.frame;
    let scale_x = f64::from(width) / f64::from(region.width);
    let scale_y = f64::from(height) / f64::from(region.height);
    let line = (width.min(height) / 400).clamp(2, 8) as u16;
    let mut order: Vec<&Detection> = options.detections.iter().collect();
    order.sort_by_key(|detection| std::cmp::Reverse(detection.rank));
    let mut marks: Vec<Mark> = Vec::with_capacity(order.len());
    for detection in &order {
        let window = detection.window;
        let first = detection.rank == 1;
        let place = |x: u32, y: u32| {
            let along = |at: u32, from: u32, scale: f64| ((f64::from(at) - f64::from(from)) * scale).round();
            (along(x, region.x, scale_x) as i64, along(y, region.y, scale_y) as i64)
        };
        let (x, y) = place(window.x, window.y);
        let corners = detection.outline.iter().flat_map(|outline| &outline.corners);
        let keyword = options.keywords.iter().position(|keyword| *keyword == detection.keyword);
        marks.push(Mark {
            x,
            y,
            width: (f64::from(window.width) * scale_x).round() as i64,
            height: (f64::from(window.height) * scale_y).round() as i64,
            line: if first { 2 * line } else { line },
            color: keyword_color(keyword.unwrap_or(0)),
            opacity: if first { 255 } else { 190 },
            outline: corners.map(|&[x, y]| place(x, y)).collect(),
            label: None,
        });
    }
    if labelled {
        let first_choice = marks.len().saturating_sub(MAX_LABELS);
        let texts = order[first_choice..].iter().map(|detection| detection.label(options.rank_by));
        let texts: Vec<String> = texts.collect();
        place(&mut marks[first_choice..], &texts, options.frame, maker);
    }
    marks
}

/// Finds places for labels; the best, which come last, choose first.
fn place(marks: &mut [Mark], texts: &[String], frame: PictureFrame, maker: &mut LabelMaker) {
    let wish = |(mark, text): (&Mark, &String)| {
        let (width, height) = maker.measure(text);
        LabelWish {
            around: LabelRect::new((mark.x as f32, mark.y as f32), (mark.width as f32, mark.height as f32)),
            size: (width as f32, height as f32),
            must_show: mark.opacity == u8::MAX,
        }
    };
    let wishes: Vec<LabelWish> = marks.iter().zip(texts).rev().map(wish).collect();
    let bounds = LabelRect::new((0.0, 0.0), (frame.width as f32, frame.height as f32));
    let places = place_labels(&wishes, bounds);
    for ((mark, text), place) in marks.iter_mut().zip(texts).rev().zip(places) {
        mark.label = place.filter(|place| bounds.contains(place)).map(|place| {
            let (x, y, height) = (place.left.floor() as i64, place.top.floor() as i64, place.height() as i64);
            Box::new(MarkLabel { text: text.clone(), x, y, height })
        });
    }
}

impl Mark {
    fn draw(&self, band: &mut PictureBand) {
        let &Self { x, y, width, height, color, opacity, .. } = self;
        let line = i64::from(self.line);
        // The sides of an outline are horizontal and vertical.
        for (from, to) in self.outline.iter().zip(self.outline.iter().cycle().skip(1)) {
            let (left, top) = (from.0.min(to.0) - line / 2, from.1.min(to.1) - line / 2);
            let size = ((from.0 - to.0).abs() + line, (from.1 - to.1).abs() + line);
            band.fill((left, top), size, color, opacity);
        }
        if !self.outline.is_empty() {
            return;
        }
        band.fill((x, y), (width, line), color, opacity);
        band.fill((x, y + height - line), (width, line), color, opacity);
        band.fill((x, y + line), (line, height - 2 * line), color, opacity);
        band.fill((x + width - line, y + line), (line, height - 2 * line), color, opacity);
    }

    fn draw_label(&self, band: &mut PictureBand, maker: &mut LabelMaker) {
        let Some(label) = &self.label else { return };
        if label.y + label.height <= band.top || label.y >= band.top + band.rows {
            return;
        }
        let drawn = maker.draw(&label.text, text_color(self.color));
        let size = (i64::from(drawn.width), i64::from(drawn.height));
        band.fill((label.x, label.y), size, self.color, 255);
        band.lay((label.x, label.y), &drawn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detections(count: usize, keyword: &str, (width, height): (u32, u32)) -> Vec<Detection> {
        let detection = |index: usize| Detection {
            keyword: keyword.to_owned(),
            rank: index + 1,
            probability: 0.5,
            cosine: 0.2,
            window: Rect::new(index as u32 * 37 % width, index as u32 * 91 % height, 20, 20),
            nodata: 0.0,
            outline: None,
            weak: false,
            by_example: false,
            clear: true,
            scores: Vec::new(),
        };
        (0..count).map(detection).collect()
    }

    fn all_marks(keyword: &str, count: usize, size: (u32, u32)) -> Vec<Mark> {
        let detections = detections(count, keyword, size);
        let options = AnnotateOptions {
            frame: PictureFrame::whole(size, PictureFrame::LONGEST_SIDE),
            keywords: &[keyword.to_owned()],
            detections: &detections,
            rank_by: RankBy::Cosine,
        };
        marks(&options, &mut LabelMaker::new(13.0, size.0), true)
    }

    #[test]
    fn labels_lie_in_the_picture_whatever_its_size() {
        let long = "a very long description of a harbor with ships and cranes";
        for (width, height) in [(300, 200), (90, 60), (40, 300), (400, 20), (16, 16)] {
            let marks = all_marks(long, 30, (width, height));
            let mut maker = LabelMaker::new(13.0, width);
            for label in marks.iter().filter_map(|mark| mark.label.as_ref()) {
                let drawn = maker.draw(&label.text, [0; 3]);
                let (right, bottom) = (label.x + i64::from(drawn.width), label.y + i64::from(drawn.height));
                assert!(label.x >= 0 && label.y >= 0, "{width} x {height}");
                assert!(right <= i64::from(width) && bottom <= i64::from(height), "{width} x {height}");
            }
            let labelled = marks.iter().any(|mark| mark.label.is_some());
            assert_eq!(labelled, width >= 40, "{width} x {height}");
        }
    }

    #[test]
    fn every_band_has_the_marks_that_it_shows_and_no_others() {
        let marks = all_marks("harbor", 3000, (1000, 1000));
        assert_eq!(marks.iter().filter(|mark| mark.label.is_some()).count().min(1), 1);
        let bands = by_band(&marks, 1000);
        assert_eq!(bands.len(), 4);
        for (band, own) in bands.iter().enumerate() {
            let (top, bottom) = (band as i64 * 256, (band as i64 + 1) * 256);
            for (index, mark) in marks.iter().enumerate() {
                let shows = mark.y < bottom && mark.y + mark.height > top;
                assert!(!shows || own.contains(&(index as u32)), "band {band}, mark {index}");
            }
            assert!(own.is_sorted(), "in drawing order");
        }
        assert!(bands.iter().map(Vec::len).sum::<usize>() < 4000);
    }

    #[test]
    fn a_hundred_thousand_marks_are_small() {
        let marks = all_marks("harbor", 5000, (4000, 4000));
        assert!(size_of::<Mark>() <= 64);
        assert!(marks.iter().filter(|mark| mark.label.is_some()).count() <= MAX_LABELS);
    }
}
