//! Height and width of pictures and of feature maps.

/// Height and width, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureSize {
    pub height: usize,
    pub width: usize,
}

impl PictureSize {
    #[must_use]
    pub fn square(side: usize) -> Self {
        Self { height: side, width: side }
    }

    /// The number of pixels.
    #[must_use]
    pub fn area(self) -> usize {
        self.height * self.width
    }

    /// Of a map that a convolution with a stride makes of this one, padded so that a stride of 1 changes
    /// nothing.
    pub(super) fn strided(self, stride: usize) -> Self {
        Self { height: self.height.div_ceil(stride), width: self.width.div_ceil(stride) }
    }

    /// Of a map with one pixel for every whole square of `side` x `side` pixels.
    pub(super) fn pooled(self, side: usize) -> Self {
        Self { height: self.height / side, width: self.width / side }
    }
}
