//! The resampling kernels of a VRT, as GDAL defines them.

use super::axis::Axis;

/// How a source is resampled if its source and destination rectangles differ in size.
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

/// The file pixels along one axis that make a mosaic pixel, and their weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taps {
    pub first: u32,
    pub weights: Vec<f64>,
}

impl Taps {
    pub fn end(&self) -> u32 {
        self.first + self.weights.len() as u32
    }

    pub fn weight(&self, pixel: u32) -> Option<f64> {
        self.weights.get(pixel.checked_sub(self.first)? as usize).copied()
    }
}

impl Resampling {
    /// The method with this name. `mode`, which picks one of the pixels, is read as nearest neighbour, and
    /// `gauss` as the method that is most like it.
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

    /// The file pixels that make a mosaic pixel. When downsampling, the kernel is stretched.
    pub(super) fn taps(self, axis: &Axis, at: u32) -> Taps {
        let (centre, scale) = (axis.centre(at), axis.scale());
        let stretch = scale.max(1.0);
        let reach = match self {
            Self::Average | Self::RootMeanSquare => scale / 2.0,
            _ => self.radius() * stretch,
        };
        let bound = |at: f64| at.clamp(0.0, f64::from(axis.length())) as u32;
        let pixels = bound((centre - reach).floor())..bound((centre + reach).ceil());
        let weight = |pixel: u32| match self {
            // The part of the pixel that lies inside the mosaic pixel.
            Self::Average | Self::RootMeanSquare => {
                let (left, right) = (centre - reach, centre + reach);
                (right.min(f64::from(pixel) + 1.0) - left.max(f64::from(pixel))).max(0.0) / scale
            }
            _ => self.kernel((f64::from(pixel) + 0.5 - centre) / stretch) / stretch,
        };
        let weights: Vec<f64> = pixels.clone().map(weight).collect();
        if weights.iter().sum::<f64>() > 0.1 {
            Taps { first: pixels.start, weights }
        } else {
            // Beyond the file's edge.
            Taps { first: axis.nearest(at), weights: vec![1.0] }
        }
    }

    /// A mosaic pixel has data only if the file pixels that have data weigh more than this. What is left of a
    /// kernel with negative weights may be far from the value of any pixel.
    pub(super) fn min_weight(self) -> f64 {
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

    /// The kernel at a distance from its centre.
    fn kernel(self, distance: f64) -> f64 {
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
                let sum: f64 = (-4..=4).map(|x| kernel.kernel(f64::from(x) + f64::from(tenth) / 10.0)).sum();
                assert!((sum - 1.0).abs() < 0.01, "{kernel:?}: {sum}");
            }
        }
    }

    #[test]
    fn a_kernel_that_goes_through_the_pixels_is_one_at_its_own() {
        for kernel in [Resampling::Bilinear, Resampling::Cubic, Resampling::Lanczos] {
            assert!((kernel.kernel(0.0) - 1.0).abs() < 1e-9);
            assert!([1.0, 2.0].iter().all(|x| kernel.kernel(*x).abs() < 1e-9), "{kernel:?}");
        }
    }
}
