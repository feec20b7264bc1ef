//! A city: streets with cars, and blocks of old houses around yards, of offices wall to wall, of towers.

use super::square::square;
use super::towers::{Skyline, Tower};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, MetreBounds};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::sites::Plot;
use crate::sample_scene::things::parking;
use crate::sample_scene::things::roads::WHITE;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::things::vehicles::vehicle;
use crate::sample_scene::world::World;

const ROOFS: [Rgb; 12] = [
    [206.0, 204.0, 198.0],
    [224.0, 222.0, 216.0],
    [178.0, 174.0, 168.0],
    [156.0, 152.0, 148.0],
    [128.0, 126.0, 126.0],
    [100.0, 100.0, 104.0],
    [190.0, 178.0, 156.0],
    [166.0, 148.0, 132.0],
    [146.0, 116.0, 100.0],
    [120.0, 132.0, 140.0],
    [148.0, 160.0, 150.0],
    [196.0, 190.0, 186.0],
];
const TILES: [Rgb; 5] = [
    [150.0, 88.0, 70.0],
    [166.0, 108.0, 84.0],
    [112.0, 92.0, 86.0],
    [98.0, 98.0, 104.0],
    [134.0, 112.0, 98.0],
];
const WALLS: [Rgb; 8] = [
    [214.0, 208.0, 196.0],
    [196.0, 184.0, 166.0],
    [182.0, 182.0, 182.0],
    [160.0, 146.0, 132.0],
    [126.0, 146.0, 160.0],
    [228.0, 226.0, 222.0],
    [150.0, 112.0, 96.0],
    [104.0, 122.0, 136.0],
];

/// What makes a city.
pub struct City {
    /// Of its usual houses.
    pub storeys: f32,
    /// The share of blocks with towers, and how high the highest is, in metres.
    pub towers: f32,
    pub highest: f32,
    /// How many of its streets and yards have trees.
    pub green: f32,
    /// How far something one metre high leans, in metres.
    pub lean: f32,
}

/// Paints a city as far as can be seen. It leaves out a rectangle around the middle, if asked to, of which
/// half the width and height are given in metres.
pub fn city(canvas: &mut Canvas, world: &World, plot: &Plot, hole: Option<(f32, f32)>, kind: &City) {
    let mut rng = plot.rng(40);
    let frame = &plot.frame;
    let reach = plot.seen;
    canvas.slab(frame, (reach, reach), |x, y| world.rough(world.asphalt, x, y, 0.07, 0.06));
    let street = rng.range(11.0, 19.0);
    let (wide, deep) = (rng.range(52.0, 105.0), rng.range(52.0, 150.0));
    let columns = strips(reach, hole.map(|half| half.0), wide, street, &mut rng);
    let rows = strips(reach, hole.map(|half| half.1), deep, street, &mut rng);
    let angle = rng.range(0.0, std::f32::consts::TAU);
    let mut skyline = Skyline::new((kind.lean * angle.cos(), kind.lean * angle.sin()));
    traffic(canvas, plot, &columns, hole, &mut rng, false);
    traffic(canvas, plot, &rows, hole, &mut rng, true);
    let core = (rng.range(-0.5, 0.5) * reach, rng.range(-0.5, 0.5) * reach);
    let trees = rng.chance(kind.green);
    for (column, &(left, right)) in columns.iter().enumerate() {
        for (row, &(top, bottom)) in rows.iter().enumerate() {
            let free =
                hole.is_none_or(|half| left > half.0 || right < -half.0 || top > half.1 || bottom < -half.1);
            if !free {
                continue;
            }
            let bounds = [left, top, right, bottom];
            let paving = scale(world.concrete, rng.range(0.82, 1.0));
            canvas.area(frame, bounds, |x, y| world.rough(paving, x, y, 0.07, 0.05));
            let far = (0.5 * (left + right) - core.0).hypot(0.5 * (top + bottom) - core.1) / reach;
            let inner = [left + 3.0, top + 3.0, right - 3.0, bottom - 3.0];
            let block = Block { bounds: inner, number: (column * 64 + row) as u64, far, kind };
            block.fill(canvas, world, plot, &mut skyline, &mut rng);
            if trees {
                kerb_trees(canvas, world, plot, bounds, &mut rng);
            }
        }
    }
    skyline.paint(canvas, frame);
}

