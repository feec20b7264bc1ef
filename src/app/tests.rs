//! The window without a display: its controls found by their names, as a screen reader finds them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::search::{ModelState, Progress};
use super::{App, Options, Outcome, Settings, UiCommand};
use crate::clip::{Preset, write_random_model};

/// A window of the usual size; its state is made in the first frame.
type Window = Harness<'static, Option<App>>;

/// One scale and no suppression, as in the thesis.
fn thesis() -> Settings {
    Settings { also: Vec::new(), one_box: false, ..Settings::default() }
}

fn window(options: Options) -> Window {
    let show = move |ui: &mut egui::Ui, state: &mut Option<App>| {
        let ctx = ui.ctx().clone();
        let app = state.get_or_insert_with(|| App::new(&ctx, &options, thesis(), Outcome::default()));
        app.think(&ctx);
        app.show(ui);
    };
    let mut window = Harness::builder().with_size([1280.0, 800.0]).build_ui_state(show, None);
    window.run_steps(3);
    window
}

fn app(window: &Window) -> &App {
    window.state().as_ref().unwrap()
}

/// Runs frames until something has happened on another thread.
fn wait_for(window: &mut Window, what: &str, happened: impl Fn(&App) -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !happened(app(window)) {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
        window.step();
    }
    window.run_steps(3);
}

fn click(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    window.run_steps(3);
}

/// A window that shows [`picture`] and looks for harbors.
fn window_with_picture(folder: &Path) -> Window {
    let mut window = window(Options {
        image: Some(picture(folder)),
        keywords: vec!["harbor".to_owned()],
        ..Options::default()
    });
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    window
}

/// [`picture`] with a model that scans it in a moment, in windows of 64 pixels.
fn scannable(folder: &Path) -> Options {
    let model = folder.join("model");
    write_random_model(&model, Preset::Tiny, 1).unwrap();
    Options {
        image: Some(picture(folder)),
        model: Some(model),
        device: Some(crate::clip::DeviceChoice::Cpu),
        tile: Some(32),
        window: Some(2),
        ..Options::default()
    }
}

/// Types into the field for keywords and presses Enter.
fn type_keywords(window: &mut Window, text: &str) {
    window.get_by_label("Keywords").click();
    window.run_steps(2);
    window.get_by_label("Keywords").type_text(text);
    window.run_steps(2);
    window.key_press(egui::Key::Enter);
    window.run_steps(3);
}

/// A picture of 300 x 200 pixels, bright at the right.
fn picture(folder: &Path) -> PathBuf {
    let path = folder.join("picture.png");
    image::RgbImage::from_fn(300, 200, |x, y| {
        image::Rgb([u8::try_from(x % 256).unwrap(), 90, u8::try_from(y).unwrap()])
    })
    .save(&path)
    .unwrap();
    path
}

#[test]
fn keywords_come_and_go() {
    let mut window = window(Options::default());
    type_keywords(&mut window, "harbor");
    type_keywords(&mut window, "oil tank, harbor, ship");
    assert_eq!(app(&window).keywords.words(), ["harbor", "oil tank", "ship"]);
    click(&mut window, "Hide the boxes of oil tank");
    assert!(app(&window).keywords.find("oil tank").unwrap().hidden);
    click(&mut window, "Show the boxes of oil tank");
    assert!(!app(&window).keywords.find("oil tank").unwrap().hidden);
    click(&mut window, "Remove harbor");
    assert_eq!(app(&window).keywords.words(), ["oil tank", "ship"]);
    click(&mut window, "+ beach");
    assert_eq!(app(&window).keywords.words(), ["oil tank", "ship", "beach"]);
    assert!(window.query_by_label("+ beach").is_none());
}

#[test]
fn keys_are_letters_while_one_types() {
    let mut window = window(Options::default());
    let before = app(&window).settings.show_boxes;
    window.key_press(egui::Key::B);
    window.run_steps(2);
    assert_ne!(app(&window).settings.show_boxes, before);
    window.get_by_label("Keywords").click();
    window.run_steps(2);
    window.key_press(egui::Key::B);
    window.run_steps(2);
    assert_ne!(app(&window).settings.show_boxes, before);
}

