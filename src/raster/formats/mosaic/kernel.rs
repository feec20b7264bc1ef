//! How many pixels of a file become one, or one becomes many, under GDAL's names.

use super::axis::Axis;

/// What a VRT asks for where the size of its source isn't that of the place it goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::raster) enum Resampling {
    #[default]
    Nearest,
    Average,
    /// The root of the mean of the squares.
    RootMeanSquare,
    Bilinear,
    Cubic,
    CubicSpline,
    Lanczos,
}

/// The pixels in one direction that make one, and the share of each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taps {
    pub first: u32,
    pub shares: Vec<f64>,
}

impl Taps {
    pub fn end(&self) -> u32 {
        self.first + self.shares.len() as u32
    }

    pub fn share(&self, pixel: u32) -> Option<f64> {
        self.shares.get(pixel.checked_sub(self.first)? as usize).copied()
    }
}

impl Resampling {
    /// The one of this name. `mode` is a choice among pixels and so is read as the nearest, `gauss` as what
    /// is most like it.
    pub fn from_gdal(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "average" => Self::Average,
            "rms" => Self::RootMeanSquare,
            "bilinear" | "gauss" => Self::Bilinear,
            "cubic" => Self::Cubic,
            "cubicspline" => Self::CubicSpline,
            "lanczos" => Self::Lanczos,
            _ => Self::Nearest,
        }
    }

    /// The pixels of the file that make a pixel of the mosaic. Kernels are stretched where pixels become
    /// fewer.
    pub(super) fn taps(self, axis: &Axis, at: u32) -> Taps {
        let (middle, scale) = (axis.middle(at), axis.scale());
        let stretch = scale.max(1.0);
        let reach = match self {
            Self::Average | Self::RootMeanSquare => scale / 2.0,
            _ => self.radius() * stretch,
        };
        let bound = |at: f64| at.clamp(0.0, f64::from(axis.side())) as u32;
        let pixels = bound((middle - reach).floor())..bound((middle + reach).ceil());
        let share = |pixel: u32| match self {
            // As much as lies within the pixel that is made.
            Self::Average | Self::RootMeanSquare => {
                let (left, right) = (middle - reach, middle + reach);
                (right.min(f64::from(pixel) + 1.0) - left.max(f64::from(pixel))).max(0.0) / scale
            }
            _ => self.height((f64::from(pixel) + 0.5 - middle) / stretch) / stretch,
        };
        let shares: Vec<f64> = pixels.clone().map(share).collect();
        if shares.iter().sum::<f64>() > 0.1 {
            Taps { first: pixels.start, shares }
        } else {
            // Beyond the file's edge.
            Taps { first: axis.nearest(at), shares: vec![1.0] }
        }
    }

    /// With less than this share of a pixel's neighbours there, the pixel isn't. What is left of a kernel
    /// that also takes away may be far from any of its pixels.
    pub(super) fn least_share(self) -> f64 {
        match self {
            Self::Cubic | Self::Lanczos => 0.1,
            _ => 0.01,
        }
    }

    fn radius(self) -> f64 {
        match self {
            Self::Nearest | Self::Average | Self::RootMeanSquare => 0.5,
            Self::Bilinear => 1.0,
            Self::Cubic | Self::CubicSpline => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// The kernel at a distance from its middle.
    fn height(self, distance: f64) -> f64 {
        let x = distance.abs();
        if x >= self.radius() {
            return 0.0;
        }
        match self {
            Self::Nearest | Self::Average | Self::RootMeanSquare => 1.0,
            Self::Bilinear => 1.0 - x,
            Self::Cubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Cubic => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::CubicSpline if x < 1.0 => (x / 2.0 - 1.0) * x * x + 2.0 / 3.0,
            Self::CubicSpline => (2.0 - x).powi(3) / 6.0,
            Self::Lanczos => sinc(x) * sinc(x / 3.0),
        }
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMOOTH: [Resampling; 4] =
        [Resampling::Bilinear, Resampling::Cubic, Resampling::CubicSpline, Resampling::Lanczos];

    #[test]
    fn the_shares_of_neighbours_add_up() {
        for kernel in SMOOTH {
            for tenth in 0..10 {
                let sum: f64 = (-4..=4).map(|x| kernel.height(f64::from(x) + f64::from(tenth) / 10.0)).sum();
                assert!((sum - 1.0).abs() < 0.01, "{kernel:?}: {sum}");
            }
        }
    }

    #[test]
    fn a_kernel_that_goes_through_the_pixels_is_one_at_its_own() {
        for kernel in [Resampling::Bilinear, Resampling::Cubic, Resampling::Lanczos] {
            assert!((kernel.height(0.0) - 1.0).abs() < 1e-9);
            assert!([1.0, 2.0].iter().all(|x| kernel.height(*x).abs() < 1e-9), "{kernel:?}");
        }
    }
}
