//! The ground that everything stands on: sea, surf, sand, meadows and the river.

use super::canvas::{Canvas, MetreBounds};
use super::colour::{Rgb, ease, mix, scale};
use super::lot::Lot;
use super::plan::{CELL, REGION, RIVER, Region, coast_at};
use super::world::World;
use crate::random::SplitMix64;

/// The width of the sand, in metres.
pub const SAND: f32 = 52.0;
/// How far out waves break, in metres.
pub const SURF: f32 = 46.0;

/// No beach extends further east, in metres in the region.
const INLAND: f32 = 600.0;
/// How far the river and its banks extend from its middle at most, in metres.
const VALLEY: f32 = 110.0;

/// Paints a region's sea and beach.
pub fn shore(canvas: &mut Canvas, world: &World, region: &Region) {
    paint(canvas, world, region, [0.0, 0.0, 4.0 * CELL, REGION]);
}

/// Paints the ground of a lot on land.
pub fn inland(canvas: &mut Canvas, world: &World, region: &Region, lot: &Lot) {
    let (left, top) = lot.corner;
    paint(canvas, world, region, [left, top, left + lot.size.0, top + lot.size.1]);
}

fn paint(canvas: &mut Canvas, world: &World, region: &Region, bounds: MetreBounds) {
    let shore = Shore::new(world);
    let noise = world.noise;
    canvas.each(&region.frame, bounds, |pixel, x, y| {
        // Textures follow the coast, so that they continue into the next region.
        let along = region.along(y);
        let inland = if x < INLAND { x - coast_at(world, along) } else { INLAND };
        let ground = if inland < SAND + 60.0 {
            shore.colour(world, x, along, inland)
        } else {
            meadow(world, x, along)
        };
        *pixel = ground;
        if (y - RIVER).abs() > VALLEY {
            return;
        }
        // The river lies over all of it, and fades into the sea.
        let (bed, half) = region.river(world, x);
        let off = (y - bed).abs() - half - 3.5 * noise.smooth(x * 0.8, y * 0.8);
        if off < 16.0 && inland > -40.0 {
            let share = ease(-40.0, 10.0, inland);
            *pixel = mix(ground, river(world, x, y, off, ground), share);
        }
    });
}

/// The looks of a world's shore.
struct Shore {
    wave: f32,
    foam: f32,
    far: f32,
    phase: f32,
    /// How wide the surf is, as a share of usual.
    surf: f32,
    /// How many waves break far out.
    caps: f32,
}

impl Shore {
    fn new(world: &World) -> Self {
        let mut rng = SplitMix64::of(&[world.seed, 40]);
        Self {
            wave: rng.range(16.0, 30.0),
            foam: rng.range(0.0, 1.0),
            far: rng.range(130.0, 300.0),
            phase: rng.range(0.0, 6.0),
            surf: rng.range(0.75, 1.9),
            caps: rng.range(-0.6, 0.35),
        }
    }

    /// The colour near the water; `inland` is the distance from its edge in metres, negative at sea.
    fn colour(&self, world: &World, x: f32, y: f32, inland: f32) -> Rgb {
        let noise = world.noise;
        // Every wave runs up a little differently.
        let edge = inland + 5.0 * noise.smooth(y * 0.25, x * 0.06 + self.phase);
        if edge < 0.0 {
            return self.sea(world, x, y, -edge);
        }
        let dry = world.rough(world.sand, x, y, 0.05, 0.05);
        let wet = scale(world.sand, 0.7);
        let tide = ease(3.0, 17.0, edge + 3.0 * noise.smooth(x * 0.15, y * 0.15));
        let sand = mix(wet, dry, tide);
        let foam = ease(2.5, 0.0, edge) * 0.7;
        let sand = mix(sand, [228.0, 230.0, 228.0], foam);
        // Dunes with tufts of grass end the beach.
        let grown = ease(SAND - 22.0, SAND + 24.0, edge + 26.0 * noise.smooth(x * 0.3, y * 0.3));
        let tufts = ease(-0.2, 0.5, noise.rough(x * 0.9, y * 0.9) + 2.0 * grown - 1.0);
        mix(sand, meadow(world, x, y), grown * (0.4 + 0.6 * tufts))
    }

