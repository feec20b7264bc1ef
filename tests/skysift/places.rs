//! Where scenes lie: coordinate systems of every kind, written in every way, and what places an image
//! besides.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use skysift::raster::Scene;
use tiff_reader::{Tag, TagValue};
use tiff_writer::{ImageBuilder, TiffWriter, WriteOptions};

use super::support::{fixture, shared};

/// A scene of 4 x 4 pixels around a position, a hundredth of a unit each.
fn transform(x: f64, y: f64) -> [f64; 6] {
    [x - 0.02, 0.01, 0.0, y + 0.02, 0.0, -0.01]
}

#[allow(clippy::many_single_char_names, reason = "the coefficients of a transform have no other names")]
fn write_vrt(path: &Path, system: &str, [a, b, c, d, e, f]: [f64; 6], size: (u32, u32), more: &str) {
    let escaped = system.replace('&', "&amp;").replace('<', "&lt;");
    let system = if system.is_empty() { String::new() } else { format!("<SRS>{escaped}</SRS>") };
    let (width, height) = size;
    let text = format!(
        "<VRTDataset rasterXSize=\"{width}\" rasterYSize=\"{height}\">{system}\
         <GeoTransform>{a},{b},{c},{d},{e},{f}</GeoTransform>{more}\
         <VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>\
         <SourceFilename relativeToVRT=\"1\">pixels.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    );
    let pixels = path.with_file_name("pixels.tif");
    if !pixels.exists() {
        write_tiff(&pixels, size, |image| image);
    }
    std::fs::write(path, text).unwrap();
}

fn middle(scene: &Scene) -> Option<(f64, f64)> {
    let (width, height) = scene.size();
    scene.lon_lat(f64::from(width) / 2.0, f64::from(height) / 2.0)
}

/// Metres between two near places in degrees.
fn metres((lon, lat): (f64, f64), (other_lon, other_lat): (f64, f64)) -> f64 {
    let turn = (other_lon - lon + 180.0).rem_euclid(360.0) - 180.0;
    (turn * lat.to_radians().cos()).hypot(other_lat - lat) * 111_195.0
}

fn expected(entry: &Value) -> ((f64, f64), (f64, f64)) {
    let number = |name: &str| entry[name].as_f64().unwrap();
    ((number("x"), number("y")), (number("lon"), number("lat")))
}

/// Collects what lies elsewhere than it should.
#[derive(Default)]
struct Tally {
    count: usize,
    wrong: String,
}

impl Tally {
    fn add(&mut self, what: &str, scene: &Scene, place: (f64, f64), most: f64) {
        self.count += 1;
        match middle(scene) {
            Some(found) if metres(found, place) <= most => {}
            Some(found) => {
                let _ = writeln!(self.wrong, "{what}: {:.2} m off", metres(found, place));
            }
            None => {
                let _ = writeln!(self.wrong, "{what}: {:?}", scene.why_no_lon_lat());
            }
        }
    }

    fn check(&self, least: usize) {
        assert!(self.count >= least, "only {}", self.count);
        assert!(self.wrong.is_empty(), "of {}:\n{}", self.count, self.wrong);
    }
}

fn systems() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("places/systems.json")).unwrap()).unwrap()
}

#[test]
fn every_kind_of_code_is_where_proj_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vrt");
    let mut tally = Tally::default();
    for entry in systems()["codes"].as_array().unwrap() {
        let ((x, y), place) = expected(entry);
        let code = entry["code"].as_str().unwrap();
        write_vrt(&path, code, transform(x, y), (4, 4), "");
        let scene = Scene::open(&path).unwrap();
        tally.add(code, &scene, place, 1.0);
        let epsg = code.strip_prefix("EPSG:").map(|code| code.parse().unwrap());
        assert_eq!(scene.info().epsg, epsg, "{code}");
    }
    tally.check(150);
}

