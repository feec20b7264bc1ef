//! Tests of what was found: listed, judged, kept, exported.

use super::*;

#[test]
fn a_scan_fills_the_list_and_a_click_selects() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(scannable(folder.path()));
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    let grid = app(&window).search_panel.grid().unwrap().len();
    window.get_by_label_contains(&format!("{grid} windows"));
    type_keywords(&mut window, "harbor, beach");
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    window.run_steps(2);
    wait_for(&mut window, "the scan", |app| matches!(app.search.progress(), ScanState::Finished(_)));
    let weak = app(&window).search.ranking().iter().filter(|found| found.weak).count();
    window.get_by_label(&counted(10, weak));
    assert_eq!(app(&window).search.ranking().len(), 10);

    // How they are shown is a setting like others, which a start takes up again.
    click(&mut window, "Compare");
    click(&mut window, "Sort and filter");
    click(&mut window, "Place");
    let settings = app(&window).startup.remembered(&app(&window).settings);
    assert_eq!(
        (settings.show, settings.sort),
        (crate::app::results::filter::Show::Compare, crate::app::results::arrangement::Sort::Place)
    );
    click(&mut window, "List");
    click(&mut window, "Rank");

    // Walking through the list selects one after the other; Esc lets go.
    window.remove_cursor();
    app_run(&mut window, UiCommand::NextDetection);
    let first = app(&window).viewport.selected().cloned().unwrap();
    app_run(&mut window, UiCommand::NextDetection);
    assert_ne!(app(&window).viewport.selected().cloned().unwrap(), first);
    app_run(&mut window, UiCommand::Deselect);
    assert_eq!(app(&window).viewport.selected(), None);

    // A hidden keyword is not listed, and a removed one is not asked for any more.
    click(&mut window, "Hide the boxes of beach");
    let weak = app(&window).search.ranking().iter().filter(|found| found.weak && found.keyword == "harbor");
    let weak = weak.count();
    window.get_by_label(&counted(5, weak));
    click(&mut window, "Remove beach");
    type_keywords(&mut window, "forest");
    wait_for(&mut window, "the new keyword", |app| {
        app.search.ranking().iter().any(|detection| detection.keyword == "forest")
    });
    assert!(app(&window).search.ranking().iter().all(|detection| detection.keyword != "beach"));
}

/// How the list says how much was found.
fn counted(all: usize, weak: usize) -> String {
    if weak == 0 { format!("{all} detections") } else { format!("{} clear, {weak} weak", all - weak) }
}

/// A window with a scan of harbors and beaches.
fn scanned(folder: &Path) -> Window {
    let keywords = vec!["harbor".to_owned(), "beach".to_owned()];
    let mut window = window(Options { keywords, ..scannable(folder) });
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    scan(&mut window);
    window.remove_cursor();
    window.run_steps(3);
    window
}

fn selected(window: &Window) -> crate::app::viewport::boxes::DetectionId {
    app(window).viewport.selected().cloned().unwrap()
}

/// What stands at a place of the list.
fn listed(window: &Window, place: usize) -> crate::app::viewport::boxes::DetectionId {
    crate::app::viewport::boxes::DetectionId::of(&app(window).search.ranking()[place])
}

#[test]
fn the_selected_result_has_the_keys_in_the_list() {
    use crate::app::results::feedback::Feedback;
    let folder = tempfile::tempdir().unwrap();
    let mut window = scanned(folder.path());
    let all: Vec<_> = (0..10).map(|place| listed(&window, place)).collect();
    let perform_select = |window: &mut Window, place: usize| {
        let detection = app(window).search.ranking()[place].clone();
        perform(window, Action::Select(detection));
    };
    let camera = |window: &Window| app(window).viewport.view().camera;
    perform_select(&mut window, 5);
    press(&mut window, egui::Key::ArrowDown);
    assert_eq!(selected(&window), all[6]);
    press(&mut window, egui::Key::ArrowUp);
    assert_eq!(selected(&window), all[5]);

    // A verdict goes on to the next, so that a second key says nothing of the first.
    press(&mut window, egui::Key::A);
    assert_eq!(selected(&window), all[6]);
    press(&mut window, egui::Key::X);
    let said = |window: &Window, place: usize| {
        app(window).results.feedback().of(&all[place].keyword, all[place].window)
    };
    assert_eq!((said(&window, 5), said(&window, 6)), (Some(Feedback::Accepted), Some(Feedback::Rejected)));

    // Without a selected result the arrows move the view.
    app_run(&mut window, UiCommand::Deselect);
    app_run(&mut window, UiCommand::ActualSize);
    window.run_steps(60);
    let before = camera(&window);
    press(&mut window, egui::Key::ArrowDown);
    assert_eq!(app(&window).viewport.selected(), None);
    assert_ne!(camera(&window), before);
}

