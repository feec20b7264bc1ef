//! Tests of settings, and what a start asks for.

use egui_kittest::kittest::NodeT as _;

use super::*;
use crate::clip::{SrvggConfig, SrvggNetCompact, WeightType};

#[test]
fn settings_follow_the_controls() {
    let mut window = window(Options::default());
    click(&mut window, "256");
    click(&mut window, "Drop");
    for lower in ["50", "Cosine"] {
        window.get_by_label(lower).scroll_to_me();
        window.run_steps(4);
        click(&mut window, lower);
    }
    let settings = &app(&window).settings;
    assert_eq!((settings.tile, settings.drop_edges, settings.top_k), (256, true, 50));
    assert_eq!(settings.rank_by, crate::search::RankBy::Cosine);
}

#[test]
fn what_a_start_asks_for_can_be_switched_off() {
    let options = Options {
        keywords: vec!["harbor".to_owned()],
        overrides: ScanOverrides {
            background: Some(vec!["open sea".to_owned()]),
            exact: Some(true),
            merge: Some(true),
            tight: Some(true),
            ..ScanOverrides::default()
        },
        ..Options::default()
    };
    let mut window = window(options);
    assert_eq!(app(&window).query().unwrap().background, ["open sea"]);
    for switch in ["Full resolution", "Merge touching boxes", "Tight boxes", "nothing"] {
        window.get_by_label(switch).scroll_to_me();
        window.run_steps(4);
        click(&mut window, switch);
    }
    let settings = &app(&window).settings;
    assert!(!settings.exact && !settings.merge && !settings.tight);
    assert!(app(&window).query().unwrap().background.is_empty());
    click(&mut window, "land cover words");
    assert_eq!(app(&window).query().unwrap().background, crate::search::default_background());
}

#[test]
fn sizes_and_boxes_are_chosen_below_their_headings() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_that_keeps(folder.path());
    let before = app(&window).search_panel.window_count().unwrap();
    let settings = &mut window.state_mut().as_mut().unwrap().settings;
    settings.also = vec![3];
    settings.one_box = true;
    window.run_steps(3);
    assert!(app(&window).search_panel.window_count().unwrap() > before);
    assert!(app(&window).query().unwrap().boxes.suppress.is_some());
    scan(&mut window);
    let sides: Vec<u32> = app(&window).search.ranking().iter().map(|found| found.window.width).collect();
    assert!(sides.iter().all(|side| [64, 96].contains(side)), "{sides:?}");
}

#[test]
fn only_promising_places_are_scanned_when_asked() {
    use crate::windows::Coarse;
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        keywords: vec!["harbor".to_owned()],
        overrides: ScanOverrides {
            coarse: Some(Coarse::Only(0.25)),
            // All that is looked at is listed.
            top_k: Some(1000),
            ..small_windows()
        },
        ..scannable(folder.path())
    };
    let mut window = window(options);
    wait_for(&mut window, "the number of windows", |app| app.search_panel.window_count().is_some());
    window.get_by_label_contains("At most");
    scan(&mut window);
    let promising = app(&window).search.ranking().len();
    window.check_accessibility();
    for (label, left) in [("Only promising places", Coarse::First), ("Coarse pass first", Coarse::Off)] {
        window.get_by_label(label).scroll_to_me();
        window.run_steps(4);
        click(&mut window, label);
        assert_eq!(app(&window).settings.coarse(), left);
    }
    let planned = app(&window).search_panel.window_count().unwrap();
    scan(&mut window);
    let all = app(&window).search.ranking().len();
    assert!(promising < all && all == planned, "{promising} of {all}, {planned} planned");
}

#[test]
fn a_model_that_cannot_be_loaded_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no-model");
    let mut window = window(Options { model: Some(missing), ..Options::default() });
    wait_for(&mut window, "the error", |app| app.chrome.error().is_some());
    assert!(app(&window).chrome.error().unwrap().contains("no-model"));
}