#[test]
fn every_way_of_writing_a_system_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vrt");
    let mut tally = Tally::default();
    for entry in systems()["texts"].as_array().unwrap() {
        let ((x, y), place) = expected(entry);
        let text = entry["text"].as_str().unwrap();
        let what = format!("{} as {}", entry["of"], entry["form"]);
        // ESRI's words stand in a file of their own.
        let prj = path.with_extension("prj");
        let _ = std::fs::remove_file(&prj);
        if entry["form"] == "wkt1_esri" {
            std::fs::write(&prj, text).unwrap();
            write_vrt(&path, "", transform(x, y), (4, 4), "");
        } else {
            write_vrt(&path, text, transform(x, y), (4, 4), "");
        }
        tally.add(&what, &Scene::open(&path).unwrap(), place, 1.0);
    }
    // 48 systems in five ways of writing, but for those that can't be written in one.
    tally.check(234);
}

/// Writes a small `GeoTIFF` with these keys: numbers, lists of numbers, texts.
#[allow(clippy::many_single_char_names, reason = "the coefficients of a transform have no other names")]
fn write_geotiff(path: &Path, keys: &[(u16, Value)], [a, b, c, d, e, f]: [f64; 6]) {
    let (mut directory, mut doubles, mut ascii) = (vec![1, 1, 0, 0_u16], Vec::new(), String::new());
    let mut keys = keys.to_vec();
    keys.push((1025, Value::from(1)));
    keys.sort_by_key(|(key, _)| *key);
    for (key, value) in &keys {
        let entry = match value {
            Value::Number(number) if number.is_u64() => [*key, 0, 1, number.as_u64().unwrap() as u16],
            Value::String(text) => {
                let start = ascii.len() as u16;
                let _ = write!(ascii, "{text}|");
                [*key, 34737, text.len() as u16 + 1, start]
            }
            value => {
                let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
                let start = doubles.len() as u16;
                doubles.extend(list.iter().map(|number| number.as_f64().unwrap()));
                [*key, 34736, list.len() as u16, start]
            }
        };
        directory.extend(entry);
    }
    directory[3] = keys.len() as u16;
    let matrix = [a, b, 0.0, 0.0, d, e, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let mut matrix = matrix;
    (matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7]) = (b, c, a, e, f, d);
    write_tiff(path, (4, 4), |image| {
        let mut image = image
            .tag(Tag::new(34264, TagValue::Double(matrix.to_vec())))
            .tag(Tag::new(34735, TagValue::Short(directory.clone())));
        if !doubles.is_empty() {
            image = image.tag(Tag::new(34736, TagValue::Double(doubles.clone())));
        }
        if !ascii.is_empty() {
            image = image.tag(Tag::new(34737, TagValue::Ascii(ascii.clone())));
        }
        image
    });
}

fn write_tiff(path: &Path, (width, height): (u32, u32), tags: impl FnOnce(ImageBuilder) -> ImageBuilder) {
    let mut writer = TiffWriter::new(std::fs::File::create(path).unwrap(), WriteOptions::auto()).unwrap();
    let image =
        tags(ImageBuilder::new(width, height).sample_type::<u8>().samples_per_pixel(1).strips(height));
    let handle = writer.add_image(image).unwrap();
    writer.write_block(&handle, 0, &vec![7_u8; (width * height) as usize]).unwrap();
    writer.finish().unwrap();
}

#[test]
fn systems_that_geokeys_define_themselves_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let mut tally = Tally::default();
    for entry in systems()["keys"].as_array().unwrap() {
        let ((x, y), place) = expected(entry);
        let keys: Vec<(u16, Value)> = entry["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| (key[0].as_u64().unwrap() as u16, key[1].clone()))
            .collect();
        write_geotiff(&path, &keys, transform(x, y));
        let scene = Scene::open(&path).unwrap();
        tally.add(entry["name"].as_str().unwrap(), &scene, place, 1.0);
        assert_eq!(scene.info().epsg.is_some(), entry["name"] == "degrees", "{}", entry["name"]);
    }
    tally.check(40);
}