#[test]
fn the_slash_leads_to_the_keywords_and_is_not_typed() {
    let mut window = window(Options::default());
    let boxes = app(&window).settings.show_boxes;
    let press = |key| egui::Event::Key {
        key,
        pressed: true,
        modifiers: egui::Modifiers::NONE,
        repeat: false,
        physical_key: None,
    };
    // All in one frame, as on a slow machine.
    window.input_mut().events.extend([
        press(egui::Key::Slash),
        egui::Event::Text("/".to_owned()),
        press(egui::Key::B),
        egui::Event::Text("b".to_owned()),
    ]);
    window.run_steps(3);
    assert_eq!(app(&window).keywords.input, "b");
    assert_eq!(app(&window).settings.show_boxes, boxes);
}

#[test]
fn settings_follow_the_controls() {
    let mut window = window(Options::default());
    click(&mut window, "256");
    click(&mut window, "Drop");
    click(&mut window, "50");
    click(&mut window, "Cosine");
    let settings = &app(&window).settings;
    assert_eq!((settings.tile, settings.drop_edges, settings.top_k), (256, true, 50));
    assert_eq!(settings.rank_by, crate::scan::RankBy::Cosine);
}

#[test]
fn what_a_start_asks_for_can_be_switched_off() {
    let options = Options {
        keywords: vec!["harbor".to_owned()],
        background: Some(vec!["open sea".to_owned()]),
        exact: true,
        merge: true,
        tight: true,
        ..Options::default()
    };
    let mut window = window(options);
    assert_eq!(app(&window).query().unwrap().background, ["open sea"]);
    for switch in ["Full resolution", "Merge touching", "Tight boxes", "None"] {
        window.get_by_label(switch).scroll_to_me();
        window.run_steps(4);
        click(&mut window, switch);
    }
    let settings = &app(&window).settings;
    assert!(!settings.exact && !settings.merge && !settings.tight);
    assert!(app(&window).query().unwrap().background.is_empty());
    click(&mut window, "Common words");
    assert_eq!(app(&window).query().unwrap().background, crate::scan::default_background());
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
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    window.state_mut().as_mut().unwrap().open(bad);
    wait_for(&mut window, "the error", |app| app.error.is_some());
    window.get_by_label_contains("notes.tif");
    assert!(app(&window).scene.is_some());
    click(&mut window, "Dismiss");
    assert_eq!(app(&window).error, None);
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
fn a_dropped_file_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(Options::default());
    let file = Dropped(picture(folder.path()));
    window.input_mut().dropped_files.push(std::sync::Arc::new(file));
    window.step();
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    assert_eq!(app(&window).scene.as_ref().unwrap().scene.size(), (300, 200));
}

#[test]
fn boxes_and_pictures_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    for what in
        [super::What::Picture, super::What::View, super::What::GeoJson, super::What::Csv, super::What::Json]
    {
        let path = folder.path().join(format!("{what:?}.{}", what.extension()));
        let target = super::Target { what, path: path.clone() };
        window.state_mut().as_mut().unwrap().export(target);
        wait_for(&mut window, "the export", |app| app.exporting.is_none());
        assert_eq!(app(&window).error, None);
        assert!(std::fs::metadata(&path).unwrap().len() > 0, "{what:?}");
    }
    let saved = image::open(folder.path().join("Picture.png")).unwrap();
    assert_eq!((saved.width(), saved.height()), (300, 200));
    let target = super::Target { what: super::What::Csv, path: folder.path().join("no/such/folder.csv") };
    window.state_mut().as_mut().unwrap().export(target);
    wait_for(&mut window, "the error", |app| app.error.is_some());
}

/// Chooses an entry of a list by its names.
fn choose(window: &mut Window, list: &str, entry: &str) {
    let node = window.get_by_role_and_label(egui::accesskit::Role::ComboBox, list);
    node.scroll_to_me();
    window.run_steps(4);
    window.get_by_role_and_label(egui::accesskit::Role::ComboBox, list).click();
    window.run_steps(4);
    click(window, entry);
}

