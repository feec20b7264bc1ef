//! Tests of keywords: typed, offered, refused, shown as chips, saved.

use super::*;

#[test]
fn keywords_come_and_go() {
    let mut window = window(Options::default());
    type_keywords(&mut window, "harbor");
    type_keywords(&mut window, "oil tank, harbor, ship");
    assert_eq!(app(&window).search_panel.keywords().words(), ["harbor", "oil tank", "ship"]);
    click(&mut window, "Hide the boxes of oil tank");
    assert!(app(&window).search_panel.keywords().find("oil tank").unwrap().hidden);
    click(&mut window, "Show the boxes of oil tank");
    assert!(!app(&window).search_panel.keywords().find("oil tank").unwrap().hidden);
    click(&mut window, "Remove harbor");
    assert_eq!(app(&window).search_panel.keywords().words(), ["oil tank", "ship"]);
    click(&mut window, "+ beach");
    assert_eq!(app(&window).search_panel.keywords().words(), ["oil tank", "ship", "beach"]);
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
    assert_eq!(app(&window).search_panel.keywords().input, "b");
    assert_eq!(app(&window).settings.show_boxes, boxes);
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
    assert_eq!(app(&window).search_panel.keywords().words(), ["mar"]);
    assert!(window.query_by_label("marina").is_none(), "the list does not cover the new word");
    begin(&mut window, "mar");
    press(&mut window, egui::Key::ArrowDown);
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).search_panel.keywords().words(), ["mar", "marina"]);

    // Tab takes the first, the mouse takes any.
    begin(&mut window, "ship, riv");
    press(&mut window, egui::Key::Tab);
    assert_eq!(app(&window).search_panel.keywords().words(), ["mar", "marina", "ship", "river"]);
    click(&mut window, "Keywords");
    click(&mut window, "beach");
    assert_eq!(app(&window).search_panel.keywords().words(), ["mar", "marina", "ship", "river", "beach"]);

    // The arrows go round.
    click(&mut window, "Keywords");
    press(&mut window, egui::Key::ArrowUp);
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).search_panel.keywords().words().last().unwrap(), "lake");
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

    window.state_mut().as_mut().unwrap().search_panel.keywords_mut().input.clear();
    click(&mut window, "Keywords");
    assert!(window.query_by_label("harbor").is_some() && in_field(&window));
    press(&mut window, egui::Key::Tab);
    assert!(!in_field(&window), "Tab goes on where there is nothing to complete");
    assert!(app(&window).search_panel.keywords().is_empty());

    begin(&mut window, "har");
    window.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::Tab);
    window.run_steps(3);
    assert!(!in_field(&window), "Shift+Tab goes back");
}

#[test]
fn a_word_that_the_model_never_learnt_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    type_keywords(&mut window, "Harbours, beach");
    assert!(window.query_by_label_contains("doesn't know").is_none());
    type_keywords(&mut window, "stadium");
    window.get_by_label_contains("The model doesn't know “stadium”; results are unreliable.");
    click(&mut window, "Get a model…");
    assert!(app(&window).published_models.is_open(), "others are a click away");
    press(&mut window, egui::Key::Escape);
    type_keywords(&mut window, "castle");
    window.get_by_label_contains("The model doesn't know “stadium” and “castle”");
    click(&mut window, "Remove stadium");
    click(&mut window, "Remove castle");
    assert!(window.query_by_label_contains("doesn't know").is_none());
    window.get_by_label("+ river");
    assert!(window.query_by_label("+ airport").is_none(), "what it never learnt is not suggested");
}

#[test]
fn what_was_likely_meant_is_a_click_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    type_keywords(&mut window, "harbr + river, beach");
    click(&mut window, "Did you mean harbor?");
    assert_eq!(app(&window).search_panel.keywords().words(), ["harbor + river", "beach"]);
    assert!(window.query_by_label_contains("doesn't know").is_none());
}

#[test]
fn a_keyword_is_edited_in_its_place_and_all_are_cleared() {
    let mut window = window(Options::default());
    type_keywords(&mut window, "harbor, beach");
    let edit = |window: &mut Window, text: &str, key| {
        click(window, "More for harbor");
        click(window, "Edit");
        window.get_by_label("Edit harbor").type_text(text);
        window.run_steps(3);
        press(window, key);
    };
    edit(&mut window, " at sea", egui::Key::Escape);
    assert_eq!(app(&window).search_panel.keywords().words(), ["harbor", "beach"]);
    edit(&mut window, "s", egui::Key::Enter);
    assert_eq!(app(&window).search_panel.keywords().words(), ["harbors", "beach"]);
    click(&mut window, "More for beach");
    window.check_accessibility();
    click(&mut window, "Colour 5 for beach");
    assert_eq!(app(&window).search_panel.keywords().find("beach").unwrap().slot, 4);
    click(&mut window, "Clear all");
    assert!(app(&window).search_panel.keywords().is_empty());
}

