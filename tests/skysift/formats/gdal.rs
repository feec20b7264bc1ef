//! GDAL's programs, and the pixels as GDAL reads them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use skysift::raster::{SampleType, Samples};

/// "GDAL 3.6.2".
pub fn version() -> String {
    let run = Command::new("gdal_translate").arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    text.split(',').next().unwrap_or_default().to_owned()
}

/// Runs one command line in a folder.
pub fn run(folder: &Path, command: &str) -> Result<(), String> {
    let mut words = command.split_whitespace();
    let mut program = Command::new(words.next().unwrap());
    let run = program.args(words).current_dir(folder).output().map_err(|error| error.to_string())?;
    if run.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&run.stderr).into_owned()) }
}

/// What GDAL says of a file.
pub struct Facts(Value);

impl Facts {
    pub fn of(file: &Path) -> Option<Self> {
        let run = Command::new("gdalinfo").args(["-json", "-norat"]).arg(file).output().ok()?;
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        serde_json::from_str(&text).ok().map(Self)
    }

    fn band(&self) -> &Value {
        &self.0["bands"][0]
    }

    pub fn overviews(&self) -> Vec<(u32, u32)> {
        let side = |value: &Value| u32::try_from(value.as_u64().unwrap_or(0)).unwrap_or(0);
        let list = self.band()["overviews"].as_array();
        let size = |overview: &Value| (side(&overview["size"][0]), side(&overview["size"][1]));
        list.into_iter().flatten().map(size).collect()
    }

    /// Whether all bands share one mask: alpha, a mask band, or the nodata value of the only band.
    pub fn has_mask(&self) -> bool {
        let flags = self.band()["mask"]["flags"].as_array();
        let flag = |name| flags.is_some_and(|flags| flags.iter().any(|flag| flag == name));
        flag("PER_DATASET")
            || flag("NODATA") && self.0["bands"].as_array().is_some_and(|bands| bands.len() == 1)
    }

    /// Whether the last band is alpha.
    pub fn adds_alpha(&self) -> bool {
        let last = self.0["bands"].as_array().and_then(|bands| bands.last());
        last.is_some_and(|band| band["colorInterpretation"] == "Alpha")
    }

    pub fn is_complex(&self) -> bool {
        self.band()["type"].as_str().is_some_and(|kind| kind.starts_with('C'))
    }

    pub fn has_palette(&self) -> bool {
        self.band()["colorInterpretation"] == "Palette"
    }
}

/// Driver and structure of a file that others wrote.
pub fn words(file: &Path) -> String {
    let Some(Facts(facts)) = Facts::of(file) else { return "not opened".to_owned() };
    let block = &facts["bands"][0]["block"];
    let structure = &facts["metadata"]["IMAGE_STRUCTURE"];
    let mut words = vec![facts["driverShortName"].as_str().unwrap_or_default().to_owned()];
    words.extend(structure["COMPRESSION"].as_str().map(str::to_owned));
    words.extend(structure["INTERLEAVE"].as_str().map(|interleave| format!("INTERLEAVE={interleave}")));
    words.push(format!("blocks of {} x {}", block[0], block[1]));
    words.join(", ")
}

/// ENVI's number of complex floating point numbers of twice 64 bits.
const COMPLEX: u32 = 9;

/// The magnitudes of complex numbers.
fn decibels(data: &[u8]) -> Vec<u8> {
    let part = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap());
    let magnitude = |pair: &[u8]| part(&pair[..8]).hypot(part(&pair[8..]));
    data.chunks_exact(16).flat_map(|pair| ((20.0 * magnitude(pair).log10()) as f32).to_ne_bytes()).collect()
}

/// The pixels of a file as GDAL reads them, with more options for `gdal_translate`.
pub fn pixels(file: &Path, options: &str) -> Result<Samples, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let dump = folder.path().join("dump.img");
    let mut program = Command::new("gdal_translate");
    program.args(["-q", "-of", "ENVI", "-co", "INTERLEAVE=BIP"]).args(options.split_whitespace());
    if Facts::of(file).is_some_and(|facts| facts.is_complex()) {
        program.args(["-ot", "CFloat64"]);
    }
    let run = program.arg(file).arg(&dump).output().map_err(|error| error.to_string())?;
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into_owned());
    }
    let header = std::fs::read_to_string(dump.with_extension("hdr")).map_err(|error| error.to_string())?;
    let number = |name: &str| {
        let line = header.lines().find(|line| line.split('=').next().is_some_and(|key| key.trim() == name));
        let value =
            line.and_then(|line| line.split('=').nth(1)).and_then(|value| value.trim().parse::<u32>().ok());
        value.ok_or_else(|| format!("no {name} in the dump"))
    };
    let kind = number("data type")?;
    let sample_type = match kind {
        1 => SampleType::Uint8,
        2 => SampleType::Int16,
        3 => SampleType::Int32,
        4 | COMPLEX => SampleType::Float32,
        5 => SampleType::Float64,
        12 => SampleType::Uint16,
        13 => SampleType::Uint32,
        14 => SampleType::Int64,
        15 => SampleType::Uint64,
        other => return Err(format!("samples of ENVI's kind {other}")),
    };
    let mut data = std::fs::read(&dump).map_err(|error| error.to_string())?;
    if cfg!(target_endian = "big") && kind != COMPLEX {
        data.chunks_exact_mut(sample_type.bytes()).for_each(<[u8]>::reverse);
    }
    if kind == COMPLEX {
        data = decibels(&data);
    }
    Ok(Samples {
        width: number("samples")?,
        height: number("lines")?,
        bands: number("bands")? as usize,
        sample_type,
        data,
    })
}