#[test]
fn the_picture_follows_its_controls_and_the_scan_does_not() {
    use crate::raster::{Bands, Stretch};
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    wait_for(&mut window, "the histogram", |app| app.scene.as_ref().unwrap().picture.settled());
    window.get_by_label_contains("Skysift scans bands 1, 2, 3 as stored");
    window.get_by_label_contains("Histogram, Red: black at 0, white at 255");
    choose(&mut window, "Stretch", "Minimum to maximum");
    wait_for(&mut window, "the stretch", |app| app.scene.as_ref().unwrap().picture.settled());
    window.get_by_label_contains("Histogram, Blue: black at 0, white at 199");
    choose(&mut window, "Colours", "Single band");
    wait_for(&mut window, "the band", |app| app.scene.as_ref().unwrap().picture.settled());
    let rendering = app(&window).scene.as_ref().unwrap().picture.source().rendering().clone();
    assert_eq!((rendering.bands, rendering.stretch), (Bands::Single(0), Stretch::MinMax));
    window.check_accessibility();

    // Pictures are saved as they are seen: in grey.
    let path = folder.path().join("seen.png");
    let target = super::Target { what: super::What::Picture, path: path.clone() };
    window.state_mut().as_mut().unwrap().export(target);
    wait_for(&mut window, "the export", |app| app.exporting.is_none());
    let saved = image::open(&path).unwrap().into_rgb8();
    assert!(saved.pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));

    let scene = std::sync::Arc::clone(&app(&window).scene.as_ref().unwrap().scene);
    assert_eq!(scene.read(0, crate::raster::Rect::new(5, 6, 1, 1)).unwrap().rgba, [5, 90, 6, 255]);
    window.get_by_label("Reset picture").scroll_to_me();
    window.run_steps(4);
    click(&mut window, "Reset picture");
    wait_for(&mut window, "the reset", |app| app.scene.as_ref().unwrap().picture.settled());
    assert_eq!(app(&window).scene.as_ref().unwrap().picture.source().rendering(), scene.rendering());
}

#[test]
fn an_image_without_a_place_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let window = window_with_picture(folder.path());
    window.get_by_label("No georeference: pixels only");
}

#[test]
fn the_last_scene_asked_for_wins() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (picture(folder.path()), folder.path().join("second.png"));
    image::RgbImage::new(40, 30).save(&second).unwrap();
    let mut window = window(Options::default());
    let app_mut = window.state_mut().as_mut().unwrap();
    app_mut.open(first);
    app_mut.open(second);
    wait_for(&mut window, "the scene", |app| app.scene.is_some() && app.opening.is_none());
    assert_eq!(app(&window).scene.as_ref().unwrap().scene.size(), (40, 30));
}

#[test]
fn a_scan_fills_the_list_and_a_click_selects() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(scannable(folder.path()));
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    let grid = app(&window).grid.as_ref().unwrap().len();
    window.get_by_label_contains(&format!("{grid} windows"));
    type_keywords(&mut window, "harbor, beach");
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    window.run_steps(2);
    wait_for(&mut window, "the scan", |app| matches!(app.search.progress, Progress::Finished { .. }));
    window.get_by_label("10 detections");
    assert_eq!(app(&window).search.ranking.len(), 10);

    // How they are shown is a setting like others, which a start takes up again.
    click(&mut window, "Compare");
    click(&mut window, "Sort and filter");
    click(&mut window, "Place");
    let settings = app(&window).start.remembered(&app(&window).settings);
    assert_eq!(
        (settings.show, settings.sort),
        (super::sorting::Show::Compare, super::arrangement::Sort::Place)
    );
    click(&mut window, "List");
    click(&mut window, "Rank");

    // Walking through the list selects one after the other; Esc lets go.
    window.remove_cursor();
    app_run(&mut window, UiCommand::NextDetection);
    let first = app(&window).view.selected.clone().unwrap();
    app_run(&mut window, UiCommand::NextDetection);
    assert_ne!(app(&window).view.selected.clone().unwrap(), first);
    app_run(&mut window, UiCommand::Deselect);
    assert_eq!(app(&window).view.selected, None);

    // A hidden keyword is not listed, and a removed one is not asked for any more.
    click(&mut window, "Hide the boxes of beach");
    window.get_by_label("5 detections");
    click(&mut window, "Remove beach");
    type_keywords(&mut window, "forest");
    wait_for(&mut window, "the new keyword", |app| {
        app.search.ranking.iter().any(|detection| detection.keyword == "forest")
    });
    assert!(app(&window).search.ranking.iter().all(|detection| detection.keyword != "beach"));
}