#[test]
fn enter_takes_a_choice_and_closes_the_list() {
    let mut window = window(Options::default());
    let prompt = |window: &Window| window.query_by_label("a satellite photo of a {}").is_some();
    window.get_by_role_and_label(egui::accesskit::Role::ComboBox, "Prompt").focus();
    window.run_steps(3);
    press(&mut window, egui::Key::Enter);
    assert!(prompt(&window), "the list is open");
    window.get_by_label("a satellite photo of a {}").focus();
    window.run_steps(3);
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).settings.template, "a satellite photo of a {}");
    assert!(window.query_by_label("an aerial view of a {}").is_none(), "the list is closed");
}

#[test]
fn what_has_the_keyboard_is_in_sight() {
    let mut window = window(Options::default());
    let button = |window: &Window| window.get_by_label("Preferences…").rect();
    let panel = window.get_by_label("Scan").rect().top();
    assert!(button(&window).top() > panel, "it is out of sight to begin with");
    window.get_by_label("Preferences…").focus();
    window.run_steps(40);
    assert!(button(&window).bottom() < panel, "{:?} {panel}", button(&window));
}

#[test]
fn the_at_sign_offers_names() {
    use crate::raster::Rect;
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    window.state_mut().as_mut().unwrap().add_example(Rect::new(10, 10, 64, 64), false);
    window.run_steps(3);
    begin(&mut window, "harbor + @");
    window.get_by_label("Examples and saved queries");
    press(&mut window, egui::Key::ArrowDown);
    press(&mut window, egui::Key::Enter);
    assert_eq!(app(&window).search_panel.keywords().words(), ["harbor", "@1", "harbor + @1"]);
}

#[test]
fn what_is_typed_is_looked_for_before_it_is_entered() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_that_keeps(folder.path());
    begin(&mut window, "bea");
    wait_for(&mut window, "the draft", |app| shown(app, "bea"));
    window.get_by_label("bea, while you type");
    assert_eq!(app(&window).search_panel.keywords().words(), ["harbor"]);
    window.get_by_label("Keywords").type_text(" + + x");
    window.run_steps(3);
    window.get_by_label_contains("A phrase is missing");
    window.state_mut().as_mut().unwrap().search_panel.keywords_mut().input.clear();
    window.run_steps(3);
    assert!(!shown(app(&window), "bea"), "an empty field shows nothing of it");
    assert!(shown(app(&window), "harbor"));
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
    assert!(!app(&window).search_panel.keywords().find("harbor").unwrap().hidden);

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
fn an_example_goes_with_its_last_keyword() {
    use crate::raster::Rect;
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_picture(folder.path());
    let draw = |window: &mut Window, to_selected| {
        window.state_mut().as_mut().unwrap().add_example(Rect::new(10, 10, 64, 64), to_selected);
        window.run_steps(3);
    };
    let names = |window: &Window| -> Vec<String> {
        app(window).search_panel.examples().all().iter().map(|example| example.name.clone()).collect()
    };
    draw(&mut window, false);
    draw(&mut window, false);
    draw(&mut window, true);
    assert_eq!(app(&window).search_panel.keywords().words(), ["harbor", "@1", "@2 + @3"]);
    click(&mut window, "Remove @1");
    assert_eq!(names(&window), ["2", "3"]);

    // What is being typed keeps it, and the next one has a name of its own.
    begin(&mut window, "beach + @3 +");
    click(&mut window, "Remove @2 + @3");
    assert_eq!(names(&window), ["3"]);
    window.state_mut().as_mut().unwrap().search_panel.keywords_mut().input.clear();
    draw(&mut window, false);
    assert_eq!(names(&window), ["4"]);
    assert_eq!(app(&window).query().unwrap().keywords, ["harbor", "@4"]);
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
    wait_for(&mut window, "the file", |app| !app.search_panel.is_reading_queries());
    assert!(folder.path().join("queries/ports.json").is_file());
    click(&mut window, "+ @ports");
    wait_for(&mut window, "its boxes", |app| shown(app, "@ports"));
    // What is not there is explained, and stays in the field.
    type_keywords(&mut window, "@docks");
    assert_eq!(app(&window).search_panel.keywords().input, "@docks");
    window.get_by_label_contains("There is no saved query @docks; there are @ports.");
    click(&mut window, "Remove the saved query ports");
    click(&mut window, "Remove it");
    wait_for(&mut window, "the removal", |app| !app.search_panel.is_reading_queries());
    assert!(!folder.path().join("queries/ports.json").exists());
}