/// The blocks along an axis, from where to where, in metres from the middle, with streets between them.
fn strips(reach: f32, hole: Option<f32>, wide: f32, street: f32, rng: &mut SplitMix64) -> Vec<(f32, f32)> {
    let mut found = Vec::new();
    let mut span = |from: f32, to: f32| {
        let mut at = from;
        while at < to - 24.0 {
            let mut end = at + wide * rng.range(0.75, 1.35);
            if to - end < 34.0 {
                end = to;
            }
            found.push((at, end));
            at = end + if rng.chance(0.2) { 1.7 * street } else { street };
        }
    };
    if let Some(half) = hole {
        span(-reach, -half - 1.0);
        span(-half, half);
        span(half + 1.0, reach);
    } else {
        // Some blocks begin beyond what is seen.
        span(-reach - 0.37 * wide, reach + wide);
    }
    found
}

/// Lines and vehicles on the streets between strips.
fn traffic(
    canvas: &mut Canvas,
    plot: &Plot,
    strips: &[(f32, f32)],
    hole: Option<(f32, f32)>,
    rng: &mut SplitMix64,
    along_x: bool,
) {
    for pair in strips.windows(2) {
        let (from, to) = (pair[0].1, pair[1].0);
        let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
        // Along x from here on.
        let frame = if along_x {
            plot.frame.at(0.0, middle)
        } else {
            plot.frame.at(middle, 0.0).turned(std::f32::consts::FRAC_PI_2)
        };
        let blocked = |x: f32| {
            hole.is_some_and(|(wide, deep)| {
                let (along, across) = if along_x { (wide, deep) } else { (deep, wide) };
                x.abs() < along + 4.0 && middle.abs() < across
            })
        };
        let reach = plot.seen;
        let mut x = -reach;
        while x < reach {
            if !blocked(x) {
                canvas.plain(&frame, [x, -0.1, x + 3.0, 0.1], scale(WHITE, 0.9));
                if half > 10.0 {
                    canvas.plain(&frame, [x, 0.5 * half, x + 3.0, 0.5 * half + 0.16], scale(WHITE, 0.9));
                    canvas.plain(&frame, [x, -0.5 * half, x + 3.0, 0.16 - 0.5 * half], scale(WHITE, 0.9));
                }
            }
            x += 7.0;
        }
        let busy = rng.range(8.0, 26.0);
        for lane in [-0.75_f32, -0.28, 0.28, 0.75] {
            let mut x = -reach + rng.range(0.0, 20.0);
            while x < reach {
                if !blocked(x) {
                    let turn = if lane > 0.0 { 0.0 } else { std::f32::consts::PI };
                    vehicle(canvas, &frame.at(x, lane * half).turned(turn), rng);
                }
                x += rng.range(6.0, 2.0 * busy);
            }
        }
    }
}

fn kerb_trees(canvas: &mut Canvas, world: &World, plot: &Plot, bounds: MetreBounds, rng: &mut SplitMix64) {
    let [left, top, right, bottom] = bounds;
    let step = rng.range(7.0, 12.0);
    let mut put = |x: f32, y: f32, rng: &mut SplitMix64| {
        if rng.chance(0.7) {
            let (radius, colour) = (rng.range(1.6, 3.2), leaf(world, rng));
            tree(canvas, &plot.frame.at(x, y), radius, colour);
        }
    };
    let mut x = left + 3.0;
    while x < right {
        put(x, top + 1.0, rng);
        put(x, bottom - 1.0, rng);
        x += step;
    }
    let mut y = top + 3.0;
    while y < bottom {
        put(left + 1.0, y, rng);
        put(right - 1.0, y, rng);
        y += step;
    }
}

