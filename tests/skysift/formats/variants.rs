//! What GDAL is asked to write, and from what.

use crate::support;

pub const FIXTURE: &str = "tiles_deflate_overviews.tif";

/// A kind of image: the command lines that make it.
pub struct Variant {
    pub section: &'static str,
    pub name: String,
    /// They make `out.…` in an empty folder; base images are one and two folders above. `{}` stands for each
    /// of the layouts.
    commands: Vec<String>,
    /// What `{}` stands for: a name and options.
    layouts: &'static [(&'static str, &'static str)],
    pub lossy: bool,
}

impl Variant {
    /// One `gdal_translate` of a base image.
    pub fn new(section: &'static str, name: impl Into<String>, base: &str, options: &str) -> Self {
        let driver = options.split_whitespace().skip_while(|word| *word != "-of").nth(1).unwrap_or("GTiff");
        let end = match driver {
            "JP2OpenJPEG" => "jp2",
            "PNG" => "png",
            "JPEG" => "jpg",
            "WEBP" => "webp",
            "VRT" => "vrt",
            _ => "tif",
        };
        let command = format!("gdal_translate {options} {base}.tif out.{end}");
        Self { section, name: name.into(), commands: vec![command], layouts: &[("", "")], lossy: false }
    }

    /// Other commands than one `gdal_translate`.
    pub fn of_commands(section: &'static str, name: &str, commands: &[&str]) -> Self {
        let commands = commands.iter().map(|&command| command.to_owned()).collect();
        Self { section, name: name.to_owned(), commands, layouts: &[("", "")], lossy: false }
    }

    pub fn lossy(mut self) -> Self {
        self.lossy = true;
        self
    }

    /// Followed by another command.
    pub fn then(mut self, command: &str) -> Self {
        self.commands.push(command.to_owned());
        self
    }

    /// Whether the pixels of level 0 are all that there is to compare.
    pub fn is_plain(&self) -> bool {
        self.section == super::variants_tiff::COMPRESSIONS
    }

    /// In several layouts, which take the place of `{}`.
    pub fn layouts_of(mut self, layouts: &'static [(&'static str, &'static str)]) -> Self {
        self.layouts = layouts;
        self
    }

    /// The file that is opened in the end.
    pub fn file(&self) -> String {
        let words = self.commands.iter().rev().flat_map(|command| command.split_whitespace());
        words.clone().find(|word| word.starts_with("out.")).unwrap_or("out.tif").to_owned()
    }

    /// The names of the layouts, and for each the commands to run.
    pub fn layouts(&self) -> Vec<(&'static str, Vec<String>)> {
        let commands =
            |options: &str| self.commands.iter().map(|command| located(command, options)).collect();
        self.layouts.iter().map(|(name, options)| (*name, commands(options))).collect()
    }