#[test]
fn areas_stand_in_a_queue() {
    use crate::raster::Rect;
    use crate::scan::Area;
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    app_run(&mut window, UiCommand::ToolPolygon);
    window.get_by_label("Click on the corners, one by one.");
    app_run(&mut window, UiCommand::Deselect);
    assert!(window.query_by_label("Click on the corners, one by one.").is_none());
    let areas = [Rect::new(0, 0, 50, 50), Rect::new(100, 100, 60, 60)].map(Area::rect);
    for area in areas.clone() {
        window.state_mut().as_mut().unwrap().add_area(area);
    }
    window.run_steps(3);
    window.check_accessibility();
    click(&mut window, "Remove area 1");
    assert_eq!(app(&window).areas, areas[1..]);
    click(&mut window, "Look at the whole scene");
    assert!(app(&window).areas.is_empty());
}

#[test]
fn thumbs_in_the_gallery_refine_the_ranking() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(Options { keywords: vec!["harbor".to_owned()], ..scannable(folder.path()) });
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    app_run(&mut window, UiCommand::ToggleHeatMap);
    app_run(&mut window, UiCommand::Scan);
    wait_for(&mut window, "the scan", |app| matches!(app.search.progress, Progress::Finished { .. }));
    wait_for(&mut window, "the heat map", |app| app.search.ranking.heat_map.is_some());
    app_run(&mut window, UiCommand::ToggleGallery);
    window.check_accessibility();
    click(&mut window, "Accept harbor 2");
    window.get_by_label("Refined by 1 up");
    assert_eq!(app(&window).query().unwrap().thumbs.len(), 1);
    app_run(&mut window, UiCommand::UndoThumb);
    assert!(window.query_by_label("Refined by 1 up").is_none());
    app_run(&mut window, UiCommand::NextDetection);
    app_run(&mut window, UiCommand::ThumbDown);
    window.get_by_label("Refined by 1 down");
    click(&mut window, "Reset thumbs");
    assert!(app(&window).query().unwrap().thumbs.is_empty());
}

fn app_run(window: &mut Window, command: UiCommand) {
    let ctx = window.ctx.clone();
    window.state_mut().as_mut().unwrap().run(&ctx, command);
    window.run_steps(3);
}

#[test]
fn a_model_that_cannot_be_loaded_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no-model");
    let mut window = window(Options { model: Some(missing), ..Options::default() });
    wait_for(&mut window, "the error", |app| app.error.is_some());
    assert!(app(&window).error.as_ref().unwrap().contains("no-model"));
}

/// A window with a model that knows five words.
fn window_with_words(folder: &Path) -> Window {
    let model = folder.join("model");
    write_random_model(&model, Preset::Tiny, 1).unwrap();
    let names = r#"{"harbor": ["harbor", "marina"], "water": ["river", "lake"], "beach": "beach"}"#;
    std::fs::write(model.join("names.json"), names).unwrap();
    let options = Options {
        bundled_model: Some(model),
        device: Some(crate::clip::DeviceChoice::Cpu),
        cache: Some(folder.to_owned()),
        ..Options::default()
    };
    let mut window = window(options);
    wait_for(&mut window, "the model", |app| matches!(app.search.model, ModelState::Ready(_)));
    window
}

/// Types into the field for keywords.
fn begin(window: &mut Window, text: &str) {
    window.get_by_label("Keywords").click();
    window.run_steps(3);
    window.get_by_label("Keywords").type_text(text);
    window.run_steps(3);
}

fn press(window: &mut Window, key: egui::Key) {
    window.key_press(key);
    window.run_steps(3);
}