/// A block within its pavements.
struct Block<'a> {
    bounds: MetreBounds,
    number: u64,
    /// How far it is from where the city is highest, as a share of what is seen.
    far: f32,
    kind: &'a City,
}

impl Block<'_> {
    fn fill(
        &self,
        canvas: &mut Canvas,
        world: &World,
        plot: &Plot,
        skyline: &mut Skyline,
        rng: &mut SplitMix64,
    ) {
        let [left, top, right, bottom] = self.bounds;
        let (wide, deep) = (right - left, bottom - top);
        let near = (1.2 - self.far).clamp(0.35, 1.0);
        if rng.chance(self.kind.towers * near + 0.05) {
            self.towers(skyline, near, rng);
            return;
        }
        match rng.index(12) {
            0 => square(canvas, world, &plot.lot(self.bounds, self.number), rng),
            1 if wide < 90.0 => parking::lot_of_cars(canvas, world, &plot.lot(self.bounds, self.number)),
            1..=3 if wide.min(deep) > 44.0 && wide.max(deep) < 100.0 => {
                self.around_a_yard(canvas, world, plot, skyline, rng);
            }
            _ => self.wall_to_wall(skyline, rng),
        }
    }

    /// One or a few towers, mostly on a base that fills the block.
    fn towers(&self, skyline: &mut Skyline, near: f32, rng: &mut SplitMix64) {
        let [left, top, right, bottom] = self.bounds;
        let (wide, deep) = (right - left, bottom - top);
        let base = rng.range(7.0, 22.0);
        let mut building = Vec::new();
        if rng.chance(0.7) {
            building.push(tower(self.bounds, 0.0, base, rng));
        }
        let low = if building.is_empty() { 0.0 } else { base };
        let (columns, rows) = (1 + usize::from(wide > 85.0), 1 + usize::from(deep > 85.0));
        let alike = rng.chance(0.5);
        let model = rng.bits();
        for column in 0..columns {
            for row in 0..rows {
                let mut own = if alike { SplitMix64::of(&[model]) } else { SplitMix64::of(&[rng.bits()]) };
                let rng = &mut own;
                let (step_x, step_y) = (wide / columns as f32, deep / rows as f32);
                let half = (
                    (0.5 * step_x * rng.range(0.42, 0.8)).min(30.0),
                    (0.5 * step_y * rng.range(0.42, 0.8)).min(30.0),
                );
                let x = left + (column as f32 + 0.5) * step_x + rng.range(-0.12, 0.12) * step_x;
                let y = top + (row as f32 + 0.5) * step_y + rng.range(-0.12, 0.12) * step_y;
                let high = (self.kind.highest * near * rng.range(0.4, 1.0)).max(base + 14.0);
                let body = [x - half.0, y - half.1, x + half.0, y + half.1];
                let body = tower(body, low, high, rng);
                building.push(body);
                building.push(crown(&body, rng));
            }
        }
        skyline.add(building);
    }

    /// Houses side by side, each of its own height.
    fn wall_to_wall(&self, skyline: &mut Skyline, rng: &mut SplitMix64) {
        let [left, top, right, bottom] = self.bounds;
        let rows = if bottom - top > 40.0 { 2 + usize::from(bottom - top > 100.0) } else { 1 };
        let depth = (bottom - top) / rows as f32;
        let usual = self.kind.storeys * 3.4;
        for row in 0..rows {
            let mut x = left;
            while x < right - 6.0 {
                let mut end = x + rng.range(12.0, 44.0);
                if right - end < 10.0 {
                    end = right;
                }
                let y = top + row as f32 * depth;
                // Light wells and lanes part some of them.
                let gap = (rng.pick(&[0.0, 0.0, 1.5, 4.0]), rng.pick(&[0.0, 2.0, 5.0]));
                let bounds = [x, y + 0.5 * gap.1, end - gap.0, y + depth - 0.5 * gap.1];
                let high = usual * rng.range(0.35, 1.0) * if rng.chance(0.15) { 2.2 } else { 1.0 };
                let house = tower(bounds, 0.0, high.max(5.0), rng);
                if rng.chance(0.08) {
                    x = end;
                    continue;
                }
                let mut building = vec![house];
                if rng.chance(0.6) {
                    building.push(crown(&house, rng));
                }
                skyline.add(building);
                x = end;
            }
        }
    }

    /// Wings around a yard, as in old towns.
    fn around_a_yard(
        &self,
        canvas: &mut Canvas,
        world: &World,
        plot: &Plot,
        skyline: &mut Skyline,
        rng: &mut SplitMix64,
    ) {
        let [left, top, right, bottom] = self.bounds;
        let deep = rng.range(11.0, 15.0);
        let high = (self.kind.storeys * 3.4 * rng.range(0.6, 0.95)).clamp(9.0, 28.0);
        let tiled = rng.chance(0.4);
        let (tile, wall) = (rng.pick(&TILES), rng.pick(&WALLS));
        let yard = plot.lot([left + deep, top + deep, right - deep, bottom - deep], self.number);
        let ground = mix(world.concrete, world.lawn, rng.range(0.0, 0.6));
        canvas.area(&yard.frame, yard.bounds(0.0), |x, y| world.rough(ground, x, y, 0.1, 0.1));
        yard.scatter(9.0, 3.0, rng, |place, _, _, rng| {
            let (radius, colour) = (rng.range(1.8, 4.0), leaf(world, rng));
            if rng.chance(0.4) {
                tree(canvas, &place, radius, colour);
            }
        });
        for wing in [
            [left, top, right, top + deep],
            [left, bottom - deep, right, bottom],
            [left, top + deep, left + deep, bottom - deep],
            [right - deep, top + deep, right, bottom - deep],
        ] {
            let mut house = tower(wing, 0.0, high * rng.range(0.9, 1.1), rng);
            if tiled {
                house.ridged = true;
                house.roof = scale(tile, rng.range(0.85, 1.12));
                house.wall = wall;
            }
            skyline.add(vec![house]);
        }
        // Houses in the yard.
        if right - left > 75.0 && bottom - top > 75.0 && rng.chance(0.6) {
            let (x, y) = (0.5 * (left + right), 0.5 * (top + bottom));
            let half = (rng.range(8.0, 14.0), rng.range(6.0, 12.0));
            let inner = [x - half.0, y - half.1, x + half.0, y + half.1];
            skyline.add(vec![tower(inner, 0.0, rng.range(4.0, 10.0), rng)]);
        }
    }
}

