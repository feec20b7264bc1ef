//! What leaves the window: pictures, files of boxes, screenshots.

use super::*;

#[test]
fn boxes_and_pictures_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    for what in [
        What::Picture,
        What::View,
        What::GeoJsonPixels,
        What::Csv,
        What::Json,
        What::Gpkg,
        What::Coco,
        What::Yolo,
    ] {
        let path = folder.path().join(format!("{what:?}.{}", what.extension()));
        let target = ExportTarget { what, path: path.clone() };
        perform(&mut window, Action::Export(target));
        wait_for(&mut window, "the export", |app| app.results.export_job().is_none());
        assert_eq!(app(&window).chrome.error(), None);
        assert!(std::fs::metadata(&path).unwrap().len() > 0, "{what:?}");
    }
    let saved = image::open(folder.path().join("Picture.png")).unwrap();
    assert_eq!((saved.width(), saved.height()), (300, 200));
    for (what, name) in [(What::GeoJson, "GeoJSON"), (What::Kml, "KML"), (What::Kmz, "KMZ")] {
        let path = folder.path().join(format!("degrees.{}", what.extension()));
        perform(&mut window, Action::Export(ExportTarget { what, path: path.clone() }));
        wait_for(&mut window, "the refusal", |app| app.chrome.error().is_some());
        let error = app(&window).chrome.error().unwrap().to_owned();
        assert!(error.contains("no georeference") && error.contains(name), "{error}");
        assert!(!path.exists());
        window.state_mut().as_mut().unwrap().chrome.dismiss_error();
    }
    let target = ExportTarget { what: What::Csv, path: folder.path().join("no/such/folder.csv") };
    perform(&mut window, Action::Export(target));
    wait_for(&mut window, "the error", |app| app.chrome.error().is_some());
}

#[test]
fn an_export_says_what_was_accepted_and_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(Options { keywords: vec!["harbor".to_owned()], ..scannable(folder.path()) });
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    scan(&mut window);
    app_run(&mut window, UiCommand::NextDetection);
    app_run(&mut window, UiCommand::Accept);
    app_run(&mut window, UiCommand::NextDetection);
    app_run(&mut window, UiCommand::Reject);
    let saved = |window: &mut Window, what: What, name: &str| -> serde_json::Value {
        let path = folder.path().join(name);
        perform(window, Action::Export(ExportTarget { what, path: path.clone() }));
        wait_for(window, "the export", |app| app.results.export_job().is_none());
        assert_eq!(app(window).chrome.error(), None);
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
    };
    let given = app(&window).results.feedback().given();
    let report = saved(&mut window, What::Json, "found.json");
    let said = |place: &[crate::raster::Rect], verdict: &str| {
        for found in report["detections"].as_array().unwrap() {
            let at = |name: &str| u32::try_from(found[name].as_u64().unwrap()).unwrap();
            let rect = crate::raster::Rect::new(at("x"), at("y"), at("width"), at("height"));
            assert_eq!(found["verdict"] == verdict, place.contains(&rect), "{found}");
        }
    };
    assert_eq!((given[0].accepted.len(), given[0].rejected.len()), (1, 1));
    said(&given[0].accepted, "accepted");
    said(&given[0].rejected, "rejected");
    let listed = report["detections"].as_array().unwrap();
    assert!(listed.iter().any(|found| found["verdict"] == "accepted"), "{listed:?}");
    let rejected = listed.iter().filter(|found| found["verdict"] == "rejected").count();
    // What was rejected is nothing to learn from.
    let coco = saved(&mut window, What::Coco, "coco.json");
    assert_eq!(coco["annotations"].as_array().unwrap().len(), listed.len() - rejected);
    let geojson = saved(&mut window, What::GeoJsonPixels, "found.geojson");
    assert!(geojson.to_string().contains("\"verdict\":\"accepted\""));
}

#[test]
fn the_export_says_which_keywords_have_no_clear_match() {
    use crate::search::Threshold;
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        keywords: vec!["harbor".to_owned(), "beach".to_owned()],
        overrides: ScanOverrides {
            // No cosine of an image and a sentence is as large.
            rank_by: Some(crate::search::RankBy::Cosine),
            threshold: Some(Threshold::AtLeast(1.0)),
            ..small_windows()
        },
        ..scannable(folder.path())
    };
    let mut window = window(options);
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    scan(&mut window);
    let path = folder.path().join("found.json");
    let target = ExportTarget { what: What::Json, path: path.clone() };
    perform(&mut window, Action::Export(target));
    wait_for(&mut window, "the export", |app| app.results.export_job().is_none());
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(report["threshold"], "1");
    assert_eq!(report["no_clear_match"], serde_json::json!(["harbor", "beach"]));
    assert_eq!(report["detections"], serde_json::json!([]));
    assert_eq!(report["prompt"], "a photo of a {}");
}

#[test]
fn a_screenshot_waits_for_crops_and_heat_map() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(Options { keywords: vec!["harbor".to_owned()], ..scannable(folder.path()) });
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    scan(&mut window);
    wait_for(&mut window, "everything", App::shows_everything);
    for command in [UiCommand::ToggleHeatMap, UiCommand::ToggleGallery] {
        let ctx = window.ctx.clone();
        window.state_mut().as_mut().unwrap().run(&ctx, command);
        window.step();
        assert!(!app(&window).shows_everything(), "{command:?}");
        wait_for(&mut window, "the rest", App::shows_everything);
    }
    assert!(app(&window).search.ranking().heat_map.is_some());
}

#[test]
fn boxes_come_in_the_frame_of_the_letter_that_asks_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_that_keeps(folder.path());
    click(&mut window, "Keywords");
    // A busy machine may miss the moment now and then.
    let at_once = (0..20).any(|number| {
        let word = format!("word{number}");
        window.state_mut().as_mut().unwrap().search_panel.keywords_mut().input.clear();
        window.run_steps(5);
        window.get_by_label("Keywords").type_text(&word);
        window.step();
        app(&window).search.ranking().detections.iter().any(|detection| detection.keyword == word)
    });
    assert!(at_once);
}
