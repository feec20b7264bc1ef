//! Tests of the bell and of what a scan could not read.

use super::*;
use crate::scan::Event;

fn tell(window: &mut Window, notice: &str) {
    app(window).scene.scene().unwrap().notices().tell(notice);
    window.run_steps(3);
}

#[test]
fn the_bell_counts_notices_and_the_list_shows_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    assert!(window.query_by_label_contains("notice").is_none(), "there is nothing to say");
    tell(&mut window, "the mask of picture.png is damaged");
    window.get_by_label("1 notice, 1 new");
    window.check_accessibility();

    // By mouse.
    click(&mut window, "1 notice, 1 new");
    window.get_by_label("The mask of picture.png is damaged.");
    window.get_by_label("New");
    click(&mut window, "1 notice, 1 new");
    assert!(window.query_by_label("New").is_none());
    window.get_by_label("1 notice");

    // By key, with one that is new beside one that isn't.
    tell(&mut window, "band 4 can't be read");
    window.get_by_label("2 notices, 1 new");
    window.remove_cursor();
    press(&mut window, egui::Key::I);
    window.get_by_label("Band 4 can't be read.");
    assert_eq!(window.query_all_by_label("New").count(), 1);
    window.check_accessibility();
    press(&mut window, egui::Key::Escape);
    assert!(window.query_by_label("New").is_none());
    window.get_by_label("2 notices").focus();
    window.run_steps(2);
    press(&mut window, egui::Key::Enter);
    window.get_by_label("Band 4 can't be read.");
}

#[test]
fn notices_of_a_scene_leave_with_it_and_those_of_the_model_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    tell(&mut window, "the mask of picture.png is damaged");
    let notice = "the card was lost; going on on the CPU".to_owned();
    window.state_mut().as_mut().unwrap().search.handle_event(Event::Notice(notice));
    window.run_steps(3);
    window.get_by_label("2 notices, 2 new");
    let other = folder.path().join("other.png");
    image::RgbImage::new(40, 30).save(&other).unwrap();
    perform(&mut window, Action::Open(other));
    wait_for(&mut window, "the scene", |app| app.scene.size().unwrap() == (40, 30));
    window.get_by_label("1 notice, 1 new");
    press(&mut window, egui::Key::I);
    let shown = window.query_all_by_label("The card was lost; going on on the CPU.").count();
    assert_eq!(shown, 2, "in the status bar, and in the list");
}
