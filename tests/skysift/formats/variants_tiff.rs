//! The variants of TIFF, of which there are most.

use super::variants::Variant;

/// Small pieces, so that several of them are cut off at the edges of the image.
const LAYOUTS: &[(&str, &str)] = &[
    ("strips, PIXEL", "-co BLOCKYSIZE=7 -co INTERLEAVE=PIXEL"),
    ("strips, BAND", "-co BLOCKYSIZE=7 -co INTERLEAVE=BAND"),
    ("tiles, PIXEL", "-co TILED=YES -co BLOCKXSIZE=64 -co BLOCKYSIZE=48 -co INTERLEAVE=PIXEL"),
    ("tiles, BAND", "-co TILED=YES -co BLOCKXSIZE=64 -co BLOCKYSIZE=48 -co INTERLEAVE=BAND"),
];
const TILED: &str = "-co TILED=YES -co BLOCKXSIZE=64 -co BLOCKYSIZE=64";
/// GDAL writes others in WebP, but can't read them itself.
const WEBP_LAYOUTS: &[(&str, &str)] = &[
    ("strips, PIXEL", "-co BLOCKYSIZE=7"),
    ("tiles, PIXEL", "-co TILED=YES -co BLOCKXSIZE=64 -co BLOCKYSIZE=48"),
];
/// JPEG wants multiples of eight rows.
const JPEG_LAYOUTS: &[(&str, &str)] = &[
    ("strips, PIXEL", "-co BLOCKYSIZE=8 -co INTERLEAVE=PIXEL"),
    ("strips, BAND", "-co BLOCKYSIZE=8 -co INTERLEAVE=BAND"),
    ("tiles, PIXEL", "-co TILED=YES -co BLOCKXSIZE=64 -co BLOCKYSIZE=48 -co INTERLEAVE=PIXEL"),
    ("tiles, BAND", "-co TILED=YES -co BLOCKXSIZE=64 -co BLOCKYSIZE=48 -co INTERLEAVE=BAND"),
];
pub const COMPRESSIONS: &str = "TIFF: lossless compressions, in four layouts";
const TYPES: [(&str, &str); 6] = [
    ("uint8", "rgb8"),
    ("uint16", "rgb16"),
    ("int16", "rgb_i16"),
    ("uint32", "rgb_u32"),
    ("float32", "rgb_f32"),
    ("float64", "rgb_f64"),
];

pub fn all() -> Vec<Variant> {
    let mut variants = compressions();
    variants.extend(lossy());
    variants.extend(types());
    variants.extend(structures());
    variants.extend(masks());
    variants.extend(cogs());
    variants
}

/// Lossless compressions and predictors for all types, each in all layouts.
fn compressions() -> Vec<Variant> {
    let mut variants = Vec::new();
    let names = ["NONE", "PACKBITS", "LZW", "DEFLATE", "ZSTD", "LERC", "LERC_DEFLATE", "LERC_ZSTD"];
    for compression in names {
        let predicts = ["LZW", "DEFLATE", "ZSTD"].contains(&compression);
        for (name, base) in TYPES {
            for predictor in if predicts { 1..=3 } else { 1..=1 } {
                if predictor == 3 && !name.starts_with("float") {
                    continue;
                }
                let mut options = format!("-co COMPRESS={compression} {{}}");
                let mut name = format!("{compression}, {name}");
                if predicts {
                    options = format!("-co COMPRESS={compression} -co PREDICTOR={predictor} {{}}");
                    name = format!("{name}, predictor {predictor}");
                }
                variants.push(Variant::new(COMPRESSIONS, name, base, &options).layouts_of(LAYOUTS));
            }
        }
    }
    let new = |name, options| Variant::new(COMPRESSIONS, name, "rgb8", options).layouts_of(LAYOUTS);
    variants.push(new("LZMA, uint8", "-co COMPRESS=LZMA {}"));
    variants.push(new("JPEG XL, uint8", "-co COMPRESS=JXL -co JXL_LOSSLESS=YES {}"));
    variants
}

