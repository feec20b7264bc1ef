//! Any text beside a small image, or about it: `.aux.xml`, a world file, `.prj`, or a VRT that names the
//! image.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skysift_fuzz::{Folder, look_at};

static FOLDER: Folder = Folder::new();
static IMAGE: &[u8] = include_bytes!("../../tests/reference/raster/strips_int8.tif");
/// Moves the image to a place, so that somebody asks what system the place is in.
const WORLD_FILE: &[u8] = b"10\n0\n0\n-10\n500000\n5000000\n";

fuzz_target!(|bytes: &[u8]| {
    // The first byte says what the others are.
    let Some((kind, text)) = bytes.split_first() else { return };
    let image = FOLDER.write("x.tif", IMAGE);
    match kind {
        b'a' => {
            FOLDER.write("x.tif.aux.xml", text);
            look_at(&image);
            FOLDER.remove("x.tif.aux.xml");
        }
        b'w' => {
            FOLDER.write("x.tfw", text);
            look_at(&image);
            FOLDER.remove("x.tfw");
        }
        b'p' => {
            FOLDER.write("x.tfw", WORLD_FILE);
            FOLDER.write("x.prj", text);
            look_at(&image);
            FOLDER.remove("x.tfw");
            FOLDER.remove("x.prj");
        }
        _ => look_at(&FOLDER.write("x.vrt", text)),
    }
});