#[test]
fn the_selected_result_has_the_keys_in_the_gallery() {
    use crate::app::results::feedback::Feedback;
    let folder = tempfile::tempdir().unwrap();
    let mut window = scanned(folder.path());
    app_run(&mut window, UiCommand::ToggleGallery);
    let first = listed(&window, 0);
    let second = listed(&window, 1);
    let name = |place: usize, window: &Window| {
        let found = &app(window).search.ranking()[place];
        let score = found.score_text(app(window).settings.rank_by);
        format!("{} {}, score {score}", found.keyword, found.rank)
    };
    let label = name(0, &window);
    click(&mut window, &label);
    assert_eq!(selected(&window), first);
    press(&mut window, egui::Key::ArrowRight);
    assert_eq!(selected(&window), second);
    press(&mut window, egui::Key::ArrowLeft);
    press(&mut window, egui::Key::Space);
    let said = app(&window).results.feedback().of(&first.keyword, first.window);
    assert_eq!((said, selected(&window)), (Some(Feedback::Accepted), second));
}

#[test]
fn results_of_other_settings_say_so() {
    use crate::raster::Rect;
    use crate::windows::Area;
    let folder = tempfile::tempdir().unwrap();
    let mut window = scanned(folder.path());
    let told = |window: &Window| window.query_by_label("From other settings").is_some();
    assert!(!told(&window));
    let action =
        window.state_mut().as_mut().unwrap().viewport.add_area(Area::rect(Rect::new(0, 0, 150, 150)));
    perform(&mut window, action);
    assert!(told(&window));
    click(&mut window, "Scan again");
    wait_for(&mut window, "the scan", |app| matches!(app.search.progress(), ScanState::Finished(_)));
    assert!(!told(&window));
    app_run(&mut window, UiCommand::WholeScene);
    assert!(told(&window));
    scan(&mut window);
    window.state_mut().as_mut().unwrap().settings.tile = 40;
    window.run_steps(3);
    assert!(told(&window));
}

#[test]
fn the_score_that_is_shown_is_the_one_that_orders() {
    use crate::raster::Rect;
    let folder = tempfile::tempdir().unwrap();
    let mut window = scanned(folder.path());
    window.state_mut().as_mut().unwrap().add_example(Rect::new(10, 10, 64, 64), false);
    wait_for(&mut window, "the example", |app| shown(app, "@1"));
    let falls = |window: &Window, keyword: &str| {
        let own = app(window).search.ranking().iter().filter(|found| found.keyword == keyword);
        let scores: Vec<f32> = own.map(|found| found.score(app(window).settings.rank_by)).collect();
        assert!(scores.len() > 1 && scores.is_sorted_by(|a, b| a >= b), "{keyword}: {scores:?}");
    };
    falls(&window, "@1");
    falls(&window, "harbor");
    window.state_mut().as_mut().unwrap().settings.tight = true;
    wait_for(&mut window, "tight boxes", |app| {
        app.search.query().unwrap().boxes.tight && !app.search.ranking().is_empty()
    });
    window.run_steps(20);
    for keyword in ["@1", "harbor", "beach"] {
        let own = app(&window).search.ranking().iter().filter(|found| found.keyword == keyword);
        let scores: Vec<f32> = own.map(|found| found.score(app(&window).settings.rank_by)).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{keyword}: {scores:?}");
    }
}