#[test]
fn keys_that_define_nothing_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let told = |keys: &[(u16, Value)], part: &str| {
        write_geotiff(&path, keys, transform(5e5, 5e6));
        let scene = Scene::open(&path).unwrap();
        assert_eq!((middle(&scene), scene.info().epsg), (None, None), "{keys:?}");
        let notices = scene.notices().list().join("\n");
        assert!(
            notices.contains("isn't one that Skysift knows") && notices.contains(part),
            "{keys:?}: {notices}"
        );
        assert!(scene.info().bounds.is_some(), "{keys:?}");
    };
    let user = || (3072, Value::from(32767));
    told(&[(1024, 1.into()), (3072, 29999.into())], "29999");
    told(&[(1024, 1.into()), user(), (3073, "my town".into())], "(my town)");
    told(&[(1024, 1.into()), user(), (2048, 4326.into()), (3075, 99.into())], "99");
    told(
        &[(1024, 1.into()), user(), (2048, 32767.into()), (3075, 1.into())],
        "neither a datum nor an ellipsoid",
    );
    told(&[(1024, 3.into()), (2048, 4978.into())], "centre of the earth");
    told(&[(1024, 2.into()), (2048, 32767.into())], "neither a datum nor an ellipsoid");
    // A name that an authority gives is as good as its code.
    write_geotiff(
        &path,
        &[(1024, 1.into()), user(), (3073, "WGS 84 / UTM zone 33N".into())],
        transform(5e5, 5e6),
    );
    assert_eq!(Scene::open(&path).unwrap().info().epsg, Some(32633));
}

#[test]
fn cases_of_the_past_lie_where_they_should() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("data/cases");
    let truth: Value = serde_json::from_slice(&std::fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let mut tally = Tally::default();
    for (name, case) in truth.as_object().unwrap() {
        let Some(place) = case["middle_lon_lat"].as_array() else { continue };
        let place = (place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
        let scene = Scene::open(&folder.join(name)).unwrap();
        // Whole numbers of coefficients are the centres of pixels, as for GDAL, which is half a pixel of 72 m
        // here.
        let most = if name == "rpc_only.tif" { 40.0 } else { 20.0 };
        tally.add(name, &scene, place, most);
        let official =
            ["gml_northing_first_2193.jp2", "paris_meridian_27572.tif", "pole_3031.tif", "rpc_only.tif"];
        let official = official.contains(&name.as_str());
        assert_eq!(scene.info().epsg.is_some(), official, "{name}: {:?}", scene.info().epsg);
    }
    tally.check(9);
    let pole = Scene::open(&folder.join("pole_3031.tif")).unwrap();
    let [west, south, east, north] = pole.info().bounds_lon_lat.unwrap();
    assert!([west, south, east] == [-180.0, -90.0, 180.0] && (north + 77.037).abs() < 0.01, "{north}");
    let rpc = Scene::open(&folder.join("rpc_only.tif")).unwrap();
    assert!(rpc.info().georeference_approximate);
    assert!(rpc.notices().list()[0].contains("approximate"), "{:?}", rpc.notices());
    let feet = Scene::open(&folder.join("units_us_foot_on_32118.tif")).unwrap();
    assert_eq!(feet.axis_units().as_deref(), Some("US survey feet"));
}

/// All codes of the EPSG data set, beside PROJ: a part of them, or all with `SKYSIFT_ALL_CODES=1`, when the
/// counts are printed for docs/formats.md.
#[test]
fn no_code_is_far_off_in_silence() {
    let Some(shared) = shared() else { return };
    let all = std::env::var_os("SKYSIFT_ALL_CODES").is_some();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vrt");
    let text = std::fs::read_to_string(shared.join("data/epsg_centres.csv")).unwrap();
    // Within 5, 50 and 500 metres, and beyond; refused; approximate, and said so.
    let (mut within, mut refused, mut approximate, mut nowhere) = ([0; 4], 0, 0, 0);
    let mut far = String::new();
    for line in text.lines().skip(1).step_by(if all { 1 } else { 40 }) {
        let mut words = line.split(',');
        let code = words.next().unwrap().to_owned();
        let [x, y, lon, lat] = [(); 4].map(|()| words.next().unwrap().parse::<f64>().unwrap());
        if !(lon.is_finite() && lat.is_finite()) {
            // PROJ has none for it.
            nowhere += 1;
            continue;
        }
        write_vrt(&path, &format!("EPSG:{code}"), [x - 2e-6, 1e-6, 0.0, y + 2e-6, 0.0, -1e-6], (4, 4), "");
        let scene = Scene::open(&path).unwrap();
        let told = scene.notices().list();
        approximate += usize::from(scene.info().georeference_approximate);
        assert_eq!(
            scene.info().georeference_approximate,
            told.iter().any(|told| told.contains("approximate"))
        );
        if let Some(found) = middle(&scene) {
            let off = metres(found, (lon, lat));
            let class = [5.0, 50.0, 500.0].iter().filter(|limit| off > **limit).count();
            within[class] += 1;
            if class > 0 {
                // Nothing is off in silence.
                assert!(scene.info().georeference_approximate, "EPSG:{code} is {off:.0} m off");
                let _ = writeln!(far, "EPSG:{code}: {off:.0} m, {told:?}");
            }
        } else {
            refused += 1;
            assert!(!told.is_empty(), "EPSG:{code} is refused in silence");
            let _ = writeln!(far, "EPSG:{code}: {told:?}");
        }
    }
    let count = within.iter().sum::<usize>() + refused;
    println!(
        "{count} codes: {} within 5 m, {} within 50 m, {} within 500 m, {} beyond, {refused} refused; {approximate} marked as \
         approximate; {nowhere} more without a place\n{far}",
        within[0], within[1], within[2], within[3]
    );
    assert_eq!(within[3], 0, "{far}");
    assert!((within[0] + within[1]) * 5846 >= 5600 * count, "{far}");
}

#[test]
fn what_a_text_claims_but_does_not_describe_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vrt");
    let entry = systems();
    let texts = entry["texts"].as_array().unwrap();
    let official = texts.iter().find(|text| {
        text["form"] == "wkt1_gdal"
            && text["text"].as_str().unwrap().contains("UNIT[\"metre\",1,AUTHORITY[\"EPSG\",\"9001\"]]")
    });
    let text = official.unwrap()["text"].as_str().unwrap();
    write_vrt(&path, text, transform(5e5, 5e6), (4, 4), "");
    let code = Scene::open(&path).unwrap().info().epsg;
    assert!(code.is_some());
    let changed = text.replace("UNIT[\"metre\",1,AUTHORITY[\"EPSG\",\"9001\"]]", "UNIT[\"foot\",0.3048]");
    write_vrt(&path, &changed, transform(5e5, 5e6), (4, 4), "");
    let scene = Scene::open(&path).unwrap();
    assert_eq!((scene.info().epsg, scene.axis_units().as_deref()), (None, Some("feet")));
    assert!(scene.notices().list()[0].contains("the description counts"), "{:?}", scene.notices());
}

