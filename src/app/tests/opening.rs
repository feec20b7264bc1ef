//! Tests of scenes that are opened, and how they are shown.

use super::*;

/// Chooses an entry of a list by its names.
fn choose(window: &mut Window, list: &str, entry: &str) {
    let node = window.get_by_role_and_label(egui::accesskit::Role::ComboBox, list);
    node.scroll_to_me();
    window.run_steps(4);
    window.get_by_role_and_label(egui::accesskit::Role::ComboBox, list).click();
    window.run_steps(4);
    click(window, entry);
}

/// A file as the system hands it over when it is dropped.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn a_new_window_says_how_to_begin() {
    let window = window(Options::default());
    window.get_by_label_contains("Drop an image here");
    window.get_by_label("Open an image first.");
}

#[test]
fn every_control_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let window = window_with_picture(folder.path());
    window.check_accessibility();
}

#[test]
fn a_bad_file_is_explained_and_the_scene_before_stays() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("notes.tif");
    std::fs::write(&bad, "these are notes, not pixels").unwrap();
    let mut window = window(Options { image: Some(picture(folder.path())), ..Options::default() });
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    perform(&mut window, Action::Open(bad));
    wait_for(&mut window, "the error", |app| app.chrome.error().is_some());
    window.get_by_label_contains("notes.tif");
    assert!(app(&window).scene.is_open());
    click(&mut window, "Dismiss");
    assert_eq!(app(&window).chrome.error(), None);
}

#[test]
fn a_warning_of_a_scene_leaves_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    let app_mut = window.state_mut().as_mut().unwrap();
    app_mut.tell_incomplete("3 of 10 windows could not be read".to_owned());
    window.run_steps(3);
    window.get_by_label_contains("3 of 10 windows");
    let other = folder.path().join("other.png");
    image::RgbImage::new(40, 30).save(&other).unwrap();
    let ctx = window.ctx.clone();
    let app_mut = window.state_mut().as_mut().unwrap();
    app_mut.open(&ctx, other);
    // Told while the next scene is being opened.
    app_mut.tell_incomplete("3 of 10 windows could not be read".to_owned());
    wait_for(&mut window, "the scene", |app| app.scene.size().unwrap() == (40, 30));
    assert_eq!(app(&window).chrome.error(), None);
}

#[test]
fn a_dropped_file_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(Options::default());
    let file = Dropped(picture(folder.path()));
    window.input_mut().dropped_files.push(std::sync::Arc::new(file));
    window.step();
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    assert_eq!(app(&window).scene.size().unwrap(), (300, 200));
}

#[test]
fn the_last_scene_asked_for_wins() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (picture(folder.path()), folder.path().join("second.png"));
    image::RgbImage::new(40, 30).save(&second).unwrap();
    let mut window = window(Options::default());
    let ctx = window.ctx.clone();
    let app_mut = window.state_mut().as_mut().unwrap();
    app_mut.open(&ctx, first);
    app_mut.open(&ctx, second);
    wait_for(&mut window, "the scene", |app| app.scene.is_open() && app.scene.opening().is_none());
    assert_eq!(app(&window).scene.size().unwrap(), (40, 30));
}

#[test]
fn an_image_without_a_place_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let window = window_with_picture(folder.path());
    window.get_by_label("No georeference: pixels only");
}

#[test]
fn the_picture_follows_its_controls_and_the_scan_does_not() {
    use crate::raster::{Bands, Stretch};
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    wait_for(&mut window, "the histogram", |app| app.scene.open_scene().unwrap().display().settled());
    window.get_by_label_contains("Skysift scans bands 1, 2, 3 as stored");
    window.get_by_label_contains("Histogram, Red: black at 0, white at 255");
    choose(&mut window, "Stretch", "Minimum to maximum");
    wait_for(&mut window, "the stretch", |app| app.scene.open_scene().unwrap().display().settled());
    window.get_by_label_contains("Histogram, Blue: black at 0, white at 199");
    choose(&mut window, "Colours", "Single band");
    wait_for(&mut window, "the band", |app| app.scene.open_scene().unwrap().display().settled());
    let rendering = app(&window).scene.open_scene().unwrap().display().shown().settings().clone();
    assert_eq!((rendering.bands, rendering.stretch), (Bands::Single(0), Stretch::MinMax));
    window.check_accessibility();

    // Pictures are saved as they are seen: in grey.
    let path = folder.path().join("seen.png");
    let target = ExportTarget { what: What::Picture, path: path.clone() };
    perform(&mut window, Action::Export(target));
    wait_for(&mut window, "the export", |app| app.results.export_job().is_none());
    let saved = image::open(&path).unwrap().into_rgb8();
    assert!(saved.pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));

    let scene = std::sync::Arc::clone(app(&window).scene.scene().unwrap());
    assert_eq!(scene.read(0, crate::raster::Rect::new(5, 6, 1, 1)).unwrap().rgba, [5, 90, 6, 255]);
    window.get_by_label("Reset picture").scroll_to_me();
    window.run_steps(4);
    click(&mut window, "Reset picture");
    wait_for(&mut window, "the reset", |app| app.scene.open_scene().unwrap().display().settled());
    assert_eq!(
        app(&window).scene.open_scene().unwrap().display().shown().settings(),
        scene.display_settings()
    );
}

#[test]
fn the_sample_scene_shows_boxes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    click(&mut window, "256");
    click(&mut window, "Open the sample scene");
    assert!(
        app(&window).scene.opening().is_some() && app(&window).search_panel.keywords().words() == ["harbor"]
    );
    window.get_by_label_contains("Preparing the sample scene");
    wait_for(&mut window, "the scan", |app| matches!(app.search.progress(), ScanState::Finished(_)));
    assert_eq!(app(&window).scene.size().unwrap(), (4096, 4096));
    assert!(app(&window).scene.scene().unwrap().path().starts_with(folder.path()));
    assert_eq!(app(&window).search.ranking().len(), 5);
    assert!(app(&window).settings.recent_scenes.is_empty());
}

#[test]
fn the_list_of_shortcuts_fits_into_the_window() {
    let mut window = window(Options::default());
    app_run(&mut window, UiCommand::Help);
    window.run_steps(3);
    let first = window.get_by_label("Zoom at the pointer").rect();
    assert!(first.top() > 30.0 && first.bottom() < 800.0, "{first}");
}