#[test]
fn areas_stand_in_a_queue() {
    use crate::raster::Rect;
    use crate::windows::Area;
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    app_run(&mut window, UiCommand::ToolPolygon);
    window.get_by_label("Click on the corners, one by one.");
    app_run(&mut window, UiCommand::Deselect);
    assert!(window.query_by_label("Click on the corners, one by one.").is_none());
    let areas = [Rect::new(0, 0, 50, 50), Rect::new(100, 100, 60, 60)].map(Area::rect);
    for area in areas.clone() {
        let action = window.state_mut().as_mut().unwrap().viewport.add_area(area);
        perform(&mut window, action);
    }
    window.run_steps(3);
    window.check_accessibility();
    click(&mut window, "Remove area 1");
    assert_eq!(app(&window).viewport.areas(), &areas[1..]);
    click(&mut window, "Clear areas");
    assert!(app(&window).viewport.areas().is_empty());
}

#[test]
fn thumbs_in_the_gallery_refine_the_ranking() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(Options { keywords: vec!["harbor".to_owned()], ..scannable(folder.path()) });
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    app_run(&mut window, UiCommand::ToggleHeatMap);
    app_run(&mut window, UiCommand::Scan);
    wait_for(&mut window, "the scan", |app| matches!(app.search.progress(), ScanState::Finished(_)));
    wait_for(&mut window, "the heat map", |app| app.search.ranking().heat_map.is_some());
    app_run(&mut window, UiCommand::ToggleGallery);
    window.check_accessibility();
    click(&mut window, "Accept harbor 2");
    window.get_by_label("1 accepted");
    assert_eq!(app(&window).query().unwrap().feedback.len(), 1);
    app_run(&mut window, UiCommand::UndoFeedback);
    assert!(window.query_by_label("1 accepted").is_none());
    app_run(&mut window, UiCommand::NextDetection);
    app_run(&mut window, UiCommand::Reject);
    window.get_by_label("1 rejected");
    click(&mut window, "Reset thumbs");
    assert!(app(&window).query().unwrap().feedback.is_empty());
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
    wait_for(&mut window, "the inventory", |app| !app.chrome.preferences().is_looking());
    window.get_by_label_contains("of 1 scene");
    window.check_accessibility();
    click(&mut window, "Keep embeddings");
    assert_eq!(app(&window).inputs.used_store(&app(&window).settings), None);
    click(&mut window, "Clear…");
    click(&mut window, "Keep them");
    click(&mut window, "Clear…");
    click(&mut window, "Remove them");
    wait_for(&mut window, "the end of it", |app| {
        app.search.notices().back().is_some_and(|notice| notice.starts_with("Stored embeddings were removed"))
    });
    app_run(&mut window, UiCommand::Deselect);
    assert!(!app(&window).chrome.preferences().is_open());
}

#[test]
fn a_scene_that_is_stored_answers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    drop(window_that_keeps(folder.path()));
    let options = || Options {
        store: Some(folder.path().join("embeddings")),
        keywords: vec!["beach".to_owned()],
        ..scannable(folder.path())
    };
    let mut again = window(options());
    wait_for(&mut again, "the answer", |app| matches!(app.search.progress(), ScanState::Finished(_)));
    assert!(app(&again).search.all_known());
    assert!(shown(app(&again), "beach"));
    // Of another picture nothing is stored.
    let other = folder.path().join("other.png");
    image::RgbImage::from_pixel(200, 200, image::Rgb([9, 90, 30])).save(&other).unwrap();
    perform(&mut again, Action::Open(other));
    wait_for(&mut again, "the scene", |app| app.scene.size() == Some((200, 200)));
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(5));
        again.step();
    }
    assert!(app(&again).search.scanned().is_none());
}

#[test]
fn what_the_file_holds_under_the_pointer_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    let middle = window.get_by_label("Scene").rect().center();
    window.hover_at(middle);
    window.run_steps(3);
    wait_for(&mut window, "the values", |app| {
        app.viewport.view().pointer.is_some_and(|at| app.scene.pixel_values(at).is_some())
    });
    let (x, y) = app(&window).viewport.view().pointer.unwrap();
    window.get_by_label(&format!("{} 90 {}", x as u32 % 256, y as u32));
}