// What else places an image.

/// Names and numbers of rational polynomial coefficients: 100 x 100 pixels of 10 m, and a metre of height is
/// 0.5 m.
fn rpc() -> Vec<(String, f64)> {
    let mut items: Vec<(String, f64)> = [
        ("ERR_BIAS", 3.0),
        ("ERR_RAND", 0.0),
        ("LINE_OFF", 49.5),
        ("SAMP_OFF", 49.5),
        ("LAT_OFF", 30.0),
        ("LONG_OFF", -81.0),
        ("HEIGHT_OFF", 20.0),
        ("LINE_SCALE", 50.0),
        ("SAMP_SCALE", 50.0),
        ("LAT_SCALE", 0.0045),
        ("LONG_SCALE", 0.0052),
        ("HEIGHT_SCALE", 100.0),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    for (list, term, height) in [
        ("LINE_NUM_COEFF", (3, -1.0), 0.0),
        ("LINE_DEN_COEFF", (1, 1.0), 0.0),
        ("SAMP_NUM_COEFF", (2, 1.0), 0.1),
        ("SAMP_DEN_COEFF", (1, 1.0), 0.0),
    ] {
        for number in 1..=20 {
            let value = if number == term.0 {
                term.1
            } else if number == 4 {
                height
            } else {
                0.0
            };
            items.push((format!("{list}_{number}"), value));
        }
    }
    items
}

fn check_rpc(path: &Path) {
    let scene = Scene::open(path).unwrap();
    let found = middle(&scene).unwrap();
    assert!(metres(found, (-81.0, 30.0)) < 0.1, "{found:?}");
    let [west, south, east, north] = scene.info().bounds_lon_lat.unwrap();
    assert!((east - west - 0.0104).abs() < 1e-6 && (north - south - 0.009).abs() < 1e-6);
    let (x, y) = scene.pixel(-81.0, 30.0045).unwrap();
    assert!((x - 50.0).abs() < 0.01 && y.abs() < 0.01, "{x} {y}");
    let told = scene.notices().list().join("\n");
    // 100 m up and down are 50 m, and 3 m are the coefficients' own.
    assert!(told.contains("approximate") && told.contains("within about 54 m"), "{told}");
    assert!(scene.info().georeference_approximate);
}

#[test]
fn rational_polynomials_place_a_scene_nearly() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.tif");
    write_tiff(&plain, (100, 100), |image| image);
    assert_eq!(middle(&Scene::open(&plain).unwrap()), None);
    let items = rpc();
    let tagged = folder.path().join("tag.tif");
    let numbers: Vec<f64> = items.iter().map(|(_, value)| *value).collect();
    write_tiff(&tagged, (100, 100), |image| image.tag(Tag::new(50844, TagValue::Double(numbers.clone()))));
    check_rpc(&tagged);
    let copy = |name: &str| {
        let path = folder.path().join(name);
        std::fs::copy(&plain, &path).unwrap();
        path
    };
    let text =
        items.iter().fold(String::new(), |text, (name, value)| format!("{text}{name}: {value:+.10} x\n"));
    for (name, beside) in [("a.tif", "a_RPC.TXT"), ("b.tif", "b_rpc.txt")] {
        let path = copy(name);
        std::fs::write(folder.path().join(beside), &text).unwrap();
        check_rpc(&path);
    }
    let list = |name: &str| -> Vec<String> {
        let start = format!("{name}_COEFF_");
        items
            .iter()
            .filter(|(item, _)| item.starts_with(&start))
            .map(|(_, value)| value.to_string())
            .collect()
    };
    let one = |name: &str| items.iter().find(|(item, _)| item == name).unwrap().1;
    let mut block = "satId = \"XY01\";\nSpecId = \"RPC00B\";\nBEGIN_GROUP = IMAGE\n".to_owned();
    for (theirs, name) in [
        ("errBias", "ERR_BIAS"),
        ("lineOffset", "LINE_OFF"),
        ("sampOffset", "SAMP_OFF"),
        ("latOffset", "LAT_OFF"),
        ("longOffset", "LONG_OFF"),
        ("heightOffset", "HEIGHT_OFF"),
        ("lineScale", "LINE_SCALE"),
        ("sampScale", "SAMP_SCALE"),
        ("latScale", "LAT_SCALE"),
        ("longScale", "LONG_SCALE"),
        ("heightScale", "HEIGHT_SCALE"),
    ] {
        let _ = writeln!(block, "\t{theirs} = {};", one(name));
    }
    for (theirs, name) in [
        ("lineNumCoef", "LINE_NUM"),
        ("lineDenCoef", "LINE_DEN"),
        ("sampNumCoef", "SAMP_NUM"),
        ("sampDenCoef", "SAMP_DEN"),
    ] {
        let _ = writeln!(block, "\t{theirs} = (\n\t\t\t{});", list(name).join(",\n\t\t\t"));
    }
    let path = copy("c.tif");
    std::fs::write(folder.path().join("c.RPB"), block + "END_GROUP = IMAGE\nEND;\n").unwrap();
    check_rpc(&path);
    let path = copy("d.tif");
    let mut metadata = items[..12]
        .iter()
        .fold(String::new(), |text, (name, value)| format!("{text}<MDI key=\"{name}\">{value}</MDI>"));
    for name in ["LINE_NUM", "LINE_DEN", "SAMP_NUM", "SAMP_DEN"] {
        let _ = write!(metadata, "<MDI key=\"{name}_COEFF\">{}</MDI>", list(name).join(" "));
    }
    let metadata = format!("<Metadata domain=\"RPC\">{metadata}</Metadata>");
    std::fs::write(folder.path().join("d.tif.aux.xml"), format!("<PAMDataset>{metadata}</PAMDataset>"))
        .unwrap();
    check_rpc(&path);
    // A place that is exact counts more.
    let path = folder.path().join("e.vrt");
    write_vrt(&path, "EPSG:32633", transform(5e5, 5e6), (100, 100), &metadata);
    assert!(metres(middle(&Scene::open(&path).unwrap()).unwrap(), (15.0, 45.15)) < 3000.0);
    // Half a file is none.
    let path = copy("f.tif");
    std::fs::write(folder.path().join("f_RPC.TXT"), &text[..200]).unwrap();
    let scene = Scene::open(&path).unwrap();
    assert!(
        middle(&scene).is_none() && scene.notices().list()[0].contains("f_RPC.TXT"),
        "{:?}",
        scene.notices()
    );
}

