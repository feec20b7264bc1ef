//! The heat map that `detect` writes, as GDAL reads it, where GDAL is installed.

use serde_json::Value;

use crate::support::{fixture, gdal, skysift, tiny_model};

#[test]
fn gdal_finds_the_heat_map_on_its_scene_and_highest_at_the_best_window() {
    let folder = tempfile::tempdir().unwrap();
    // A pixel is half a metre wide and a metre high.
    std::fs::copy(fixture("thesis/scene.png"), folder.path().join("photo.png")).unwrap();
    let place = "-a_srs EPSG:32633 -a_ullr 500000 5500000 500200 5499700";
    let cut = format!("gdal_translate -q -srcwin 800 300 400 300 {place} photo.png scene.tif");
    if gdal(folder.path(), &cut).is_none() {
        return;
    }
    let run = skysift()
        .args(["detect", "scene.tif", "-k", "harbor", "--tile", "20", "--window", "2", "--device", "cpu"])
        .args(["--heatmap", "heat.tif", "--heatmap-blend", "max", "--top", "1", "--model"])
        .arg(tiny_model())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let found: Value = serde_json::from_slice(&run.stdout).unwrap();

    let info = |file: &str| -> Value {
        serde_json::from_str(&gdal(folder.path(), &format!("gdalinfo -json {file}")).unwrap()).unwrap()
    };
    let (scene, heat) = (info("scene.tif"), info("heat.tif"));
    let corners = |info: &Value, corner: &str| -> Vec<f64> {
        let corner = info["cornerCoordinates"][corner].as_array().unwrap();
        corner.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    for corner in ["upperLeft", "lowerRight"] {
        let (of_scene, of_heat) = (corners(&scene, corner), corners(&heat, corner));
        for (one, other) in of_scene.iter().zip(&of_heat) {
            assert!((one - other).abs() < 1e-6, "{corner}: {of_scene:?} and {of_heat:?}");
        }
    }
    assert!(heat["coordinateSystem"]["wkt"].as_str().unwrap().contains("ID[\"EPSG\",32633]"));
    assert_eq!(heat["bands"][0]["type"], "Float32");
    assert_eq!(heat["bands"][0]["noDataValue"], "NaN");

    // Lines of map x, map y and value.
    let cells = gdal(folder.path(), "gdal_translate -q -of XYZ heat.tif /vsistdout/").unwrap();
    let highest = cells
        .lines()
        .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<f64>>())
        .filter(|cell| !cell[2].is_nan())
        .max_by(|a, b| a[2].total_cmp(&b[2]))
        .unwrap();
    let best = &found["detections"][0];
    let number = |name: &str| best[name].as_f64().unwrap();
    let (x, y) = ((highest[0] - 500_000.0) / 0.5, 5_500_000.0 - highest[1]);
    assert!(x >= number("x") && x <= number("x") + number("width"), "{highest:?} and {best}");
    assert!(y >= number("y") && y <= number("y") + number("height"), "{highest:?} and {best}");
}
