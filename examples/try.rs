//! Sets up what a first look needs, a painted scene and a model with random weights, and opens the window.
//!
//!     cargo run --release --example try
//!
//! Random weights find nothing: the boxes mean nothing. Further arguments go to `skysift`, for example
//! `cargo run --release --example try -- --screenshot window.png --exit`.

use std::path::Path;
use std::process::ExitCode;

use image::{Rgb, RgbImage};
use skysift::clip::{Preset, write_random_model};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let folder = std::env::temp_dir().join("skysift-try");
    let scene = folder.join("coast.png");
    let model = folder.join("random-model");
    if let Err(error) = set_up(&folder, &scene, &model) {
        eprintln!("skysift: cannot set up a first look in {}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    println!("The model has random weights, so its boxes mean nothing.");
    let mut args = vec!["skysift".into(), scene.into(), "--model".into(), model.into()];
    args.extend(["-k", "harbor", "-k", "field"].map(Into::into));
    args.extend(std::env::args_os().skip(1));
    skysift::cli::run(args)
}

fn set_up(folder: &Path, scene: &Path, model: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    paint_coast().save(scene)?;
    write_random_model(model, Preset::Tiny, 0)?;
    Ok(())
}

/// A coast from above: sea in the west with piers and boats, a beach, then fields, a road and houses.
fn paint_coast() -> RgbImage {
    const WIDTH: u32 = 2400;
    const HEIGHT: u32 = 1600;
    let mut noise = Noise(1);
    let mut image = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let shore = 900.0 + 140.0 * (y as f32 / 210.0).sin() + 45.0 * (y as f32 / 57.0).cos();
        let inland = x as f32 - shore;
        let field = [[96, 128, 62], [146, 148, 84], [122, 106, 70], [70, 108, 58]];
        let color = match inland {
            // The water lightens towards the shore.
            ..-30.0 => [
                26,
                60 + ((inland + 900.0).max(0.0) / 24.0) as u8,
                92 + ((inland + 900.0).max(0.0) / 16.0) as u8,
            ],
            ..0.0 => [120, 160, 160],
            ..70.0 => [214, 198, 152],
            _ => field[((x / 260 + 3 * (y / 190)) % 4) as usize],
        };
        Rgb(color.map(|value: u8| value.saturating_add(noise.below(14) as u8)))
    });
    for pier in 0..5 {
        let y = 420 + pier * 70;
        fill(&mut image, (620, y), (420, 10), [168, 160, 148]);
        for boat in 0..9 {
            let color = if noise.below(3) == 0 { [190, 60, 50] } else { [238, 238, 232] };
            fill(&mut image, (640 + boat * 40, y + 12 + noise.below(4)), (9, 24 + noise.below(14)), color);
        }
    }
    fill(&mut image, (1500, 0), (22, HEIGHT), [98, 98, 100]);
    for _ in 0..160 {
        let (x, y) = (1200 + noise.below(1100), 40 + noise.below(HEIGHT - 120));
        let (width, height) = (18 + noise.below(22), 16 + noise.below(18));
        if !(1470..1530).contains(&x) {
            fill(&mut image, (x + 5, y + 5), (width, height), [40, 44, 40]);
            fill(&mut image, (x, y), (width, height), [150 + noise.below(60) as u8, 90, 76]);
        }
    }
    image
}

fn fill(image: &mut RgbImage, (left, top): (u32, u32), (width, height): (u32, u32), color: [u8; 3]) {
    for y in top..(top + height).min(image.height()) {
        for x in left..(left + width).min(image.width()) {
            image.put_pixel(x, y, Rgb(color));
        }
    }
}

/// Marsaglia's xorshift (Journal of Statistical Software, 2003): the same picture every time.
struct Noise(u32);

impl Noise {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % end
    }
}
