//! Saved queries in the window: read at the start, added from a keyword's menu, looked for as `@name`.

use std::path::Path;

use eframe::egui;
use eframe::egui::{Button, Color32, Context, RichText, TextEdit, Ui, Window};

use crate::app::App;
use crate::app::format;
use crate::app::jobs::{Jobs, Report};
use crate::app::search::ModelState;
use crate::export::{SavedQueries, SavedQuery, SavedQueryError};
use crate::search::{Example, Expression, example_name};

/// What a job found in the folder, and how it went.
pub struct Listing {
    queries: Vec<SavedQuery>,
    /// Something that worked.
    notice: Option<String>,
    errors: Vec<String>,
}

/// A query that is about to get its name.
struct Naming {
    keyword: String,
    name: String,
    /// Since the last frame, so that the field gets the keyboard once.
    fresh: bool,
}

/// The saved queries as far as the window knows.
#[derive(Default)]
pub struct Saved {
    folder: Option<SavedQueries>,
    queries: Vec<SavedQuery>,
    reading: bool,
    naming: Option<Naming>,
    /// The one that is to be removed, once that is confirmed.
    removing: Option<String>,
}

impl Saved {
    /// Where the queries are kept, if they may be.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(SavedQueries::folder)
    }

    /// Begins to read what is in the folder.
    #[must_use]
    pub fn new(folder: Option<&Path>, jobs: &Jobs) -> Self {
        let folder = folder.map(SavedQueries::new);
        let mut saved = Self { folder, ..Self::default() };
        saved.start(jobs, |_| Ok(None));
        saved
    }

    /// Has something done in the folder, which is then read anew.
    fn start(
        &mut self,
        jobs: &Jobs,
        work: impl FnOnce(&SavedQueries) -> Result<Option<String>, SavedQueryError> + Send + 'static,
    ) {
        let Some(folder) = self.folder.clone() else { return };
        self.reading = jobs.start("saved queries", move |reporter| {
            let done = work(&folder);
            let (queries, unreadable) = folder.list();
            let mut errors: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
            let notice = done.unwrap_or_else(|error| {
                errors.insert(0, error.to_string());
                None
            });
            reporter.tell(Report::SavedQueries(Listing { queries, notice, errors }));
        });
    }

    /// Whether names are still being read, so that an unknown one may yet turn up.
    #[must_use]
    pub fn reading(&self) -> bool {
        self.reading
    }

    fn find(&self, name: &str) -> Option<&SavedQuery> {
        self.queries.iter().find(|query| query.name.eq_ignore_ascii_case(name))
    }

    /// What the names in some keywords stand for.
    #[must_use]
    pub fn examples(&self, keywords: &[String]) -> Vec<Example> {
        let expressions: Vec<Expression> =
            keywords.iter().filter_map(|keyword| Expression::parse(keyword).ok()).collect();
        let named = |query: &&SavedQuery| {
            let mut names = expressions.iter().flat_map(Expression::phrases).filter_map(example_name);
            names.any(|name| name.eq_ignore_ascii_case(&query.name))
        };
        self.queries.iter().filter(named).map(SavedQuery::example).collect()
    }

    /// Why a keyword can't be looked for, if it can't, with the model that has this fingerprint. `elsewhere`
    /// are names of other examples than saved queries.
    #[must_use]
    pub fn problem(&self, keyword: &str, model: Option<&str>, elsewhere: &[&str]) -> Option<String> {
        let expression = match Expression::parse(keyword) {
            Ok(expression) => expression,
            Err(error) => return Some(format::sentence(&error.to_string())),
        };
        expression
            .phrases()
            .filter_map(example_name)
            .filter(|name| !elsewhere.iter().any(|known| known.eq_ignore_ascii_case(name)))
            .find_map(|name| match self.find(name) {
                Some(query) if model.is_some_and(|model| model != query.model_fingerprint) => Some(format!(
                    "@{name} was saved with the model {}; choose that one to look for it.",
                    query.model
                )),
                Some(_) => None,
                None if self.queries.is_empty() => {
                    Some(format!("There is no saved query @{name} yet; save one from a keyword's menu."))
                }
                None => Some(format!("There is no saved query @{name}; there are {}.", self.names())),
            })
    }

    /// Whether a name that is being typed may still become that of a saved query.
    #[must_use]
    pub fn begins(&self, begun: &str) -> bool {
        let begun = begun.to_ascii_lowercase();
        self.reading || self.queries.iter().any(|query| query.name.to_ascii_lowercase().starts_with(&begun))
    }

    fn names(&self) -> String {
        self.queries.iter().map(|query| format!("@{}", query.name)).collect::<Vec<_>>().join(", ")
    }

    /// Closes the dialog. Returns whether it was open.
    pub fn close(&mut self) -> bool {
        self.naming.take().is_some() || self.removing.take().is_some()
    }
}

