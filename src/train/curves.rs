//! The course of a training, as a table and a picture.

use std::io::Write;

use image::RgbImage;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use serde::{Deserialize, Serialize};

/// A point in the course of a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub step: usize,
    pub epoch: f64,
    /// The mean since the previous point; `None` before the first step.
    pub loss: Option<f64>,
    pub learning_rate: f64,
    /// The factor between cosine and logit.
    pub logit_scale: f64,
    pub images_per_second: f64,
    /// The accuracy or mean recall on the pictures kept for validation.
    pub validation: Option<f64>,
}

/// Writes the points as CSV.
///
/// # Errors
/// Those of `out`.
pub fn write_table(points: &[Point], out: &mut dyn Write) -> std::io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    for point in points {
        table.serialize(point)?;
    }
    table.flush()
}

/// Why the curves cannot be drawn: a clause.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    #[error("the font can't be read")]
    Font,
    #[error("{0}")]
    Plot(Box<dyn std::error::Error + Send + Sync>),
    #[error("the picture has another size")]
    Size,
}

/// Draws loss and validation over the epochs.
///
/// # Errors
/// If the drawing library fails.
pub fn draw(points: &[Point]) -> Result<RgbImage, DrawError> {
    const SIZE: (u32, u32) = (960, 540);
    register_font("curves", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| DrawError::Font)?;
    let mut rgb = vec![255; (SIZE.0 * SIZE.1 * 3) as usize];
    plot(points, &mut rgb, SIZE).map_err(DrawError::Plot)?;
    RgbImage::from_raw(SIZE.0, SIZE.1, rgb).ok_or(DrawError::Size)
}

fn plot(
    points: &[Point],
    rgb: &mut [u8],
    size: (u32, u32),
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // Okabe and Ito's blue and orange, which people with any colour vision can tell apart.
    const BLUE: RGBColor = RGBColor(0, 114, 178);
    const ORANGE: RGBColor = RGBColor(213, 94, 0);
    let wrong = |error: String| -> Box<dyn std::error::Error + Send + Sync> { error.into() };
    let area = BitMapBackend::with_buffer(rgb, size).into_drawing_area();
    area.fill(&WHITE).map_err(|error| wrong(error.to_string()))?;
    let last = points.iter().map(|point| point.epoch).fold(0.0, f64::max).max(1e-3);
    let losses = || {
        let known = points.iter().filter_map(|point| Some((point.epoch, point.loss?)));
        known.filter(|(_, loss)| loss.is_finite())
    };
    let most = losses().map(|(_, loss)| loss).fold(0.0, f64::max).max(1e-3);
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .right_y_label_area_size(60)
        .build_cartesian_2d(0.0..last, 0.0..most * 1.05)
        .map_err(|error| wrong(error.to_string()))?
        .set_secondary_coord(0.0..last, 0.0..1.0);
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc("loss (line)")
        .label_style(("curves", 16))
        .axis_desc_style(("curves", 18))
        .light_line_style(WHITE)
        .draw()
        .map_err(|error| wrong(error.to_string()))?;
    chart
        .configure_secondary_axes()
        .y_desc("validation (points)")
        .label_style(("curves", 16))
        .axis_desc_style(("curves", 18))
        .draw()
        .map_err(|error| wrong(error.to_string()))?;
    chart
        .draw_series(LineSeries::new(losses(), BLUE.stroke_width(2)))
        .map_err(|error| wrong(error.to_string()))?;
    let measured = || points.iter().filter_map(|point| Some((point.epoch, point.validation?)));
    chart
        .draw_secondary_series(LineSeries::new(measured(), ORANGE.stroke_width(2)))
        .map_err(|error| wrong(error.to_string()))?;
    let dots = measured().map(|place| Circle::new(place, 4, ORANGE.filled()));
    chart.draw_secondary_series(dots).map_err(|error| wrong(error.to_string()))?;
    area.present().map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_both_curves() {
        let point = |step: usize| Point {
            step,
            epoch: step as f64,
            loss: (step > 0).then(|| 3.0 / (1.0 + step as f64)),
            learning_rate: 1e-3,
            logit_scale: 14.0,
            images_per_second: 80.0,
            validation: step.is_multiple_of(2).then_some(0.1 * step as f64),
        };
        let points: Vec<Point> = (0..9).map(point).collect();
        let picture = draw(&points).unwrap();
        let has = |color: [u8; 3]| picture.pixels().any(|pixel| pixel.0 == color);
        assert!(has([0, 114, 178]) && has([213, 94, 0]));
        draw(&[]).unwrap();
        let mut table = Vec::new();
        write_table(&points, &mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        assert_eq!(table.lines().count(), 10);
        assert!(table.starts_with("step,epoch,loss,learning_rate,logit_scale,images_per_second,validation"));
    }
}