#[test]
fn words_that_the_model_knows_are_offered() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    assert!(window.query_by_label("marina").is_none(), "the list is closed to begin with");
    click(&mut window, "Keywords");
    for word in ["beach", "harbor", "lake", "marina", "river"] {
        window.get_by_label(word);
    }
    window.check_accessibility();

    // What fits stays; what was typed is taken as it is unless a word is chosen.
    begin(&mut window, "mar");
    window.get_by_label("marina");
    assert!(window.query_by_label("river").is_none());
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).keywords.words(), ["mar"]);
    assert!(window.query_by_label("marina").is_none(), "the list does not cover the new word");
    begin(&mut window, "mar");
    press(&mut window, egui::Key::ArrowDown);
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).keywords.words(), ["mar", "marina"]);

    // Tab takes the first, the mouse takes any.
    begin(&mut window, "ship, riv");
    press(&mut window, egui::Key::Tab);
    assert_eq!(app(&window).keywords.words(), ["mar", "marina", "ship", "river"]);
    click(&mut window, "Keywords");
    click(&mut window, "beach");
    assert_eq!(app(&window).keywords.words(), ["mar", "marina", "ship", "river", "beach"]);

    // The arrows go round.
    click(&mut window, "Keywords");
    press(&mut window, egui::Key::ArrowUp);
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).keywords.words().last().unwrap(), "lake");
}

#[test]
fn the_list_lets_go_of_the_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    let in_field = |window: &Window| window.get_by_label("Keywords").is_focused();
    begin(&mut window, "har");
    press(&mut window, egui::Key::Escape);
    assert!(window.query_by_label("harbor").is_none() && in_field(&window), "Esc closes the list first");
    begin(&mut window, "b");
    window.get_by_label("harbor");
    press(&mut window, egui::Key::Escape);
    press(&mut window, egui::Key::Escape);
    assert!(!in_field(&window), "then it leaves the field");

    window.state_mut().as_mut().unwrap().keywords.input.clear();
    click(&mut window, "Keywords");
    assert!(window.query_by_label("harbor").is_some() && in_field(&window));
    press(&mut window, egui::Key::Tab);
    assert!(!in_field(&window), "Tab goes on where there is nothing to complete");
    assert!(app(&window).keywords.is_empty());

    begin(&mut window, "har");
    window.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::Tab);
    window.run_steps(3);
    assert!(!in_field(&window), "Shift+Tab goes back");
}

#[test]
fn a_word_that_the_model_never_learnt_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    type_keywords(&mut window, "Harbors, beach");
    assert!(window.query_by_label_contains("never learnt").is_none());
    type_keywords(&mut window, "stadium");
    window.get_by_label_contains("The model never learnt “stadium”: its boxes may mean nothing.");
    type_keywords(&mut window, "castle");
    window.get_by_label_contains("The model never learnt “stadium” and “castle”");
    click(&mut window, "Remove stadium");
    click(&mut window, "Remove castle");
    assert!(window.query_by_label_contains("never learnt").is_none());
    window.get_by_label("+ river");
    assert!(window.query_by_label("+ airport").is_none(), "what it never learnt is not suggested");
}

#[test]
fn the_sample_scene_shows_boxes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    click(&mut window, "256");
    click(&mut window, "Open the sample scene");
    assert!(app(&window).opening.is_some() && app(&window).keywords.words() == ["harbor"]);
    window.get_by_label_contains("Preparing the sample scene");
    wait_for(&mut window, "the scan", |app| matches!(app.search.progress, Progress::Finished { .. }));
    assert_eq!(app(&window).scene.as_ref().unwrap().scene.size(), (4096, 4096));
    assert!(app(&window).scene.as_ref().unwrap().scene.path().starts_with(folder.path()));
    window.get_by_label("5 detections");
    assert!(app(&window).settings.recent_scenes.is_empty());
}

#[test]
fn the_bundled_model_is_taken_and_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    assert_eq!(app(&window).settings.model, None);
    let own = folder.path().join("own");
    write_random_model(&own, Preset::Tiny, 2).unwrap();
    let named = |name: &'static str| move |app: &App| matches!(&app.search.model, ModelState::Ready(card) if card.model == name);
    window.state_mut().as_mut().unwrap().choose_model(own.clone());
    wait_for(&mut window, "the chosen model", named("own"));
    assert_eq!(app(&window).settings.model, Some(own));
    window.get_by_role_and_label(egui::accesskit::Role::ComboBox, "Model").click();
    window.run_steps(3);
    click(&mut window, "model");
    wait_for(&mut window, "the bundled model", named("model"));
    assert_eq!(app(&window).settings.model, None);
}

