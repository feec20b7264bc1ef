//! The canvas: the pixels of one tile or patch, and the few strokes of which everything is made.

use super::colour::{Rgb, mix, scale};
use super::frame::Frame;
use super::noise::Noise;
use super::world::World;

/// Edges are blurred over this many pixels, as by a lens.
const SOFTNESS: f32 = 1.35;

/// A rectangle in a frame, in metres: left, top, right, bottom.
pub type MetreBounds = [f32; 4];

pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Rgb>,
    pub noise: Noise,
    /// Its origin is the upper left corner of the first pixel.
    view: Frame,
    /// Metres per pixel.
    gsd: f32,
    /// Where the shadow of something one metre high ends, in metres in the world.
    shadow: (f32, f32),
}

impl Canvas {
    /// A canvas of the ground's mean colour, so that nothing dark shows through where soft edges meet.
    pub fn new(size: (usize, usize), view: Frame, gsd: f32, world: &World) -> Self {
        let pixels = vec![world.meadow; size.0 * size.1];
        Self { width: size.0, height: size.1, pixels, noise: world.noise, view, gsd, shadow: world.shadow }
    }

    /// The rectangle of the world that contains the canvas: left, top, right, bottom, in metres.
    pub fn world_bounds(&self) -> [f64; 4] {
        let (width, height) = (self.width as f32 * self.gsd, self.height as f32 * self.gsd);
        let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)];
        let corners = corners.map(|(x, y)| self.view.to_world(x, y));
        let fold = |of: fn(&(f64, f64)) -> f64, start: f64, pick: fn(f64, f64) -> f64| {
            corners.iter().map(of).fold(start, pick)
        };
        [
            fold(|corner| corner.0, f64::INFINITY, f64::min),
            fold(|corner| corner.1, f64::INFINITY, f64::min),
            fold(|corner| corner.0, f64::NEG_INFINITY, f64::max),
            fold(|corner| corner.1, f64::NEG_INFINITY, f64::max),
        ]
    }

    /// Where the shadow of something `height` metres high ends, in `frame`.
    pub fn shadow_of(&self, frame: &Frame, height: f32) -> (f32, f32) {
        let (x, y) = frame.local(self.shadow);
        (x * height, y * height)
    }

    /// The direction of the sun in `frame`, of length 1.
    pub fn sun(&self, frame: &Frame) -> (f32, f32) {
        let (x, y) = frame.local(self.shadow);
        let length = x.hypot(y).max(1e-6);
        (-x / length, -y / length)
    }

    /// Visits the pixels whose centres lie within the bounds, with their coordinates in the frame.
    #[inline(always)]
    pub fn each(&mut self, frame: &Frame, bounds: MetreBounds, mut visit: impl FnMut(&mut Rgb, f32, f32)) {
        // From pixels to coordinates in the frame: x = x0 + a * column + b * row, y = y0 + c * column + d *
        // row.
        let gsd = self.gsd;
        let offset = (self.view.origin.0 - frame.origin.0, self.view.origin.1 - frame.origin.1);
        let dot = |axis: (f32, f32), x: f64, y: f64| (f64::from(axis.0) * x + f64::from(axis.1) * y) as f32;
        let (x0, y0) = (dot(frame.x_axis, offset.0, offset.1), dot(frame.y_axis, offset.0, offset.1));
        let (a, c) = frame.local(self.view.x_axis);
        let (b, d) = frame.local(self.view.y_axis);
        let (a, b, c, d) = (a * gsd, b * gsd, c * gsd, d * gsd);
        // The rows within the bounds, by the inverse, which for orthonormal axes is the transpose.
        let (middle_x, middle_y) = (0.5 * (bounds[0] + bounds[2]) - x0, 0.5 * (bounds[1] + bounds[3]) - y0);
        let (half_x, half_y) = (0.5 * (bounds[2] - bounds[0]), 0.5 * (bounds[3] - bounds[1]));
        let square = gsd * gsd;
        let row = (b * middle_x + d * middle_y) / square;
        let reach = (b.abs() * half_x + d.abs() * half_y) / square;
        let column = (a * middle_x + c * middle_y) / square;
        let side_reach = (a.abs() * half_x + c.abs() * half_y) / square;
        if column + side_reach < 0.0 || column - side_reach > self.width as f32 {
            return;
        }
        let first = (row - reach - 0.5).ceil().max(0.0) as usize;
        let end = ((row + reach + 0.5).floor().max(0.0) as usize).min(self.height);
        for row in first..end {
            let down = row as f32 + 0.5;
            let (row_x, row_y) = (x0 + b * down, y0 + d * down);
            let (mut from, mut to) = (0.0_f32, self.width as f32);
            narrow(&mut from, &mut to, row_x, a, bounds[0], bounds[2]);
            narrow(&mut from, &mut to, row_y, c, bounds[1], bounds[3]);
            if from >= to {
                continue;
            }
            let first = (from - 0.5).ceil().max(0.0) as usize;
            let end = ((to + 0.5).floor().max(0.0) as usize).min(self.width);
            if first >= end {
                continue;
            }
            let line = &mut self.pixels[row * self.width + first..row * self.width + end];
            for (index, pixel) in line.iter_mut().enumerate() {
                let along = (first + index) as f32 + 0.5;
                visit(pixel, row_x + a * along, row_y + c * along);
            }
        }
    }

    /// Paints a shape, given by the signed distance from its edge in metres (negative inside), in some
    /// colours.
    #[inline(always)]
    pub fn fill(
        &mut self,
        frame: &Frame,
        bounds: MetreBounds,
        distance: impl Fn(f32, f32) -> f32,
        colour: impl Fn(f32, f32) -> Rgb,
    ) {
        let fade = self.gsd * SOFTNESS;
        self.each(frame, grown(bounds, fade), |pixel, x, y| {
            let cover = 0.5 - distance(x, y) / fade;
            if cover >= 1.0 {
                *pixel = colour(x, y);
            } else if cover > 0.0 {
                *pixel = mix(*pixel, colour(x, y), cover);
            }
        });
    }

    /// Darkens (or brightens) a shape to `factor` of its light.
    #[inline(always)]
    pub fn dim(
        &mut self,
        frame: &Frame,
        bounds: MetreBounds,
        factor: f32,
        distance: impl Fn(f32, f32) -> f32,
    ) {
        let fade = self.gsd * SOFTNESS;
        self.each(frame, grown(bounds, fade), |pixel, x, y| {
            let cover = (0.5 - distance(x, y) / fade).clamp(0.0, 1.0);
            // Shade is lit by the blue sky.
            let shade = scale(*pixel, factor);
            let shade = if factor < 1.0 { [shade[0], shade[1] + 1.0, shade[2] + 4.0] } else { shade };
            *pixel = mix(*pixel, shade, cover);
        });
    }

    /// A rectangle around the frame's origin.
    #[inline(always)]
    pub fn slab(&mut self, frame: &Frame, half: (f32, f32), colour: impl Fn(f32, f32) -> Rgb) {
        let bounds = [-half.0, -half.1, half.0, half.1];
        self.fill(frame, bounds, |x, y| slab_distance(x, y, half), colour);
    }

    /// A rectangle by its edges.
    #[inline(always)]
    pub fn area(&mut self, frame: &Frame, bounds: MetreBounds, colour: impl Fn(f32, f32) -> Rgb) {
        let middle = (0.5 * (bounds[0] + bounds[2]), 0.5 * (bounds[1] + bounds[3]));
        let half = (0.5 * (bounds[2] - bounds[0]), 0.5 * (bounds[3] - bounds[1]));
        self.fill(frame, bounds, |x, y| slab_distance(x - middle.0, y - middle.1, half), colour);
    }

    /// A rectangle of one colour.
    pub fn plain(&mut self, frame: &Frame, bounds: MetreBounds, colour: Rgb) {
        self.area(frame, bounds, |_, _| colour);
    }

    /// A disc around the frame's origin.
    #[inline(always)]
    pub fn disc(&mut self, frame: &Frame, radius: f32, colour: impl Fn(f32, f32) -> Rgb) {
        self.fill(frame, [-radius, -radius, radius, radius], |x, y| length(x, y) - radius, colour);
    }

    /// A straight line with round ends.
    pub fn line(&mut self, frame: &Frame, from: (f32, f32), to: (f32, f32), width: f32, colour: Rgb) {
        let half = 0.5 * width;
        let bounds = [
            from.0.min(to.0) - half,
            from.1.min(to.1) - half,
            from.0.max(to.0) + half,
            from.1.max(to.1) + half,
        ];
        self.fill(frame, bounds, |x, y| segment_distance((x, y), from, to) - half, |_, _| colour);
    }

    /// The shadow of a box around the frame's origin.
    pub fn box_shadow(&mut self, frame: &Frame, half: (f32, f32), height: f32, factor: f32) {
        let (tip_x, tip_y) = self.shadow_of(frame, height);
        let length = tip_x.hypot(tip_y).max(1e-3);
        let bounds = [
            -half.0 + tip_x.min(0.0),
            -half.1 + tip_y.min(0.0),
            half.0 + tip_x.max(0.0),
            half.1 + tip_y.max(0.0),
        ];
        let span = |at: f32, half: f32, tip: f32| {
            let tip = if tip.abs() < 1e-3 { 1e-3 } else { tip };
            let (one, other) = ((at - half) / tip, (at + half) / tip);
            (one.min(other), one.max(other))
        };
        self.dim(frame, bounds, factor, |x, y| {
            // The part of the way from the box to the tip on which the box covers this place.
            let (x_from, x_to) = span(x, half.0, tip_x);
            let (y_from, y_to) = span(y, half.1, tip_y);
            (x_from.max(y_from).max(0.0) - x_to.min(y_to).min(1.0)) * length
        });
    }

    /// The shadow of an upright cylinder around the frame's origin.
    pub fn disc_shadow(&mut self, frame: &Frame, radius: f32, height: f32, factor: f32) {
        let tip = self.shadow_of(frame, height);
        let bounds = [
            tip.0.min(0.0) - radius,
            tip.1.min(0.0) - radius,
            tip.0.max(0.0) + radius,
            tip.1.max(0.0) + radius,
        ];
        self.dim(frame, bounds, factor, |x, y| segment_distance((x, y), (0.0, 0.0), tip) - radius);
    }
}

