//! A published model in the real window: got, paused, killed, gone on with, used.

use std::process::Command;
use std::time::Duration;

use super::models::{Desk, partials, weights};
use super::screen::{Running, Screen, wait_until};
use super::support::take_environment;

/// The program on a display, for whom this desk is all there is.
fn window(screen: &Screen, desk: &Desk) -> Command {
    let mut command = screen.skysift();
    take_environment(&mut command, &desk.skysift());
    command.arg(screen.scene());
    command
}

/// Whether something with this text is shown.
fn shows(running: &Running, text: &str) -> bool {
    running.widgets().iter().any(|widget| widget.value.contains(text))
}

/// Opens the dialog with the cards by the last entry of the list of models.
fn open_cards(running: &Running) {
    // What the model knows moves what lies below it.
    wait_until("the model that comes along", || shows(running, " on CPU"));
    running.bring_into_sight("ComboBox", "Model");
    // Its keys belong to its name.
    let entry = |running: &Running| running.find("Button", |label| label.starts_with("Get a model…"));
    running.click_until("ComboBox", "Model", "the list of models", |running| entry(running).is_some());
    running.click("Button", &entry(running).unwrap().label);
}

#[test]
fn a_download_is_paused_and_killed_and_goes_on_each_time() {
    let Some(screen) = Screen::start(&["xdotool"]) else { return };
    let desk = Desk::new();
    let whole = weights().len() as u64;
    let part = || partials(&desk.repository()).first().copied().unwrap_or_default();
    // Slow enough for a window that is busy.
    desk.hub.pace(Some((2_000, Duration::from_millis(100))));

    let mut running = Running::start(&screen, &mut window(&screen, &desk), "scene.png");
    open_cards(&running);
    // The user's own models come last.
    running.scroll_to("Button", "Get: The tiny one", 640, (140.0, 740.0));
    running.click("Button", "Get: The tiny one");
    wait_until("a part of the weights", || part() > 10_000);
    running.press_until("Escape", "the dialog to close", |running| {
        running.find("Button", |label| label == "Get: GeoRSCLIP ViT-B/32").is_none()
    });

    running.bring_into_sight("Button", "Pause");
    running.click("Button", "Pause");
    wait_until("the pause", || shows(&running, ", paused"));
    let paused = part();
    assert!((1..whole).contains(&paused), "{paused} of {whole}");
    assert!(!desk.is_here("tiny"), "half a model");
    running.bring_into_sight("Button", "Go on");
    running.click("Button", "Go on");
    wait_until("more of the weights", || part() > paused + 10_000);
    assert_eq!(desk.hub.transfers().last().unwrap().from(), Some(paused as usize));

    // As `kill -9` does.
    running.end();
    drop(running);
    let killed = part();
    assert!((paused..whole).contains(&killed), "it was not in the middle: {killed} of {whole}");
    let transfers = desk.hub.transfers().len();

    let mut running = Running::start(&screen, &mut window(&screen, &desk), "scene.png");
    wait_until("what was left", || shows(&running, "tiny is not all here yet"));
    assert_eq!(desk.hub.transfers().len(), transfers, "nothing is fetched unasked");
    desk.hub.pace(None);
    running.bring_into_sight("Button", "Go on");
    running.click("Button", "Go on");
    let is_chosen = |running: &Running| {
        let model = running.find("ComboBox", |label| label == "Model");
        model.is_some_and(|model| model.value == "tiny") && shows(running, " on CPU")
    };
    wait_until("the model", || is_chosen(&running));
    assert_eq!(desk.hub.transfers().last().unwrap().from(), Some(killed as usize), "it began anew");
    assert!(desk.is_here("tiny") && partials(&desk.repository()).is_empty());
    assert!(!shows(&running, "is not all here yet"));

    // What was chosen stays so, and there is nothing left to go on with.
    let settings = desk.state().join("window.ron");
    wait_until("the settings", || {
        std::fs::read_to_string(&settings).is_ok_and(|text| text.contains("unfinished_model:None"))
    });
    running.end();
    drop(running);
    let running = Running::start(&screen, &mut window(&screen, &desk), "scene.png");
    wait_until("the same model", || is_chosen(&running));
    assert!(!shows(&running, "is not all here yet"));
}
