//! Any bytes as an image: TIFF, JPEG 2000, PNG, JPEG, WebP or VRT, as the first of them say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skysift_fuzz::{Folder, look_at};

static FOLDER: Folder = Folder::new();

fuzz_target!(|bytes: &[u8]| look_at(&FOLDER.write("scene", bytes)));
