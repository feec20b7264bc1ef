//! Any names in a folder that may be a product: each line is the name of an image, the first byte says how
//! they lie.
#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use skysift_fuzz::{Folder, look_at};

const MOST_FILES: usize = 8;

static FOLDER: Folder = Folder::new();
/// Of two sizes, as bands are.
static IMAGES: [&[u8]; 2] = [
    include_bytes!("../../tests/reference/raster/utm33.tif"),
    include_bytes!("../../tests/reference/raster/strips_int8.tif"),
];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, names)) = bytes.split_first() else { return };
    let product = FOLDER.join("product");
    let _ = fs::remove_dir_all(&product);
    let images = match kind {
        b'l' => product.clone(),
        b'1' => product.join("GRANULE/a/IMG_DATA"),
        _ => product.join("GRANULE/a/IMG_DATA/R20m"),
    };
    fs::create_dir_all(&images).expect("fuzzing needs room for temporary files");
    let names = String::from_utf8_lossy(names);
    for (index, name) in names.lines().take(MOST_FILES).enumerate() {
        // What is no name in a folder is no file of it either.
        let plain = Path::new(name).file_name().is_some_and(|file| file == name);
        if plain && let Some(image) = IMAGES.get(index % IMAGES.len()) {
            let _ = fs::write(images.join(name), image);
        }
    }
    look_at(&product);
    for manifest in ["x_MTL.txt", "MTD_MSIL1C.xml"] {
        if fs::write(product.join(manifest), &bytes[1..]).is_ok() {
            look_at(&product.join(manifest));
        }
    }
});
