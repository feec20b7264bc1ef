//! Where the labels of boxes go, so that they hide each other as little as possible.

/// A rectangle on a screen or in a picture, y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelRect {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl LabelRect {
    /// By its left top corner, and its width and height.
    #[must_use]
    pub fn new((left, top): (f32, f32), (width, height): (f32, f32)) -> Self {
        Self { left, top, right: left + width, bottom: top + height }
    }

    #[must_use]
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    #[must_use]
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Whether another one lies in it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && other.right <= self.right
            && other.bottom <= self.bottom
    }

    /// Whether they have anything in common, be it an edge.
    fn meets(&self, other: &Self) -> bool {
        self.left <= other.right
            && other.left <= self.right
            && self.top <= other.bottom
            && other.top <= self.bottom
    }

    /// The part within another one.
    fn within(&self, other: &Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    /// The same, moved into another one as far as that is large enough.
    fn moved_into(&self, other: &Self) -> Self {
        let left = self.left.min(other.right - self.width()).max(other.left);
        let top = self.top.min(other.bottom - self.height()).max(other.top);
        Self::new((left, top), (self.width(), self.height()))
    }
}

/// A label that wants a place.
#[derive(Clone, Copy, Debug)]
pub struct LabelWish {
    /// The box that it belongs to.
    pub around: LabelRect,
    /// Width and height.
    pub size: (f32, f32),
    /// Show it even where it covers another one.
    pub must_show: bool,
}

/// Gives each label a place, the first ones first: at a corner of its box, inside `bounds`, off all labels
/// before it. A label without such a place is left out.
#[must_use]
pub fn place_labels(wishes: &[LabelWish], bounds: LabelRect) -> Vec<Option<LabelRect>> {
    let mut taken: Vec<LabelRect> = Vec::with_capacity(wishes.len());
    wishes
        .iter()
        .map(|wish| {
            let shown = wish.around.within(&bounds);
            let spots = corners(shown, wish.size).map(|at| LabelRect::new(at, wish.size).moved_into(&bounds));
            let free = spots.into_iter().find(|spot| !taken.iter().any(|other| other.meets(spot)));
            let place = free.or_else(|| wish.must_show.then_some(spots[0]));
            taken.extend(place);
            place
        })
        .collect()
}

/// Left top positions of a label at a box, the best first. A box that is not much larger than the label gets
/// it outside only, so that the box itself stays in sight.
fn corners(shown: LabelRect, (width, height): (f32, f32)) -> [(f32, f32); 6] {
    let (left, right) = (shown.left, shown.right - width);
    let (above, below) = (shown.top - height, shown.bottom);
    if shown.width() > 1.5 * width && shown.height() > 2.0 * height {
        let (top, bottom) = (shown.top, shown.bottom - height);
        [(left, above), (left, top), (right, above), (right, top), (left, bottom), (left, below)]
    } else {
        let middle = shown.top.midpoint(shown.bottom) - height / 2.0;
        let (before, after) = (shown.left - width, shown.right);
        [(left, above), (left, below), (after, middle), (before, middle), (right, above), (right, below)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: LabelRect = LabelRect { left: 0.0, top: 0.0, right: 1000.0, bottom: 800.0 };

    fn wish(x: f32, y: f32, must_show: bool) -> LabelWish {
        let around = LabelRect::new((x, y), (100.0, 100.0));
        LabelWish { around, size: (80.0, 18.0), must_show }
    }

    #[test]
    fn a_lonely_label_sits_on_its_box() {
        let places = place_labels(&[wish(300.0, 300.0, false)], BOUNDS);
        let place = places[0].unwrap();
        assert_eq!((place.left, place.bottom), (300.0, 300.0));
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        let wishes: Vec<LabelWish> =
            (0..40_u8).map(|i| wish(300.0 + f32::from(i % 7) * 9.0, 300.0, false)).collect();
        let places: Vec<LabelRect> = place_labels(&wishes, BOUNDS).into_iter().flatten().collect();
        assert!(places.len() >= 4 && places.len() < 40);
        for (i, a) in places.iter().enumerate() {
            assert!(places[..i].iter().all(|b| !a.meets(b)));
        }
    }

    #[test]
    fn the_selected_label_is_always_there() {
        let mut wishes = vec![wish(300.0, 300.0, false); 10];
        wishes.push(wish(300.0, 300.0, true));
        assert!(place_labels(&wishes, BOUNDS)[10].is_some());
    }

    /// Without what only touches.
    fn shrunk(rect: &LabelRect) -> LabelRect {
        let LabelRect { left, top, right, bottom } = *rect;
        LabelRect { left: left + 0.1, top: top + 0.1, right: right - 0.1, bottom: bottom - 0.1 }
    }

    #[test]
    fn a_small_box_is_not_hidden_by_its_own_label() {
        let small = |x| LabelWish { around: LabelRect::new((x, 300.0), (20.0, 20.0)), ..wish(x, 0.0, false) };
        let wishes = [small(300.0), small(300.0), small(300.0), small(300.0)];
        let places: Vec<LabelRect> = place_labels(&wishes, BOUNDS).into_iter().flatten().collect();
        assert!(places.len() >= 3);
        assert!(places.iter().all(|spot| !shrunk(spot).meets(&wishes[0].around)));
    }

    #[test]
    fn labels_stay_in_sight() {
        for (x, y) in [(-50.0, -50.0), (960.0, 780.0), (-50.0, 400.0)] {
            let spot = place_labels(&[wish(x, y, false)], BOUNDS)[0].unwrap();
            assert!(BOUNDS.contains(&spot), "{spot:?}");
        }
    }
}