    /// The commands as the table shows them.
    pub fn shown(&self) -> String {
        short(&self.commands).replace("{} ", "").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Commands in one line, without where the fixtures are.
pub fn short(commands: &[String]) -> String {
    let fixtures = format!("{}/", support::fixture("raster").display());
    commands.join("; ").replace(&fixtures, "")
}

/// A command with its layout, and base images where they are.
fn located(command: &str, options: &str) -> String {
    let bases = bases();
    let place = |word: &str| {
        let base = bases.iter().any(|(name, _)| word.strip_suffix(".tif") == Some(*name));
        if base { format!("../../{word}") } else { word.to_owned() }
    };
    let command = command.replace("{}", options);
    command.split_whitespace().map(place).collect::<Vec<_>>().join(" ")
}

/// The images that variants are made of: a name and the commands that make it.
pub fn bases() -> Vec<(&'static str, Vec<String>)> {
    let from = |fixture: &str, name: &str, options: &str| {
        format!("gdal_translate {options} {} {name}.tif", support::fixture("raster").join(fixture).display())
    };
    let large = "-outsize 300 220 -r cubic -a_srs EPSG:32633 -a_ullr 500000 5000000 503000 4997800";
    let plain = |name: &'static str, options: &str| (name, vec![from(FIXTURE, name, options)]);
    let scaled = |name: &'static str, words: &str| plain(name, &format!("{large} {words}"));
    let again = |name: &'static str, base: &str, options: &str| {
        (name, vec![format!("gdal_translate {options} {base}.tif {name}.tif")])
    };
    vec![
        scaled("rgb8", ""),
        scaled("rgb16", "-ot UInt16 -scale 0 255 0 60000"),
        scaled("rgb12", "-ot UInt16 -scale 0 255 0 4095 -co NBITS=12"),
        scaled("rgb_i16", "-ot Int16 -scale 0 255 -5000 9000"),
        scaled("rgb_u32", "-ot UInt32 -scale 0 255 0 4000000000"),
        scaled("rgb_i32", "-ot Int32 -scale 0 255 -2000000000 1900000000"),
        scaled("rgb_f32", "-ot Float32 -scale 0 255 -1 1"),
        scaled("rgb_f64", "-ot Float64 -scale 0 255 -1 1"),
        scaled("rgb_u64", "-ot UInt64 -scale 0 255 0 9000000000000"),
        scaled("rgb_i64", "-ot Int64 -scale 0 255 -9000000000000 8000000000000"),
        again("grey8", "rgb8", "-b 1"),
        again("grey16", "rgb16", "-b 1"),
        again("grey_f32", "rgb_f32", "-b 1"),
        again("la8", "rgb8", "-b 1 -b 2 -scale_2 80 160 0 255 -colorinterp gray,alpha"),
        again("rgba8", "rgb8", "-b 1 -b 2 -b 3 -b 2 -scale_4 80 160 0 255 -colorinterp_4 alpha"),
        again("rgba16", "rgb16", "-b 1 -b 2 -b 3 -b 2 -scale_4 20000 40000 0 65535 -colorinterp_4 alpha"),
        again("la16", "rgb16", "-b 1 -b 2 -scale_2 20000 40000 0 65535 -colorinterp gray,alpha"),
        again("rgbi8", "rgb8", "-b 1 -b 2 -b 3 -b 1 -colorinterp_4 undefined"),
        again("rgbi16", "rgb16", "-b 1 -b 2 -b 3 -b 1 -colorinterp_4 undefined"),
        again("bands7", "rgb16", "-b 1 -b 2 -b 3 -b 2 -b 1 -b 3 -b 2"),
        again("ones", "grey8", "-scale 0 255 0 1.4"),
        again("twos", "grey8", "-scale 0 255 0 3.4"),
        again("fours", "grey8", "-scale 0 255 0 15.4"),
        again("empty", "rgb8", "-srcwin -150 -110 450 330"),
        again("nodata", "grey16", "-srcwin -150 -110 450 330 -a_nodata 7"),
        again("nodata_rgb", "rgb8", "-srcwin -150 -110 450 330 -a_nodata 7"),
        ("palette", vec![from("palette.tif", "palette", "-outsize 300 435")]),
        ("masked", vec![from("mask.tif", "masked", "-outsize 305 225 --config GDAL_TIFF_INTERNAL_MASK YES")]),
    ]
}

/// All variants, section by section.
pub fn all() -> Vec<Variant> {
    let mut variants = super::variants_tiff::all();
    variants.extend(jp2());
    variants.extend(pictures());
    variants.extend(mosaics());
    variants
}

fn jp2() -> Vec<Variant> {
    let new = |name, base, options: &str| {
        Variant::new("JPEG 2000", name, base, &format!("-of JP2OpenJPEG {options}"))
    };
    let whole = "-co QUALITY=100 -co REVERSIBLE=YES";
    let lossless = |name, base, options: &str| new(name, base, &format!("{whole} {options}"));
    vec![
        lossless("lossless grey, 8 bits", "grey8", ""),
        lossless("lossless, 8 bits", "rgb8", ""),
        lossless("lossless, without YCbCr", "rgb8", "-co YCC=NO"),
        lossless("lossless, 16 bits", "rgb16", ""),
        lossless("lossless grey, 16 bits", "grey16", ""),
        lossless("lossless, 12 bits", "rgb12", "-co NBITS=12"),
        lossless("lossless, 1 bit", "ones", "-co NBITS=1"),
        lossless("lossless, alpha", "rgba8", ""),
        lossless("lossless, grey and alpha", "la8", ""),
        lossless("lossless, 4 bands, 8 bits", "rgbi8", ""),
        lossless("lossless, 4 bands, 16 bits", "rgbi16", ""),
        lossless("lossless, 4 bands as alpha, 16 bits", "rgba16", ""),
        lossless("lossless, 7 bands", "bands7", ""),
        lossless("lossless, tiled", "rgb8", "-co BLOCKXSIZE=128 -co BLOCKYSIZE=64"),
        lossless("lossless, tiled, 4 bands", "rgbi16", "-co BLOCKXSIZE=128 -co BLOCKYSIZE=128"),
        lossless("lossless, 1 resolution", "rgb8", "-co RESOLUTIONS=1"),
        lossless(
            "lossless, 3 resolutions, tiled",
            "rgb8",
            "-co RESOLUTIONS=3 -co BLOCKXSIZE=64 -co BLOCKYSIZE=64",
        ),
        lossless("lossless, progression RPCL", "rgb8", "-co PROGRESSION=RPCL"),
        lossless(
            "lossless, progression CPRL, precincts",
            "rgb8",
            "-co PROGRESSION=CPRL -co PRECINCTS={128,128},{64,64}",
        ),
        lossless("lossless, SOP and EPH", "rgb8", "-co SOP=YES -co EPH=YES"),
        lossless("lossless, PLT", "rgb8", "-co PLT=YES"),
        lossless("lossless, TLM", "rgb8", "-co TLM=YES"),
        lossless("lossless, int16", "rgb_i16", ""),
        lossless("lossless, uint32", "rgb_u32", ""),
        lossless("lossless, palette", "palette", ""),
        lossless("bare codestream", "rgb8", "-co CODEC=J2K"),
        new("lossless, subsampled colours", "rgb8", &format!("{whole} -co YCBCR420=YES")).lossy(),
        new("lossy, 8 bits", "rgb8", "-co QUALITY=25").lossy(),
        new("lossy grey, 8 bits", "grey8", "-co QUALITY=25").lossy(),
        new("lossy, 16 bits", "rgb16", "-co QUALITY=25").lossy(),
        new("lossy, tiled", "rgb8", "-co QUALITY=25 -co BLOCKXSIZE=128 -co BLOCKYSIZE=128").lossy(),
        new("lossy, three qualities", "rgb8", "-co QUALITY=5,15,40").lossy(),
        new("lossy, alpha", "rgba8", "-co QUALITY=25").lossy(),
    ]
}

fn pictures() -> Vec<Variant> {
    let png = |name, base, options: &str| Variant::new("PNG", name, base, &format!("-of PNG {options}"));
    let jpeg =
        |name, base, options: &str| Variant::new("JPEG", name, base, &format!("-of JPEG {options}")).lossy();
    let webp = |name, base, options: &str| Variant::new("WebP", name, base, &format!("-of WEBP {options}"));
    vec![
        png("grey, 8 bits", "grey8", ""),
        png("grey and alpha, 8 bits", "la8", ""),
        png("RGB, 8 bits", "rgb8", ""),
        png("RGBA, 8 bits", "rgba8", ""),
        png("grey, 16 bits", "grey16", ""),
        png("grey and alpha, 16 bits", "la16", ""),
        png("RGB, 16 bits", "rgb16", ""),
        png("RGBA, 16 bits", "rgba16", ""),
        png("palette", "palette", ""),
        png("palette, one entry transparent", "palette", "-a_nodata 3"),
        png("1 bit", "ones", "-co NBITS=1"),
        png("2 bits", "twos", "-co NBITS=2"),
        png("4 bits", "fours", "-co NBITS=4"),
        png("nodata (`tRNS`)", "grey8", "-a_nodata 100"),
        png("RGB with nodata", "nodata_rgb", ""),
        png("weakly compressed", "rgb8", "-co ZLEVEL=1"),
        png("external overviews", "rgb8", "").then("gdaladdo -r average -ro out.png 2 4"),
        png("statistics beside it", "rgb8", "").then("gdalinfo -stats out.png"),
        jpeg("grey", "grey8", ""),
        jpeg("RGB", "rgb8", ""),
        jpeg("RGB, quality 100", "rgb8", "-co QUALITY=100"),
        jpeg("progressive", "rgb8", "-co PROGRESSIVE=YES"),
        jpeg("arithmetic coding", "rgb8", "-co ARITHMETIC=YES"),
        jpeg("CMYK", "rgbi8", ""),
        jpeg("internal mask", "masked", "-b 1 -mask 1"),
        jpeg("12 bits", "rgb12", "-co NBITS=12"),
        jpeg("external overviews", "rgb8", "").then("gdaladdo -r average -ro out.jpg 2 4"),
        webp("lossy", "rgb8", "").lossy(),
        webp("lossy, quality 100", "rgb8", "-co QUALITY=100").lossy(),
        webp("lossy, alpha", "rgba8", "").lossy(),
        webp("lossless", "rgb8", "-co LOSSLESS=YES"),
        webp("lossless, alpha", "rgba8", "-co LOSSLESS=YES -co EXACT=1"),
    ]
}

fn mosaics() -> Vec<Variant> {
    const VRT: &str = "VRT";
    let halves = |base: &str| {
        ["0 0 160 220 {}.tif left.tif", "160 0 140 220 {}.tif right.tif"]
            .map(|half| format!("gdal_translate -srcwin {}", half.replace("{}", base)))
    };
    let built = |name: &str, base: &str, options: &str| {
        let [left, right] = halves(base);
        let build = format!("gdalbuildvrt {options} out.vrt left.tif right.tif");
        Variant::of_commands(VRT, name, &[&left, &right, &build])
    };
    let translated =
        |name: &str, base, options: &str| Variant::new(VRT, name, base, &format!("-of VRT {options}"));
    let [left, right] = halves("rgb8");
    vec![
        built("two files side by side", "rgb8", ""),
        built("two files, 16 bits", "rgb16", ""),
        built("two files, float32", "rgb_f32", ""),
        built("two files with alpha", "rgba8", ""),
        built("alpha added", "rgb8", "-addalpha"),
        built("nodata", "nodata", "-srcnodata 7 -vrtnodata 7"),
        built("other nodata in the VRT", "nodata", "-srcnodata 7 -vrtnodata 9"),
        built("some bands", "rgb8", "-b 3 -b 1"),
        built("nodata hidden", "nodata", "-hidenodata"),
        Variant::of_commands(
            VRT,
            "bands of several files",
            &["gdalbuildvrt -separate out.vrt grey8.tif ones.tif"],
        ),
        Variant::of_commands(
            VRT,
            "overviews of its sources",
            &[
                &left,
                &right,
                "gdaladdo -r average left.tif 2",
                "gdaladdo -r average right.tif 2",
                "gdalbuildvrt out.vrt left.tif right.tif",
            ],
        ),
        built("overviews of its own", "rgb8", "").then("gdaladdo -r average out.vrt 2 4"),
        translated("all of a file", "rgb8", ""),
        translated("a window", "rgb16", "-srcwin 33 21 120 90"),
        translated("bands in another order", "rgb16", "-b 3 -b 2 -b 1"),
        translated("scaled values", "rgb16", "-ot Byte -scale 0 60000 0 255"),
        translated("scaled values, float32", "rgb16", "-ot Float32 -scale 0 60000 0 1"),
        translated("scaled by a power", "rgb16", "-ot Byte -scale 0 60000 0 255 -exponent 0.5"),
        translated("half size, nearest", "rgb8", "-outsize 150 110 -r nearest"),
        translated("half size, average", "rgb8", "-outsize 150 110 -r average"),
        translated("double size, nearest", "rgb8", "-outsize 600 440 -r nearest"),
        translated("double size, cubic", "rgb8", "-outsize 600 440 -r cubic"),
        translated("palette", "palette", ""),
        translated("palette as colours", "palette", "-expand rgb"),
        translated("mask", "masked", ""),
        Variant::of_commands(
            VRT,
            "warped",
            &["gdalwarp -t_srs EPSG:3857 -s_srs EPSG:32633 -of VRT rgb8.tif out.vrt"],
        ),
    ]
}