/// Compressions that lose something.
fn lossy() -> Vec<Variant> {
    let exact = |name, base, options: &str| {
        Variant::new("TIFF: lossy compressions", name, base, &format!("{options} {{}}")).layouts_of(LAYOUTS)
    };
    let new = |name, base, options: &str| exact(name, base, options).lossy().layouts_of(JPEG_LAYOUTS);
    vec![
        new("JPEG, grey", "grey8", "-co COMPRESS=JPEG"),
        new("JPEG, RGB", "rgb8", "-co COMPRESS=JPEG"),
        new("JPEG, YCbCr", "rgb8", "-co COMPRESS=JPEG -co PHOTOMETRIC=YCBCR"),
        new("JPEG, YCbCr, quality 95", "rgb8", "-co COMPRESS=JPEG -co PHOTOMETRIC=YCBCR -co JPEG_QUALITY=95"),
        new("JPEG, tables in each tile", "rgb8", "-co COMPRESS=JPEG -co JPEGTABLESMODE=0"),
        new("JPEG, all tables shared", "rgb8", "-co COMPRESS=JPEG -co JPEGTABLESMODE=3"),
        new("JPEG, 4 bands", "rgbi8", "-co COMPRESS=JPEG"),
        new("JPEG, alpha", "rgba8", "-co COMPRESS=JPEG"),
        new("JPEG, CMYK", "rgbi8", "-co COMPRESS=JPEG -co PHOTOMETRIC=CMYK"),
        new("WebP", "rgb8", "-co COMPRESS=WEBP").layouts_of(WEBP_LAYOUTS),
        new("WebP, alpha", "rgba8", "-co COMPRESS=WEBP").layouts_of(WEBP_LAYOUTS),
        exact("WebP, lossless", "rgb8", "-co COMPRESS=WEBP -co WEBP_LOSSLESS=YES").layouts_of(WEBP_LAYOUTS),
        exact("WebP, lossless, alpha", "rgba8", "-co COMPRESS=WEBP -co WEBP_LOSSLESS=YES")
            .layouts_of(WEBP_LAYOUTS),
        exact("LERC, error up to 2", "rgb16", "-co COMPRESS=LERC -co MAX_Z_ERROR=2"),
        exact("LERC, error up to 0.01", "rgb_f32", "-co COMPRESS=LERC -co MAX_Z_ERROR=0.01"),
        exact(
            "LERC with DEFLATE, error up to 0.01",
            "rgb_f32",
            "-co COMPRESS=LERC_DEFLATE -co MAX_Z_ERROR=0.01",
        ),
        exact("bits left out", "rgb8", "-co COMPRESS=DEFLATE -co DISCARD_LSB=3"),
    ]
}

