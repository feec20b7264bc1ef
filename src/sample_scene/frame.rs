//! Frames: everything is painted in coordinates of its own, in metres, and a frame says where they lie in the
//! world.

/// A place in the world, in metres, with axes of its own. They are orthogonal, of length 1, and may be
/// mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub origin: (f64, f64),
    pub x_axis: (f32, f32),
    pub y_axis: (f32, f32),
}

impl Frame {
    pub fn new(origin: (f64, f64)) -> Self {
        Self { origin, x_axis: (1.0, 0.0), y_axis: (0.0, 1.0) }
    }

    pub fn to_world(self, x: f32, y: f32) -> (f64, f64) {
        (
            self.origin.0 + f64::from(x * self.x_axis.0 + y * self.y_axis.0),
            self.origin.1 + f64::from(x * self.x_axis.1 + y * self.y_axis.1),
        )
    }

    /// The same axes elsewhere.
    pub fn at(self, x: f32, y: f32) -> Self {
        Self { origin: self.to_world(x, y), ..self }
    }

    /// Rotated in place, clockwise if y points down; radians.
    pub fn turned(self, angle: f32) -> Self {
        let (sin, cos) = angle.sin_cos();
        let (x, y) = (self.x_axis, self.y_axis);
        Self {
            x_axis: (x.0 * cos + y.0 * sin, x.1 * cos + y.1 * sin),
            y_axis: (y.0 * cos - x.0 * sin, y.1 * cos - x.1 * sin),
            ..self
        }
    }

    pub fn mirrored_x(self) -> Self {
        Self { x_axis: (-self.x_axis.0, -self.x_axis.1), ..self }
    }

    pub fn mirrored_y(self) -> Self {
        Self { y_axis: (-self.y_axis.0, -self.y_axis.1), ..self }
    }

    /// A direction of the world in this frame.
    pub fn local(self, direction: (f32, f32)) -> (f32, f32) {
        (
            direction.0 * self.x_axis.0 + direction.1 * self.x_axis.1,
            direction.0 * self.y_axis.0 + direction.1 * self.y_axis.1,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_and_mirroring_keep_lengths() {
        let frame = Frame::new((100.0, 50.0)).mirrored_x().at(10.0, 0.0).turned(0.7);
        assert_eq!(frame.origin, (90.0, 50.0));
        let (x, y) = frame.to_world(3.0, 4.0);
        let length = (x - 90.0).hypot(y - 50.0);
        assert!((length - 5.0).abs() < 1e-5, "{length}");
        let (x, y) = frame.local(((x - 90.0) as f32, (y - 50.0) as f32));
        assert!((x - 3.0).abs() < 1e-5 && (y - 4.0).abs() < 1e-5);
    }
}
