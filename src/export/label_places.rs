//! Where the labels of boxes go, so that they hide each other as little as possible.

use eframe::egui::{Pos2, Rect, Vec2, pos2};

/// A label that wants a place.
#[derive(Clone, Copy, Debug)]
pub struct LabelWish {
    /// The box on the screen.
    pub around: Rect,
    pub size: Vec2,
    /// Show it even where it covers another one.
    pub must_show: bool,
}

/// Gives each label a place, the first ones first: at a corner of its box, inside `bounds`, off all labels
/// before it. A label without such a place is left out.
#[must_use]
pub fn place_labels(wishes: &[LabelWish], bounds: Rect) -> Vec<Option<Rect>> {
    let mut taken: Vec<Rect> = Vec::with_capacity(wishes.len());
    wishes
        .iter()
        .map(|wish| {
            let shown = wish.around.intersect(bounds);
            let spots =
                corners(shown, wish.size).map(|at| keep_inside(Rect::from_min_size(at, wish.size), bounds));
            let free = spots.into_iter().find(|spot| !taken.iter().any(|other| other.intersects(*spot)));
            let place = free.or_else(|| wish.must_show.then_some(spots[0]));
            taken.extend(place);
            place
        })
        .collect()
}

/// Left top positions of a label at a box, the best first. A box that is not much larger than the label gets
/// it outside only, so that the box itself stays in sight.
fn corners(shown: Rect, size: Vec2) -> [Pos2; 6] {
    let (left, right) = (shown.left(), shown.right() - size.x);
    let (above, below) = (shown.top() - size.y, shown.bottom());
    if shown.width() > 1.5 * size.x && shown.height() > 2.0 * size.y {
        let bottom = shown.bottom() - size.y;
        let top = shown.top();
        [
            pos2(left, above),
            pos2(left, top),
            pos2(right, above),
            pos2(right, top),
            pos2(left, bottom),
            pos2(left, below),
        ]
    } else {
        let middle = shown.center().y - size.y / 2.0;
        let (before, after) = (shown.left() - size.x, shown.right());
        [
            pos2(left, above),
            pos2(left, below),
            pos2(after, middle),
            pos2(before, middle),
            pos2(right, above),
            pos2(right, below),
        ]
    }
}

fn keep_inside(spot: Rect, bounds: Rect) -> Rect {
    let x = spot.left().min(bounds.right() - spot.width()).max(bounds.left());
    let y = spot.top().min(bounds.bottom() - spot.height()).max(bounds.top());
    Rect::from_min_size(pos2(x, y), spot.size())
}

#[cfg(test)]
mod tests {
    use eframe::egui::vec2;

    use super::*;

    const BOUNDS: Rect = Rect { min: Pos2 { x: 0.0, y: 0.0 }, max: Pos2 { x: 1000.0, y: 800.0 } };

    fn wish(x: f32, y: f32, must_show: bool) -> LabelWish {
        let around = Rect::from_min_size(pos2(x, y), vec2(100.0, 100.0));
        LabelWish { around, size: vec2(80.0, 18.0), must_show }
    }

    #[test]
    fn a_lonely_label_sits_on_its_box() {
        let places = place_labels(&[wish(300.0, 300.0, false)], BOUNDS);
        assert_eq!(places[0].unwrap().left_bottom(), pos2(300.0, 300.0));
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        let wishes: Vec<LabelWish> =
            (0..40_u8).map(|i| wish(300.0 + f32::from(i % 7) * 9.0, 300.0, false)).collect();
        let places: Vec<Rect> = place_labels(&wishes, BOUNDS).into_iter().flatten().collect();
        assert!(places.len() >= 4 && places.len() < 40);
        for (i, a) in places.iter().enumerate() {
            assert!(places[..i].iter().all(|b| !a.intersects(*b)));
        }
    }

    #[test]
    fn the_selected_label_is_always_there() {
        let mut wishes = vec![wish(300.0, 300.0, false); 10];
        wishes.push(wish(300.0, 300.0, true));
        assert!(place_labels(&wishes, BOUNDS)[10].is_some());
    }

    #[test]
    fn a_small_box_is_not_hidden_by_its_own_label() {
        let small = |x| LabelWish {
            around: Rect::from_min_size(pos2(x, 300.0), vec2(20.0, 20.0)),
            ..wish(x, 0.0, false)
        };
        let wishes = [small(300.0), small(300.0), small(300.0), small(300.0)];
        let places: Vec<Rect> = place_labels(&wishes, BOUNDS).into_iter().flatten().collect();
        assert!(places.len() >= 3);
        assert!(places.iter().all(|spot| !spot.shrink(0.1).intersects(wishes[0].around)));
    }

    #[test]
    fn labels_stay_in_sight() {
        for (x, y) in [(-50.0, -50.0), (960.0, 780.0), (-50.0, 400.0)] {
            let spot = place_labels(&[wish(x, y, false)], BOUNDS)[0].unwrap();
            assert!(BOUNDS.contains_rect(spot), "{spot:?}");
        }
    }
}
