//! The confusion matrix as a table and as a picture.

use std::io::{self, Write};

use image::RgbImage;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, register_font};

use super::EvaluateError;
use crate::export::text_color;

/// Writes a table of image counts, with a row for each own class and a column for each chosen class.
///
/// # Errors
/// Those of the writer.
pub fn write_confusion(names: &[String], confusion: &[Vec<u64>], out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_field("own \\ chosen")?;
    csv.write_record(names)?;
    for (name, row) in names.iter().zip(confusion) {
        csv.write_field(name)?;
        csv.write_record(row.iter().map(ToString::to_string))?;
    }
    csv.flush()
}

/// The colours from few to many: `ColorBrewer`'s Blues (Harrower and Brewer, 2003), a single hue that darkens
/// evenly, whose order people with any colour vision see.
const BLUES: [[u8; 3]; 5] = [[247, 251, 255], [198, 219, 239], [107, 174, 214], [33, 113, 181], [8, 48, 107]];
const INK: RGBColor = RGBColor(32, 32, 32);
const FONT: &str = "ubuntu light";
/// The distance between elements, in pixels.
const GAP: i32 = 8;
const TEXT: i32 = 15;
const TITLE: i32 = 18;
/// The width of the colour scale.
const STRIP: i32 = 14;

/// Draws the matrix, with own classes as rows and chosen classes as columns. A cell shows the number of
/// images, and by its colour their share of the own class's.
///
/// # Errors
/// If there are no classes, or so many that the picture would have more than 2^16 pixels along a side.
pub fn confusion_picture(names: &[String], confusion: &[Vec<u64>]) -> Result<RgbImage, EvaluateError> {
    let failed = |reason: String| EvaluateError::Picture(reason);
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| failed("the font can't be read".to_owned()))?;
    let layout = Layout::of(names, confusion).map_err(failed)?;
    let (width, height) = layout.size();
    if names.is_empty() || confusion.len() != names.len() || width.max(height) > 1 << 16 {
        return Err(failed(format!("{} classes don't fit into a picture", names.len())));
    }
    let mut rgb = vec![255; width as usize * height as usize * 3];
    draw(&mut rgb, &layout, names, confusion).map_err(failed)?;
    RgbImage::from_raw(width, height, rgb).ok_or_else(|| failed("it has the wrong size".to_owned()))
}

/// Where elements are, in pixels.
struct Layout {
    classes: i32,
    /// Side of a cell.
    cell: i32,
    /// The matrix' top left corner.
    left: i32,
    top: i32,
    /// The width of the longest name.
    longest: i32,
}

impl Layout {
    fn of(names: &[String], confusion: &[Vec<u64>]) -> Result<Self, String> {
        let width = |text: &str| -> Result<i32, String> {
            Ok(style(TEXT, INK).font.box_size(text).map_err(|error| error.to_string())?.0 as i32)
        };
        let mut longest = 0;
        for name in names {
            longest = longest.max(width(name)?);
        }
        let largest = confusion.iter().flatten().max().copied().unwrap_or(0).to_string();
        let cell = (width(&largest)? + GAP).max(28);
        Ok(Self {
            classes: names.len() as i32,
            cell,
            left: 3 * GAP + TITLE + longest,
            top: 3 * GAP + TITLE,
            longest,
        })
    }

    fn side(&self) -> i32 {
        self.classes * self.cell
    }