#[test]
fn what_arcgis_notes_of_an_image_places_it() {
    let folder = tempfile::tempdir().unwrap();
    let wkt = systems()["texts"].as_array().unwrap().iter().find(|text| text["form"] == "wkt1_esri").unwrap()
        ["text"]
        .clone();
    let numbers = |points: &[f64]| {
        points.iter().fold(String::new(), |text, number| format!("{text}<Double>{number}</Double>"))
    };
    for (name, sign) in [("up.tif", -1.0), ("down.tif", 1.0)] {
        let path = folder.path().join(name);
        write_tiff(&path, (100, 100), |image| image);
        let source = numbers(&[0.0, 0.0, 100.0, 0.0, 0.0, sign * 100.0, 100.0, sign * 100.0]);
        let target = numbers(&[5e5, 5e6, 501_000.0, 5e6, 5e5, 4_999_000.0, 501_000.0, 4_999_000.0]);
        let form = format!(
            "<PAMDataset><Metadata domain=\"xml:ESRI\" format=\"xml\"><GeodataXform xmlns:xsi=\"x\" xsi:type=\"typens:PolynomialXform\">\
             <PolynomialOrder>1</PolynomialOrder><SpatialReference><WKT>{}</WKT></SpatialReference>\
             <SourceGCPs>{source}</SourceGCPs><TargetGCPs>{target}</TargetGCPs></GeodataXform></Metadata></PAMDataset>",
            wkt.as_str().unwrap()
        );
        let mut aux = path.clone().into_os_string();
        aux.push(".aux.xml");
        std::fs::write(PathBuf::from(aux), form).unwrap();
        let scene = Scene::open(&path).unwrap();
        let (x, y) = scene.map(25.0, 75.0).unwrap();
        assert!((x - 500_250.0).abs() < 1e-6 && (y - 4_999_250.0).abs() < 1e-6, "{name}: {x} {y}");
        assert!(scene.info().georeference_approximate && middle(&scene).is_some(), "{name}");
    }
}

