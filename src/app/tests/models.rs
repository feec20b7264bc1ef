//! Tests of published models: the dialog, and a download from a hub on this machine.

#[allow(dead_code)] // It serves the tests from the outside, too.
#[path = "../../../tests/skysift/hub.rs"]
mod hub;

use super::*;
use crate::app::published_models::DownloadAction;
use crate::app::published_models::download::{Download, State};
use crate::models::{Home, Hub, ModelPlaces};
use hub::{TestHub, Trick};

const TINY: &str = "[[model]]\nname = \"tiny\"\ntitle = \"The tiny one\"\nhub = \"tests/tiny\"\nrevision = \"main\"\n\
    layout = \"hugging-face\"\nactivation = \"quick_gelu\"\ncontext = 32\nimage = 64\nsize = 900_000\n\
    files = [\"config.json\", \"preprocessor_config.json\", \"tokenizer.json\", \"model.safetensors\"]\n\
    good_for = \"tests\"\nlicence = \"none at all\"\nlicence_page = \"https://example.com\"\ncitation = \"nobody\"\n";

/// A hub with the small model, which sends it slowly, and a start that knows of it.
fn with_hub(folder: &Path) -> (TestHub, Options) {
    let hub = TestHub::new();
    let model = folder.join("published");
    write_random_model(&model, ModelPreset::Tiny, 1).unwrap();
    hub.put_folder("tests/tiny", &model);
    hub.pace(Some((20_000, Duration::from_millis(50))));
    let state = folder.join("state");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("models.toml"), TINY).unwrap();
    let place = ModelPlaces { hub: Hub::at(&hub.url(), &folder.join("cache")), home: Home::at(&state) };
    let options = Options {
        models: Some(place),
        device: Some(crate::clip::DeviceChoice::Cpu),
        cache: Some(folder.to_owned()),
        ..Options::default()
    };
    (hub, options)
}

fn begin_download(window: &mut Window) {
    perform(window, Action::Download(DownloadAction::Get("tiny".to_owned())));
}

fn state(app: &App) -> Option<&State> {
    app.published_models.download().map(Download::state)
}

/// Files that are not whole yet.
fn partials(folder: &Path) -> usize {
    let blobs = folder.join("cache/models--tests--tiny/blobs");
    let files = std::fs::read_dir(blobs).into_iter().flatten().flatten();
    files.filter(|file| file.path().extension().is_some_and(|extension| extension == "incomplete")).count()
}

#[test]
fn what_the_device_before_said_leaves_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_words(folder.path());
    let reason = "no graphics card was found".to_owned();
    window.state_mut().as_mut().unwrap().search.handle_event(crate::scan::Event::LoadFailed(reason));
    window.run_steps(3);
    assert_eq!(app(&window).chrome.error(), Some("no graphics card was found"));
    perform(&mut window, Action::ReloadModel);
    wait_for(&mut window, "the model", |app| matches!(app.search.model(), ModelState::Ready(_)));
    assert_eq!(app(&window).chrome.error(), None);
}

#[test]
fn the_dialog_shows_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_, options) = with_hub(folder.path());
    let mut window = window(options);
    app_run(&mut window, UiCommand::GetModel);
    wait_for(&mut window, "the cards", |app| app.published_models.cards().is_some());
    window.get_by_label("GeoRSCLIP ViT-B/32");
    window.get_by_label("Good for any word at all, on photographs more than on satellite images; the smallest of OpenAI's, and the fastest.");
    press(&mut window, egui::Key::Escape);
    assert!(!app(&window).published_models.is_open());
}

#[test]
fn a_download_is_paused_goes_on_after_a_restart_and_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, options) = with_hub(folder.path());
    let mut first = window(options.clone());
    begin_download(&mut first);
    let some = |app: &App| {
        app.published_models.download().is_some_and(|download| download.progress().done > 100_000)
    };
    wait_for(&mut first, "a part", some);
    first.get_by_label("Pause").scroll_to_me();
    first.run_steps(4);
    click(&mut first, "Pause");
    wait_for(&mut first, "the pause", |app| state(app) == Some(&State::Paused));
    assert_eq!(app(&first).settings.unfinished_model.as_deref(), Some("tiny"));
    assert_eq!(partials(folder.path()), 1);
    let settings = app(&first).settings.clone();
    drop(first);

    hub.pace(None);
    let mut second = window_with(options, settings);
    second.get_by_label_contains("is not all here yet").scroll_to_me();
    second.run_steps(4);
    click(&mut second, "Go on");
    wait_for(&mut second, "the model", |app| matches!(app.search.model(), ModelState::Ready(_)));
    let last = hub.transfers().last().unwrap().from().unwrap();
    assert!(last > 0, "it goes on where it stopped");
    let settings = &app(&second).settings;
    assert_eq!(
        (settings.model.as_deref(), settings.unfinished_model.as_deref()),
        (Some(Path::new("tiny")), None)
    );
    assert_eq!(partials(folder.path()), 0);
}

#[test]
fn a_cancelled_download_leaves_nothing_and_a_failed_one_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, options) = with_hub(folder.path());
    let mut window = window(options);
    begin_download(&mut window);
    wait_for(&mut window, "a part", |_| partials(folder.path()) == 1);
    perform(&mut window, Action::Download(DownloadAction::Cancel));
    wait_for(&mut window, "the end", |app| app.published_models.download().is_none());
    wait_for(&mut window, "the removal", |_| partials(folder.path()) == 0);
    assert_eq!(app(&window).settings.unfinished_model, None);

    hub.pace(None);
    hub.always(Some(Trick::Status(403, "X-Error-Code: GatedRepo\r\n".to_owned())), None);
    begin_download(&mut window);
    wait_for(&mut window, "the failure", |app| matches!(state(app), Some(State::Failed(_))));
    window.get_by_label_contains("agree at http://127.0.0.1");
    hub.always(None, None);
    window.get_by_label("Try again").scroll_to_me();
    window.run_steps(4);
    click(&mut window, "Try again");
    wait_for(&mut window, "the model", |app| matches!(app.search.model(), ModelState::Ready(_)));
}