    /// Width and height of the picture. The numbers of the colour scale stand right of it.
    fn size(&self) -> (u32, u32) {
        let width = self.left + self.side() + 4 * GAP + STRIP + 5 * TEXT;
        let height = self.top + self.side() + 4 * GAP + self.longest + TITLE;
        // The title must fit above a small matrix.
        (width.max(420) as u32, height as u32)
    }
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

fn draw(rgb: &mut [u8], layout: &Layout, names: &[String], confusion: &[Vec<u64>]) -> Result<(), String> {
    let area = BitMapBackend::with_buffer(rgb, layout.size()).into_drawing_area();
    let Layout { cell, left, top, .. } = *layout;
    let side = layout.side();
    for (row, counts) in confusion.iter().enumerate() {
        let images = counts.iter().sum::<u64>().max(1);
        for (column, &count) in counts.iter().enumerate() {
            let corner = (left + column as i32 * cell, top + row as i32 * cell);
            draw_cell(&area, corner, cell, count, count as f64 / images as f64)?;
        }
    }
    for (index, name) in names.iter().enumerate() {
        let middle = index as i32 * cell + cell / 2;
        let at_row = style(TEXT, INK).pos(Pos::new(HPos::Right, VPos::Center));
        write(&area, name, (left - GAP, top + middle), &at_row)?;
        let at_column = at_row.clone().transform(FontTransform::Rotate270);
        write(&area, name, (left + middle, top + side + GAP), &at_column)?;
    }
    let outline = Rectangle::new([(left - 1, top - 1), (left + side, top + side)], INK.stroke_width(1));
    area.draw(&outline).map_err(|error| error.to_string())?;
    let centered = style(TITLE, INK).pos(Pos::new(HPos::Center, VPos::Top));
    let below = top + side + 2 * GAP + layout.longest;
    write(&area, "chosen class", (left + side / 2, below), &centered)?;
    let upwards = centered.clone().transform(FontTransform::Rotate270);
    write(&area, "own class", (GAP, top + side / 2), &upwards)?;
    let title = style(TITLE, INK).pos(Pos::new(HPos::Left, VPos::Top));
    write(&area, "images of each class, by the class that was chosen", (GAP, GAP), &title)?;
    draw_strip(&area, (left + side + 2 * GAP, top), side)
}

fn draw_cell(area: &Area, (x, y): (i32, i32), cell: i32, count: u64, share: f64) -> Result<(), String> {
    let color = blue(share);
    let square = Rectangle::new([(x, y), (x + cell - 1, y + cell - 1)], rgb_color(color).filled());
    area.draw(&square).map_err(|error| error.to_string())?;
    if count == 0 {
        return Ok(());
    }
    let ink = style(TEXT, rgb_color(text_color(color))).pos(Pos::new(HPos::Center, VPos::Center));
    write(area, &count.to_string(), (x + cell / 2, y + cell / 2), &ink)
}

/// Draws the colour scale.
fn draw_strip(area: &Area, (x, y): (i32, i32), height: i32) -> Result<(), String> {
    for row in 0..height {
        let share = 1.0 - f64::from(row) / f64::from((height - 1).max(1));
        let line = Rectangle::new([(x, y + row), (x + STRIP, y + row + 1)], rgb_color(blue(share)).filled());
        area.draw(&line).map_err(|error| error.to_string())?;
    }
    let beside = style(TEXT, INK).pos(Pos::new(HPos::Left, VPos::Center));
    for (text, share) in [("100 %", 0.0), ("50 %", 0.5), ("0 %", 1.0)] {
        write(area, text, (x + STRIP + GAP, y + (f64::from(height) * share) as i32), &beside)?;
    }
    Ok(())
}

fn style(size: i32, color: RGBColor) -> TextStyle<'static> {
    TextStyle { color: color.to_backend_color(), ..TextStyle::from((FONT, size).into_font()) }
}

fn write(area: &Area, text: &str, at: (i32, i32), style: &TextStyle) -> Result<(), String> {
    area.draw_text(text, style, at).map_err(|error| error.to_string())
}

fn rgb_color([red, green, blue]: [u8; 3]) -> RGBColor {
    RGBColor(red, green, blue)
}

/// The colour of a share from 0 to 1, interpolated between the two nearest steps.
fn blue(share: f64) -> [u8; 3] {
    let place = share.clamp(0.0, 1.0) * (BLUES.len() - 1) as f64;
    let step = (place as usize).min(BLUES.len() - 2);
    let (from, to, part) = (BLUES[step], BLUES[step + 1], place - step as f64);
    let mix = |channel: usize| {
        (f64::from(from[channel]) * (1.0 - part) + f64::from(to[channel]) * part).round() as u8
    };
    [mix(0), mix(1), mix(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["annual crop", "forest", "sea, lake"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_table_has_a_heading_on_both_sides() {
        let mut out = Vec::new();
        write_confusion(&names(), &[vec![3, 0, 1], vec![0, 4, 0], vec![2, 0, 2]], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "own \\ chosen,annual crop,forest,\"sea, lake\"\nannual crop,3,0,1\nforest,0,4,0\n\"sea, lake\",2,0,2\n"
        );
    }

    #[test]
    fn cells_have_the_colour_of_their_share() {
        let confusion = [vec![100, 0, 0], vec![0, 1, 1], vec![0, 0, 0]];
        let picture = confusion_picture(&names(), &confusion).unwrap();
        let layout = Layout::of(&names(), &confusion).unwrap();
        // Near the corner of a cell, where no number stands.
        let color = |row: i32, column: i32| {
            let (x, y) = (layout.left + column * layout.cell + 2, layout.top + row * layout.cell + 2);
            picture.get_pixel(x as u32, y as u32).0
        };
        assert_eq!((color(0, 0), color(0, 1)), (BLUES[4], BLUES[0]));
        assert_eq!((color(1, 1), color(1, 2), color(2, 2)), (BLUES[2], BLUES[2], BLUES[0]));
        // The strip beside it runs from all to none.
        let strip = |row: i32| {
            let (x, y) = (layout.left + layout.side() + 2 * GAP + 2, layout.top + row);
            picture.get_pixel(x as u32, y as u32).0
        };
        assert_eq!((strip(0), strip(layout.side() - 1)), (BLUES[4], BLUES[0]));
        assert!(confusion_picture(&[], &[]).is_err());
    }

    #[test]
    fn the_colours_run_through_the_steps() {
        assert_eq!((blue(0.0), blue(0.25), blue(1.0)), (BLUES[0], BLUES[1], BLUES[4]));
        assert_eq!(blue(f64::NAN).len(), 3);
    }
}