impl App {
    /// Takes what a job did in the folder.
    pub(in crate::app) fn saved_queries_listed(&mut self, listing: Listing) {
        self.saved.reading = false;
        self.saved.queries = listing.queries;
        if let Some(notice) = listing.notice {
            self.search.notify(notice);
        }
        if !listing.errors.is_empty() {
            self.error = Some(listing.errors.join("; "));
        }
    }

    /// The fingerprint of the model, once it is loaded.
    pub(in crate::app) fn model_fingerprint(&self) -> Option<String> {
        match &self.search.model {
            ModelState::Ready(card) => Some(card.fingerprint.clone()),
            ModelState::None | ModelState::Loading | ModelState::Failed(_) => None,
        }
    }

    /// Whether a keyword's vector is at hand to be saved.
    pub(in crate::app) fn can_save(&self, keyword: &str) -> bool {
        self.saved.folder.is_some()
            && self.model_fingerprint().is_some()
            && self.search.ranking.vector(keyword).is_some()
    }

    /// Asks for the name of a query.
    pub(in crate::app) fn name_query(&mut self, keyword: String) {
        self.saved.naming = Some(Naming { keyword, name: String::new(), fresh: true });
    }

    /// The saved queries under the keywords: a click looks for one, a cross removes it.
    pub(in crate::app) fn show_saved_queries(&mut self, ui: &mut Ui) {
        if self.saved.queries.is_empty() {
            return;
        }
        let model = self.model_fingerprint();
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
            ui.label(RichText::new("Saved").weak().size(12.0)).on_hover_text("Queries that were saved");
            for query in &self.saved.queries {
                let word = format!("@{}", query.name);
                if self.keywords.find(&word).is_none() {
                    let fits = model.as_ref().is_none_or(|model| *model == query.model_fingerprint);
                    let text = RichText::new(format!("+ {word}")).size(12.0);
                    let button = Button::new(text).fill(Color32::TRANSPARENT).corner_radius(10);
                    let button = ui
                        .add_enabled(fits, button)
                        .on_hover_text(format!("Look for what was saved of “{}”", query.expression))
                        .on_disabled_hover_text(format!("Saved with the model {}", query.model));
                    if button.clicked() {
                        chosen = Some(word);
                    }
                }
                let cross = Button::new(RichText::new("×").size(12.0)).fill(Color32::TRANSPARENT);
                let name = format!("Remove the saved query {}", query.name);
                if ui.add(cross).accessible_name(&name).on_hover_text(name).clicked() {
                    self.saved.removing = Some(query.name.clone());
                }
            }
        });
        if let Some(word) = chosen {
            self.keywords.add(&word);
        }
        self.show_removal(ui);
    }

    /// The question whether a saved query should really go.
    fn show_removal(&mut self, ui: &mut Ui) {
        let Some(name) = self.saved.removing.clone() else { return };
        ui.label(format!("Remove the saved query @{name} for good?"));
        ui.horizontal(|ui| {
            if ui.button("Remove it").on_hover_text("Remove its file").clicked() {
                self.saved.removing = None;
                self.saved.start(&self.jobs, move |folder| {
                    folder.remove(&name)?;
                    Ok(Some(format!("Removed the saved query @{name}")))
                });
            }
            if ui.button("Keep it").on_hover_text("Leave it as it is").clicked() {
                self.saved.removing = None;
            }
        });
    }

    /// The dialog that asks for a name, while it is open.
    pub(in crate::app) fn show_naming(&mut self, ctx: &Context) {
        let Some(mut naming) = self.saved.naming.take() else { return };
        let (mut open, mut entered) = (true, false);
        let problem = SavedQuery::check_name(&naming.name).err();
        Window::new("Save this query")
            .open(&mut open)
            .collapsible(false)
            .resizable(false)
            .anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO)
            .show(ctx, |ui| {
                ui.label(format!("“{}” can then be looked for in any scene, by this model.", naming.keyword));
                let field = TextEdit::singleline(&mut naming.name)
                    .hint_text("A short name")
                    .desired_width(260.0)
                    .char_limit(60);
                let field = ui.add(field).accessible_name("Name of the query").on_hover_text(
                    "Letters from a to z, digits, - and _; type @ and this name to look for it",
                );
                if std::mem::take(&mut naming.fresh) {
                    field.request_focus();
                }
                entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                let note = match &problem {
                    Some(_) if naming.name.is_empty() => "Letters, digits, - and _".to_owned(),
                    Some(problem) => format::sentence(&problem.to_string()),
                    None if self.saved.find(&naming.name).is_some() => {
                        format!("It takes the place of the @{} that is there.", naming.name)
                    }
                    None => format!("To be looked for as @{}", naming.name),
                };
                ui.weak(note);
                let button = ui.add_enabled(problem.is_none(), Button::new("Save query"));
                entered |= button.on_hover_text("Save it under this name (Enter)").clicked();
            });
        if entered && problem.is_none() {
            self.save_query(&naming);
        } else if open {
            naming.fresh |= entered;
            self.saved.naming = Some(naming);
        }
    }

    fn save_query(&mut self, naming: &Naming) {
        let vector = self.search.ranking.vector(&naming.keyword).cloned();
        let (Some(vector), ModelState::Ready(card)) = (vector, &self.search.model) else {
            self.error = Some("This query is gone; scan once more to save it.".to_owned());
            return;
        };
        let query = SavedQuery {
            name: naming.name.clone(),
            expression: naming.keyword.clone(),
            model: card.model.clone(),
            model_fingerprint: card.fingerprint.clone(),
            embedding: vector.to_vec(),
        };
        self.saved.start(&self.jobs, move |folder| {
            folder.save(&query)?;
            Ok(Some(format!("Saved the query as @{}", query.name)))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        let query = SavedQuery {
            name: "Ports".to_owned(),
            expression: "harbor".to_owned(),
            model: "tiny".to_owned(),
            model_fingerprint: "12ab".to_owned(),
            embedding: vec![1.0],
        };
        Saved { queries: vec![query], ..Saved::default() }
    }

    #[test]
    fn names_are_known_or_explained() {
        let saved = saved();
        assert_eq!(saved.problem("@ports + ships", Some("12ab"), &[]), None);
        assert_eq!(saved.problem("@ports", None, &[]), None, "the model is still to come");
        assert!(saved.problem("@ports", Some("ff"), &[]).is_some_and(|problem| problem.contains("tiny")));
        assert!(saved.problem("@docks", None, &[]).is_some_and(|problem| problem.contains("@Ports")));
        assert_eq!(saved.problem("@docks", None, &["docks"]), None);
        assert!(saved.problem("a + + b", None, &[]).is_some());
        assert!(
            Saved::default().problem("@docks", None, &[]).is_some_and(|problem| problem.contains("menu"))
        );
        assert!(saved.begins("po") && !saved.begins("pox"));
    }

    #[test]
    fn only_what_keywords_name_is_sent() {
        let saved = saved();
        assert!(saved.examples(&["harbor".to_owned()]).is_empty());
        assert_eq!(saved.examples(&["beach | @ports".to_owned()])[0].name, "Ports");
    }
}