/// A box between two heights, of any colour.
fn tower(bounds: MetreBounds, low: f32, high: f32, rng: &mut SplitMix64) -> Tower {
    let [left, top, right, bottom] = bounds;
    Tower {
        middle: (0.5 * (left + right), 0.5 * (top + bottom)),
        half: (0.5 * (right - left), 0.5 * (bottom - top)),
        low,
        high,
        roof: scale(rng.pick(&ROOFS), rng.range(0.82, 1.06)),
        wall: scale(rng.pick(&WALLS), rng.range(0.85, 1.05)),
        ridged: false,
        seed: rng.bits(),
    }
}

/// The house of the lifts on a roof.
fn crown(below: &Tower, rng: &mut SplitMix64) -> Tower {
    let share = (rng.range(0.22, 0.55), rng.range(0.22, 0.55));
    let off = (rng.range(-0.3, 0.3) * below.half.0, rng.range(-0.3, 0.3) * below.half.1);
    Tower {
        middle: (below.middle.0 + off.0, below.middle.1 + off.1),
        half: (below.half.0 * share.0, below.half.1 * share.1),
        low: below.high,
        high: below.high + rng.range(2.5, 6.0),
        roof: scale(below.roof, rng.range(0.8, 1.15)),
        seed: rng.bits(),
        ..*below
    }
}