#[test]
fn a_card_that_is_not_there_cannot_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    // The processor was asked for, which says nothing of cards.
    assert!(!window.get_by_label("GPU").accesskit_node().is_disabled());
    window.state_mut().as_mut().unwrap().settings.device = crate::clip::DeviceChoice::Auto;
    perform(&mut window, Action::ReloadModel);
    wait_for(&mut window, "the model", |app| matches!(app.search.model(), ModelState::Ready(_)));
    let on_processor =
        matches!(app(&window).search.model(), ModelState::Ready(card) if card.device.starts_with("CPU"));
    assert_eq!(window.get_by_label("GPU").accesskit_node().is_disabled(), on_processor);
}

#[test]
fn the_bundled_model_is_taken_and_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    assert_eq!(app(&window).settings.model, None);
    let own = folder.path().join("own");
    write_random_model(&own, ModelPreset::Tiny, 2).unwrap();
    let named = |name: &'static str| {
        move |app: &App| match app.search.model() {
            ModelState::Ready(card) => card.model == name,
            _ => false,
        }
    };
    window.state_mut().as_mut().unwrap().choose_model(own.clone());
    wait_for(&mut window, "the chosen model", named("own"));
    assert_eq!(app(&window).settings.model, Some(own));
    window.get_by_role_and_label(egui::accesskit::Role::ComboBox, "Model").click();
    window.run_steps(3);
    click(&mut window, "model");
    wait_for(&mut window, "the bundled model", named("model"));
    assert_eq!(app(&window).settings.model, None);
}

#[test]
fn a_fine_scan_outlines_what_stands_out() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { keywords: vec!["harbor".to_owned()], ..scannable(folder.path()) };
    // It is what the window begins with.
    let mut window = window_with(options, Settings::default());
    wait_for(&mut window, "the model", |app| app.search.cells().is_some());
    wait_for(&mut window, "the number of cells", |app| app.search_panel.window_count().is_some());
    let cells = app(&window).search_panel.window_count().unwrap();
    window.get_by_label_contains(&format!("{cells} cells"));
    assert!(window.query_by_label("Step").is_none(), "cells don't move");
    scan(&mut window);
    let ranking = app(&window).search.ranking().clone();
    assert!(!ranking.is_empty() && ranking.iter().all(|found| found.outline.is_some()));
    window.get_by_label_contains(&format!("Scanned {cells} cells"));

    // Another word is asked of the same cells, and thumbs count.
    type_keywords(&mut window, "beach");
    wait_for(&mut window, "the answer", |app| {
        app.search.ranking().iter().any(|found| found.keyword == "beach" && found.outline.is_some())
    });
    app_run(&mut window, UiCommand::NextDetection);
    app_run(&mut window, UiCommand::Accept);
    wait_for(&mut window, "the answer", |app| {
        app.search.query().is_some_and(|query| !query.feedback.is_empty()) && !app.search.ranking().is_empty()
    });

    click(&mut window, "Whole windows");
    window.get_by_label("Step");
    assert!(app(&window).query().unwrap().boxes.regions, "what was found are still outlines");
    scan(&mut window);
    assert!(app(&window).search.ranking().iter().all(|found| found.outline.is_none()));
}

#[test]
fn sharpening_takes_a_network_and_loads_the_model_anew() {
    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("network.safetensors");
    let config = SrvggConfig { num_feat: 4, num_conv: 1, upscale: 2 };
    let random = SrvggNetCompact::init(config, 1, &burn::tensor::Device::flex());
    random.saver(WeightType::F16).finish(&network).unwrap();
    let options = Options { bundled_sharpener: Some(network.clone()), ..scannable(folder.path()) };
    let mut window = window(options);
    let is_ready = |app: &App| matches!(app.search.model(), ModelState::Ready(_));
    wait_for(&mut window, "the model", is_ready);
    assert!(!app(&window).settings.sharpen);
    window.get_by_label("Sharpen").scroll_to_me();
    window.run_steps(4);
    click(&mut window, "Sharpen");
    let sharpener = |app: &App| app.inputs.used_sharpener(&app.settings);
    assert_eq!(sharpener(app(&window)), Some(network.clone()));
    wait_for(&mut window, "the model", is_ready);

    let named = Options { sharpen: Some(network), ..Options::default() };
    assert!(named.apply(Settings::default()).sharpen, "a network that is named is used");
}
