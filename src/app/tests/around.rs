//! Getting around: to a place that was typed, and to commands by a few letters.

use super::*;
use crate::raster::PlaceForm;

#[test]
fn a_typed_place_is_gone_to_and_marked_until_escape() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::G);
    window.run_steps(3);
    window.get_by_label("Place").type_text("px 250 60");
    window.run_steps(3);
    window.get_by_label("Pixels: 250 to the right, 60 down");
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).viewport.view().marker, Some((250.0, 60.0)));
    wait_for(&mut window, "the flight", |app| app.viewport.is_at_rest());
    let center = app(&window).viewport.view().camera.unwrap().center;
    assert!((center.0 - 250.0).hypot(center.1 - 60.0) < 1.0, "{center:?}");
    app_run(&mut window, UiCommand::CopyPlace);
    let copied = |window: &Window| app(window).search.notices().back().cloned().unwrap_or_default();
    // The picture has no place on the earth.
    assert_eq!(copied(&window), "Copied px 250.0 60.0; the image tells no Decimal degrees");
    perform(&mut window, Action::CopyPlace { at: (3.0, 4.0), form: Some(PlaceForm::Pixels) });
    assert_eq!(copied(&window), "Copied px 3.0 4.0");
    assert_eq!(app(&window).settings.place_form, PlaceForm::Pixels);
    press(&mut window, egui::Key::Escape);
    assert_eq!(app(&window).viewport.view().marker, None);
}

#[test]
fn what_is_no_place_in_the_scene_is_told_and_not_gone_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    for (text, told) in [
        ("px 301 60", "This lies outside the scene, which has 300 x 200 pixels."),
        ("35.68, 139.77", "The scene's place on the earth isn't known"),
        ("somewhere", "This is no place in a known form"),
    ] {
        // What was typed before is replaced.
        app_run(&mut window, UiCommand::GoTo);
        window.run_steps(2);
        window.get_by_label("Place").type_text(text);
        window.run_steps(3);
        press(&mut window, egui::Key::Enter);
        window.get_by_label_contains(told);
        assert_eq!(app(&window).viewport.view().marker, None);
        press(&mut window, egui::Key::Escape);
        press(&mut window, egui::Key::Escape);
        assert!(window.query_by_label("Place").is_none());
    }
}

#[test]
fn a_few_letters_run_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    let before = app(&window).settings.show_boxes;
    let keys = egui::Modifiers::COMMAND | egui::Modifiers::SHIFT;
    window.key_press_modifiers(keys, egui::Key::P);
    window.run_steps(3);
    window.get_by_label("Command").type_text("boxes");
    window.run_steps(3);
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).settings.show_boxes, !before);
    assert_eq!(app(&window).settings.recent_commands, ["ToggleBoxes"]);
    assert!(window.query_by_label("Command").is_none());
}