/// A window with a model, a picture, and folders for embeddings and saved queries.
fn window_that_keeps(folder: &Path) -> Window {
    let mut window = window(Options {
        store: Some(folder.join("embeddings")),
        queries: Some(folder.join("queries")),
        ..scannable(folder)
    });
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    wait_for(&mut window, "the model", |app| matches!(app.search.model, ModelState::Ready(_)));
    type_keywords(&mut window, "harbor");
    scan(&mut window);
    window
}

fn scan(window: &mut Window) {
    app_run(window, UiCommand::Scan);
    wait_for(window, "the scan", |app| matches!(app.search.progress, Progress::Finished { .. }));
}

fn shown(app: &App, keyword: &str) -> bool {
    let shown = super::list::shown(&app.search.ranking, &app.keywords, false);
    shown.iter().any(|(detection, _)| detection.keyword == keyword)
}

#[test]
fn what_is_typed_is_looked_for_before_it_is_entered() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_that_keeps(folder.path());
    begin(&mut window, "bea");
    wait_for(&mut window, "the draft", |app| shown(app, "bea"));
    window.get_by_label("bea, while you type");
    assert_eq!(app(&window).keywords.words(), ["harbor"]);
    window.get_by_label("Keywords").type_text(" + + x");
    window.run_steps(3);
    window.get_by_label_contains("A phrase is missing");
    window.state_mut().as_mut().unwrap().keywords.input.clear();
    window.run_steps(3);
    assert!(!shown(app(&window), "bea"), "an empty field shows nothing of it");
    assert!(shown(app(&window), "harbor"));
}

#[test]
fn a_scanned_scene_answers_at_once_until_it_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_that_keeps(folder.path());
    assert!(!app(&window).search.all_known());
    scan(&mut window);
    assert!(app(&window).search.all_known());
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Comma);
    window.run_steps(3);
    wait_for(&mut window, "the inventory", |app| !app.preferences.is_looking());
    window.get_by_label_contains("of 1 scene");
    window.check_accessibility();
    click(&mut window, "Keep embeddings");
    assert_eq!(app(&window).store(), None);
    click(&mut window, "Clear…");
    click(&mut window, "Keep them");
    click(&mut window, "Clear…");
    click(&mut window, "Remove them");
    wait_for(&mut window, "the end of it", |app| {
        app.search.notices().back().is_some_and(|notice| notice.starts_with("Stored embeddings were removed"))
    });
    app_run(&mut window, UiCommand::Deselect);
    assert!(!app(&window).preferences.is_open());
}

#[test]
fn a_query_is_saved_and_looked_for_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_that_keeps(folder.path());
    click(&mut window, "More for harbor");
    click(&mut window, "Save this query…");
    window.get_by_label("Name of the query").click();
    window.run_steps(2);
    window.get_by_label("Name of the query").type_text("ports");
    window.run_steps(2);
    click(&mut window, "Save query");
    wait_for(&mut window, "the file", |app| !app.saved.reading());
    assert!(folder.path().join("queries/ports.json").is_file());
    click(&mut window, "+ @ports");
    wait_for(&mut window, "its boxes", |app| shown(app, "@ports"));
    // What is not there is explained, and stays in the field.
    type_keywords(&mut window, "@docks");
    assert_eq!(app(&window).keywords.input, "@docks");
    window.get_by_label_contains("There is no saved query @docks; there are @ports.");
    click(&mut window, "Remove the saved query ports");
    click(&mut window, "Remove it");
    wait_for(&mut window, "the removal", |app| !app.saved.reading());
    assert!(!folder.path().join("queries/ports.json").exists());
}

#[test]
fn the_menu_of_a_keyword_opens_by_mouse_and_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_that_keeps(folder.path());
    let entry = "Save this query…";
    window.get_by_label("Hide the boxes of harbor").click_secondary();
    window.run_steps(3);
    window.get_by_label(entry);
    press(&mut window, egui::Key::Escape);
    assert!(window.query_by_label(entry).is_none(), "Esc closes it");
    assert!(!app(&window).keywords.find("harbor").unwrap().hidden);

    window.get_by_label("Remove harbor").focus();
    window.run_steps(3);
    press(&mut window, egui::Key::Menu);
    window.get_by_label(entry);
    press(&mut window, egui::Key::Escape);
    window.get_by_label("Hide the boxes of harbor").focus();
    window.run_steps(3);
    window.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::F10);
    window.run_steps(3);
    press(&mut window, egui::Key::ArrowDown);
    press(&mut window, egui::Key::Enter);
    window.get_by_label("Name of the query");
}