/// Types, and kinds of colour.
fn types() -> Vec<Variant> {
    let new = |name, base, options: &str| {
        Variant::new("TIFF: types and colours, in four layouts", name, base, &format!("{options} {{}}"))
            .layouts_of(LAYOUTS)
    };
    vec![
        new("1 bit", "ones", "-co NBITS=1"),
        new("1 bit, DEFLATE", "ones", "-co NBITS=1 -co COMPRESS=DEFLATE"),
        new("1 bit, CCITT group 3", "ones", "-co NBITS=1 -co COMPRESS=CCITTFAX3"),
        new("1 bit, CCITT group 4", "ones", "-co NBITS=1 -co COMPRESS=CCITTFAX4"),
        new("1 bit, CCITT run lengths", "ones", "-co NBITS=1 -co COMPRESS=CCITTRLE"),
        new(
            "1 bit, CCITT group 4, one strip",
            "ones",
            "-co NBITS=1 -co COMPRESS=CCITTFAX4 -co BLOCKYSIZE=220",
        ),
        new("1 bit, 0 is white", "ones", "-co NBITS=1 -co PHOTOMETRIC=MINISWHITE"),
        new("2 bits", "twos", "-co NBITS=2"),
        new("4 bits", "fours", "-co NBITS=4"),
        new("4 bits, LZW", "fours", "-co NBITS=4 -co COMPRESS=LZW"),
        new("12 bits", "rgb12", "-co NBITS=12"),
        new("12 bits, DEFLATE", "rgb12", "-co NBITS=12 -co COMPRESS=DEFLATE"),
        new("12 bits in 16", "rgb12", "-ot UInt16 -co NBITS=16"),
        new("5 bits", "twos", "-co NBITS=5"),
        new("11 bits", "rgb12", "-scale 0 4095 0 2047 -co NBITS=11"),
        new("24 bits", "rgb_u32", "-scale 0 4000000000 0 16000000 -co NBITS=24"),
        new("int8", "rgb8", "-scale 0 255 0 127 -co PIXELTYPE=SIGNEDBYTE"),
        new("int32", "rgb_i32", "-co COMPRESS=LZW -co PREDICTOR=2"),
        new("uint64", "rgb_u64", "-co COMPRESS=ZSTD -co PREDICTOR=2"),
        new("int64", "rgb_i64", "-co COMPRESS=DEFLATE"),
        new("float16", "rgb_f32", "-co NBITS=16"),
        new("float16, DEFLATE, predictor 3", "rgb_f32", "-co NBITS=16 -co COMPRESS=DEFLATE -co PREDICTOR=3"),
        new("float16, LZW, predictor 2", "rgb_f32", "-co NBITS=16 -co COMPRESS=LZW -co PREDICTOR=2"),
        new("float16, big endian", "rgb_f32", "-co NBITS=16 -co ENDIANNESS=BIG"),
        new("float24", "rgb_f32", "-co NBITS=24"),
        new(
            "float24, big endian, DEFLATE",
            "rgb_f32",
            "-co NBITS=24 -co ENDIANNESS=BIG -co COMPRESS=DEFLATE",
        ),
        new("complex int16", "grey16", "-ot CInt16 -scale 0 60000 0 30000"),
        new("complex int32", "grey16", "-ot CInt32"),
        new("complex float32", "grey_f32", "-ot CFloat32"),
        new("complex float64, LZW", "grey_f32", "-ot CFloat64 -co COMPRESS=LZW"),
        new("complex float32, big endian", "grey_f32", "-ot CFloat32 -co ENDIANNESS=BIG -co COMPRESS=ZSTD"),
        new(
            "24 bits, big endian",
            "rgb_u32",
            "-scale 0 4000000000 0 16000000 -co NBITS=24 -co ENDIANNESS=BIG",
        ),
        new("grey, 8 bits", "grey8", ""),
        new("grey, 0 is white", "grey8", "-co PHOTOMETRIC=MINISWHITE"),
        new("grey and alpha", "la8", "-co COMPRESS=DEFLATE"),
        new("RGBA, 8 bits", "rgba8", "-co COMPRESS=DEFLATE"),
        new("RGBA, premultiplied", "rgba8", "-co ALPHA=PREMULTIPLIED"),
        new("RGBA, 16 bits", "rgba16", "-co COMPRESS=DEFLATE -co PREDICTOR=2"),
        new("4 bands", "rgbi16", "-co COMPRESS=LZW -co PREDICTOR=2"),
        new("7 bands", "bands7", "-co COMPRESS=ZSTD -co PREDICTOR=2"),
        new("palette", "palette", ""),
        new("palette, LZW", "palette", "-co COMPRESS=LZW"),
        new("CMYK", "rgbi8", "-co PHOTOMETRIC=CMYK -co COMPRESS=DEFLATE"),
        new("CIE L*a*b*", "rgb8", "-co PHOTOMETRIC=CIELAB"),
    ]
}