#[test]
fn old_and_odd_prj_files_are_read_or_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vrt");
    write_vrt(&path, "", transform(5e5, 4e6), (4, 4), "");
    let open = |prj: &str| {
        std::fs::write(path.with_extension("prj"), prj).unwrap();
        Scene::open(&path).unwrap()
    };
    let arc = "Projection    UTM\nZunits        NO\nUnits         METERS\nZone          14\nDatum         NAD27\nParameters\n";
    for text in [arc, "+proj=utm +zone=14 +datum=NAD27 +units=m", "EPSG:26714", "NAD27 / UTM zone 14N"] {
        let found = middle(&open(text)).unwrap();
        assert!(metres(found, (-99.0, 36.147)) < 300.0, "{text}: {found:?}");
    }
    for text in
        ["PROJCS[\"Mine\",", "Projection STATEPLANE\nDatum NAD83\nUnits FEET\n", "a name that nobody knows"]
    {
        let scene = open(text);
        assert_eq!(middle(&scene), None, "{text}");
        assert!(
            scene.notices().list()[0].contains("isn't one that Skysift knows"),
            "{text}: {:?}",
            scene.notices()
        );
    }
    assert!(open("  \n").notices().list()[0].contains("names no reference system"));
}

#[test]
fn places_are_found_fast() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vrt");
    write_vrt(&path, "EPSG:27572", transform(6e5, 2.4e6), (4, 4), "");
    let scene = Scene::open(&path).unwrap();
    let start = std::time::Instant::now();
    let sum: f64 = (0..100_000).map(|step| scene.lon_lat(f64::from(step % 4), 1.0).unwrap().0).sum();
    let each = start.elapsed() / 100_000;
    println!("a place in {each:?} ({sum})");
    // A frame asks for a few dozen; this is far from what it takes, on the busiest machine.
    assert!(each < std::time::Duration::from_micros(200), "{each:?}");
    // Another thread makes its own way, without the database.
    let start = std::time::Instant::now();
    std::thread::scope(|scope| scope.spawn(|| scene.lon_lat(1.0, 1.0).unwrap()).join().unwrap());
    println!("the first place of a thread in {:?}", start.elapsed());
}