/// The length of a vector, in fewer instructions than `hypot`.
#[inline(always)]
pub fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

#[inline(always)]
pub fn slab_distance(x: f32, y: f32, half: (f32, f32)) -> f32 {
    (x.abs() - half.0).max(y.abs() - half.1)
}

/// The distance from a line segment between two places.
#[inline(always)]
pub fn segment_distance(at: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (x, y) = (at.0 - from.0, at.1 - from.1);
    let (along_x, along_y) = (to.0 - from.0, to.1 - from.1);
    let square = (along_x * along_x + along_y * along_y).max(1e-9);
    let part = ((x * along_x + y * along_y) / square).clamp(0.0, 1.0);
    length(x - along_x * part, y - along_y * part)
}

fn grown(bounds: MetreBounds, by: f32) -> MetreBounds {
    [bounds[0] - by, bounds[1] - by, bounds[2] + by, bounds[3] + by]
}

/// Narrows a range of columns to those where `start + slope * column` is between `low` and `high`.
#[inline(always)]
fn narrow(from: &mut f32, to: &mut f32, start: f32, slope: f32, low: f32, high: f32) {
    if slope.abs() < 1e-7 {
        if start < low || start > high {
            *to = *from;
        }
        return;
    }
    let (one, other) = ((low - start) / slope, (high - start) / slope);
    *from = from.max(one.min(other));
    *to = to.min(one.max(other));
}