    fn sea(&self, world: &World, x: f32, y: f32, depth: f32) -> Rgb {
        let noise = world.noise;
        let warp = noise.smooth(x * 0.16, y * 0.09);
        let shallow = ease(self.far, 0.0, depth + 60.0 * warp);
        let water = mix(world.deep, world.shallow, shallow * shallow);
        // Swell comes in along the shore; wind ripples it.
        let swell = ((depth + 22.0 * warp) * std::f32::consts::TAU / self.wave).sin();
        let ripple = noise.rough(x * 0.9, y * 0.45);
        let chop = noise.rough(x * 2.6, y * 2.0);
        let water = scale(water, 1.0 + 0.04 * swell * (0.6 + 0.7 * warp) + 0.05 * ripple + 0.035 * chop);
        let cap = ease(1.0 - 0.5 * self.caps, 1.5 - 0.5 * self.caps, chop + 0.8 * ripple + 0.3 * warp);
        let water = mix(water, [216.0, 222.0, 222.0], if self.caps > 0.0 { 0.6 * cap } else { 0.0 });
        let depth = depth / self.surf;
        if depth > SURF + 20.0 {
            return water;
        }
        // Two or three lines of breakers, torn, with lace between them.
        let bend = depth + 7.0 * noise.smooth(y * 0.12 + 70.0, self.phase) + 3.5 * warp;
        let line = |at: f32, before: f32, behind: f32| {
            if bend < at { ease(at - behind, at, bend) } else { ease(at + before, at, bend) }
        };
        let lace = 0.8 * noise.smooth(x * 1.3, y * 0.8) + 0.8 * noise.rough(x * 1.3, y * 1.1);
        let outer = line(30.0 + 10.0 * self.foam, 3.0, 16.0)
            * ease(-0.5, 0.3, noise.smooth(y * 0.07, self.phase + 30.0));
        let inner = line(11.0, 3.0, 12.0).max(line(1.0, 2.0, 9.0));
        let breaking = outer.max(inner);
        let milky = mix(water, mix(world.shallow, [196.0, 200.0, 188.0], 0.5), 0.5 * ease(SURF, 0.0, depth));
        let foam = breaking * ease(-0.95 + 0.9 * (1.0 - breaking), 0.35 + 0.6 * (1.0 - breaking), lace);
        mix(milky, [236.0, 240.0, 238.0], (0.95 * foam).clamp(0.0, 1.0))
    }
}

fn meadow(world: &World, x: f32, y: f32) -> Rgb {
    let worn = ease(0.0, 0.8, world.noise.smooth(x * 0.1, y * 0.1));
    world.rough(mix(world.meadow, world.soil, 0.6 * worn), x, y, 0.12, 0.1)
}

/// `off` is the distance from the river's edge, negative in the water.
fn river(world: &World, x: f32, y: f32, off: f32, ground: Rgb) -> Rgb {
    let noise = world.noise;
    if off < 0.0 {
        let deep = ease(0.0, -9.0, off);
        let shoal = ease(0.3, 0.8, noise.smooth(x * 0.15, y * 0.3));
        let water = mix(scale(world.river, 1.25), world.river, deep);
        let water = mix(water, mix(world.sand, world.river, 0.4), shoal * (1.0 - deep));
        return scale(
            water,
            1.0 + 0.04 * noise.rough(x * 1.1, y * 1.6) + 0.06 * noise.smooth(x * 0.1, y * 0.2),
        );
    }
    let bank = mix(world.soil, world.sand, 0.5 + 0.5 * noise.smooth(x * 0.08, y * 0.08));
    mix(
        world.rough(bank, x, y, 0.14, 0.12),
        ground,
        ease(2.0, 14.0, off + 5.0 * noise.smooth(x * 0.5, y * 0.5)),
    )
}