/// Byte order, size of offsets, empty pieces, overviews.
fn structures() -> Vec<Variant> {
    let new = |name: &str, base: &str, options: &str| {
        Variant::new("TIFF: structure and overviews", name, base, &format!("{TILED} {options}"))
    };
    let any = |name, base, options: &str| {
        Variant::new("TIFF: structure and overviews", name, base, &format!("{options} {{}}"))
            .layouts_of(LAYOUTS)
    };
    let average = "gdaladdo -r average out.tif 2 4";
    let beside = "gdaladdo -r average -ro out.tif 2 4";
    vec![
        any("BigTIFF", "rgb16", "-co BIGTIFF=YES -co COMPRESS=DEFLATE"),
        any("big endian, 16 bits", "rgb16", "-co ENDIANNESS=BIG"),
        any(
            "big endian, float32, DEFLATE, predictor 3",
            "rgb_f32",
            "-co ENDIANNESS=BIG -co COMPRESS=DEFLATE -co PREDICTOR=3",
        ),
        any(
            "big endian, 16 bits, LZW, predictor 2",
            "rgb16",
            "-co ENDIANNESS=BIG -co COMPRESS=LZW -co PREDICTOR=2",
        ),
        any("big endian, float64", "rgb_f64", "-co ENDIANNESS=BIG"),
        any("big endian, 12 bits", "rgb12", "-co ENDIANNESS=BIG -co NBITS=12"),
        any("big endian, LERC", "rgb_f32", "-co ENDIANNESS=BIG -co COMPRESS=LERC"),
        any("big endian BigTIFF", "rgb_u32", "-co ENDIANNESS=BIG -co BIGTIFF=YES -co COMPRESS=ZSTD"),
        any("sparse", "empty", "-co SPARSE_OK=TRUE"),
        any("sparse, DEFLATE", "empty", "-co SPARSE_OK=TRUE -co COMPRESS=DEFLATE"),
        any("sparse, JPEG", "empty", "-co SPARSE_OK=TRUE -co COMPRESS=JPEG").layouts_of(JPEG_LAYOUTS).lossy(),
        any("sparse with nodata", "nodata", "-co SPARSE_OK=TRUE -co COMPRESS=LZW"),
        any("sparse with nodata, RGB", "nodata_rgb", "-co SPARSE_OK=TRUE -co COMPRESS=DEFLATE"),
        any("sparse with nodata, uncompressed", "nodata_rgb", "-co SPARSE_OK=TRUE"),
        any("one strip", "rgb16", "-co BLOCKYSIZE=220"),
        any("mirrored copy of a window", "rgb16", "-srcwin 13 7 251 199 -co COMPRESS=LZW"),
        new("overviews", "rgb8", "").then(average),
        new("overviews, DEFLATE", "rgb16", "-co COMPRESS=DEFLATE -co PREDICTOR=2").then(average),
        new("overviews, planar", "rgb16", "-co INTERLEAVE=BAND -co COMPRESS=LZW").then(average),
        new("overviews, float32, ZSTD", "rgb_f32", "-co COMPRESS=ZSTD -co PREDICTOR=3").then(average),
        new("overviews, LERC", "rgb_f32", "-co COMPRESS=LERC").then(average),
        new("overviews, JPEG", "rgb8", "-co COMPRESS=JPEG -co PHOTOMETRIC=YCBCR").then(average).lossy(),
        new("overviews, WebP", "rgb8", "-co COMPRESS=WEBP").then(average).lossy(),
        new("overviews, 12 bits", "rgb12", "-co NBITS=12").then(average),
        new("overviews, alpha", "rgba8", "-co COMPRESS=DEFLATE").then(average),
        new("overviews, palette, nearest", "palette", "").then("gdaladdo -r nearest out.tif 2 4"),
        new("overviews, 1 bit to grey", "ones", "-co NBITS=1")
            .then("gdaladdo -r average_bit2grayscale out.tif 2 4"),
        new("overviews, 3 times smaller", "rgb8", "").then("gdaladdo -r average out.tif 3 9"),
        new("overviews, sparse with nodata", "nodata", "-co SPARSE_OK=TRUE")
            .then("gdaladdo -r average --config SPARSE_OK_OVERVIEW ON out.tif 2 4"),
        new("overviews of strips", "rgb8", "-co TILED=NO").then(average),
        new("overviews, BigTIFF, big endian", "rgb16", "-co BIGTIFF=YES -co ENDIANNESS=BIG").then(average),
        new("overviews beside it", "rgb8", "").then(beside),
        new("overviews beside it, 16 bits", "rgb16", "")
            .then(&format!("{beside} --config COMPRESS_OVERVIEW DEFLATE")),
        new("overviews beside it, JPEG", "rgb8", "")
            .then(&format!("{beside} --config COMPRESS_OVERVIEW JPEG --config PHOTOMETRIC_OVERVIEW YCBCR")),
        new("overviews beside it, planar", "rgb8", "")
            .then(&format!("{beside} --config INTERLEAVE_OVERVIEW BAND")),
        new("overviews beside it, of Erdas", "rgb8", "").then(&format!("{beside} --config USE_RRD YES")),
        new("statistics beside it", "rgb16", "").then("gdalinfo -stats out.tif"),
        new("statistics inside", "rgb16", "-stats"),
    ]
}