#[test]
fn sizes_and_boxes_are_chosen_below_their_headings() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_that_keeps(folder.path());
    let before = app(&window).plan.windows().unwrap();
    let settings = &mut window.state_mut().as_mut().unwrap().settings;
    settings.also = vec![3];
    settings.one_box = true;
    window.run_steps(3);
    assert!(app(&window).plan.windows().unwrap() > before);
    assert!(app(&window).query().unwrap().boxes.suppress.is_some());
    scan(&mut window);
    let sides: Vec<u32> = app(&window).search.ranking.iter().map(|found| found.window.width).collect();
    assert!(sides.iter().all(|side| [64, 96].contains(side)), "{sides:?}");
}

#[test]
fn only_promising_places_are_scanned_when_asked() {
    use crate::scan::Coarse;
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        keywords: vec!["harbor".to_owned()],
        coarse: Coarse::Only(0.25),
        // All that is looked at is listed.
        top_k: Some(1000),
        ..scannable(folder.path())
    };
    let mut window = window(options);
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    window.get_by_label_contains("At most");
    scan(&mut window);
    let promising = app(&window).search.ranking.len();
    window.check_accessibility();
    for (label, left) in
        [("Only promising places", Coarse::First), ("Look twice as large first", Coarse::Off)]
    {
        window.get_by_label(label).scroll_to_me();
        window.run_steps(4);
        click(&mut window, label);
        assert_eq!(app(&window).settings.coarse(), left);
    }
    let planned = app(&window).plan.windows().unwrap();
    scan(&mut window);
    let all = app(&window).search.ranking.len();
    assert!(promising < all && all == planned, "{promising} of {all}, {planned} planned");
}

#[test]
fn the_export_says_which_keywords_have_no_clear_match() {
    use crate::scan::Threshold;
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        keywords: vec!["harbor".to_owned(), "beach".to_owned()],
        // No cosine of an image and a sentence is as large.
        rank_by: Some(crate::scan::RankBy::Cosine),
        threshold: Some(Threshold::AtLeast(1.0)),
        ..scannable(folder.path())
    };
    let mut window = window(options);
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    scan(&mut window);
    let path = folder.path().join("found.json");
    let target = super::Target { what: super::What::Json, path: path.clone() };
    window.state_mut().as_mut().unwrap().export(target);
    wait_for(&mut window, "the export", |app| app.exporting.is_none());
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
    wait_for(&mut window, "the scene", |app| app.scene.is_some());
    scan(&mut window);
    wait_for(&mut window, "everything", App::shows_everything);
    for command in [UiCommand::ToggleHeatMap, UiCommand::ToggleGallery] {
        let ctx = window.ctx.clone();
        window.state_mut().as_mut().unwrap().run(&ctx, command);
        window.step();
        assert!(!app(&window).shows_everything(), "{command:?}");
        wait_for(&mut window, "the rest", App::shows_everything);
    }
    assert!(app(&window).search.ranking.heat_map.is_some());
}

#[test]
fn an_example_goes_with_its_last_keyword() {
    use crate::raster::Rect;
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    let draw = |window: &mut Window, to_selected| {
        window.state_mut().as_mut().unwrap().add_example(Rect::new(10, 10, 64, 64), to_selected);
        window.run_steps(3);
    };
    let names = |window: &Window| -> Vec<String> {
        app(window).examples.iter().map(|example| example.name.clone()).collect()
    };
    draw(&mut window, false);
    draw(&mut window, false);
    draw(&mut window, true);
    assert_eq!(app(&window).keywords.words(), ["harbor", "@1", "@2 + @3"]);
    click(&mut window, "Remove @1");
    assert_eq!(names(&window), ["2", "3"]);

    // What is being typed keeps it, and the next one has a name of its own.
    begin(&mut window, "beach + @3 +");
    click(&mut window, "Remove @2 + @3");
    assert_eq!(names(&window), ["3"]);
    window.state_mut().as_mut().unwrap().keywords.input.clear();
    draw(&mut window, false);
    assert_eq!(names(&window), ["4"]);
    assert_eq!(app(&window).query().unwrap().keywords, ["harbor", "@4"]);
}