/// Masks, inside and beside.
fn masks() -> Vec<Variant> {
    const SECTION: &str = "TIFF: masks";
    let inside = "--config GDAL_TIFF_INTERNAL_MASK YES";
    let beside = "--config GDAL_TIFF_INTERNAL_MASK NO";
    let new = |name: &str, options: &str| Variant::new(SECTION, name, "masked", options);
    let any = |name: &str, options: &str| new(name, &format!("{options} {{}}")).layouts_of(LAYOUTS);
    vec![
        any("mask inside", inside),
        any("mask inside, DEFLATE", &format!("{inside} -co COMPRESS=DEFLATE")),
        any("mask inside, JPEG", &format!("{inside} -co COMPRESS=JPEG")).layouts_of(JPEG_LAYOUTS).lossy(),
        any("mask beside it", beside),
        any("mask inside, BigTIFF, big endian", &format!("{inside} -co BIGTIFF=YES -co ENDIANNESS=BIG")),
        new("mask inside, overviews", &format!("{inside} {TILED}"))
            .then(&format!("gdaladdo -r average {inside} out.tif 2 4")),
        new("mask beside it, overviews inside", &format!("{beside} {TILED}"))
            .then("gdaladdo -r average out.tif 2 4"),
        new("mask inside, overviews beside it", &format!("{inside} {TILED}"))
            .then("gdaladdo -r average -ro out.tif 2 4"),
        new("mask made of a band", &format!("-b 1 -mask 1 {inside} -co COMPRESS=LZW {TILED}")),
        Variant::new(SECTION, "nodata", "nodata", TILED),
        Variant::new(SECTION, "nodata, NaN", "grey_f32", &format!("-a_nodata nan {TILED}")),
        Variant::new(
            SECTION,
            "nodata that the type does not have",
            "grey8",
            &format!("-a_nodata -9999 {TILED}"),
        ),
    ]
}

/// The driver for cloud-optimized files, which are several layouts in one.
fn cogs() -> Vec<Variant> {
    let new = |name: &str, base: &str, options: &str| {
        let common = "-of COG -co BLOCKSIZE=128 -co OVERVIEW_RESAMPLING=AVERAGE";
        Variant::new("TIFF: COG driver", name, base, &format!("{common} {options}"))
    };
    vec![
        new("LZW", "rgb8", "-co COMPRESS=LZW"),
        new("uncompressed", "rgb8", "-co COMPRESS=NONE"),
        new("DEFLATE with a predictor, 16 bits", "rgb16", "-co COMPRESS=DEFLATE -co PREDICTOR=YES"),
        new("ZSTD with a predictor, float32", "rgb_f32", "-co COMPRESS=ZSTD -co PREDICTOR=YES"),
        new("LERC, float32", "rgb_f32", "-co COMPRESS=LERC"),
        new("LERC with ZSTD, float32", "rgb_f32", "-co COMPRESS=LERC_ZSTD"),
        new("LZMA", "rgb8", "-co COMPRESS=LZMA"),
        new("JPEG", "rgb8", "-co COMPRESS=JPEG").lossy(),
        new("JPEG, alpha as a mask", "rgba8", "-co COMPRESS=JPEG").lossy(),
        new("WebP", "rgb8", "-co COMPRESS=WEBP").lossy(),
        new("WebP, lossless, alpha", "rgba8", "-co COMPRESS=WEBP -co QUALITY=100"),
        new("mask", "masked", "-co COMPRESS=DEFLATE"),
        new("nodata, sparse", "nodata", "-co COMPRESS=DEFLATE -co SPARSE_OK=TRUE"),
        new("empty parts, sparse", "empty", "-co COMPRESS=DEFLATE -co SPARSE_OK=TRUE"),
        new("palette", "palette", "-co COMPRESS=DEFLATE -co OVERVIEW_RESAMPLING=NEAREST"),
        new("4 bands", "rgbi16", "-co COMPRESS=DEFLATE"),
        new("BigTIFF", "rgb16", "-co COMPRESS=ZSTD -co BIGTIFF=YES"),
        new("without overviews", "rgb8", "-co OVERVIEWS=NONE"),
    ]
}
