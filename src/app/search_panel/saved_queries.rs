//! Saved queries in the window: read at the start, added from a keyword's menu, looked for as `@name`.

use std::collections::VecDeque;
use std::path::Path;

use eframe::egui;
use eframe::egui::{Button, Color32, Context, RichText, TextEdit, Ui, Window};

use super::keywords::Keywords;
use crate::app::action::Action;
use crate::app::format;
use crate::app::jobs::Job;
use crate::app::search::{ModelState, Search};
use crate::export::{SavedQueries, SavedQuery, SavedQueryError};
use crate::search::{Example, Expression, example_name};

/// Something to do in the folder; what it returns is told.
type Work = Box<dyn FnOnce(&SavedQueries) -> Result<Option<String>, SavedQueryError> + Send>;

/// What a job found in the folder, and how it went.
struct Listing {
    queries: Vec<SavedQuery>,
    /// Something that worked.
    notice: Option<String>,
    errors: Vec<String>,
}

impl Listing {
    /// What is in the folder once something was done there.
    fn after(work: Work, folder: &SavedQueries) -> Self {
        let done = work(folder);
        let (queries, unreadable) = folder.list();
        let mut errors: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
        let notice = done.unwrap_or_else(|error| {
            errors.insert(0, error.to_string());
            None
        });
        Self { queries, notice, errors }
    }
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
pub struct SavedQueryList {
    folder: Option<SavedQueries>,
    queries: Vec<SavedQuery>,
    /// What is still to be done in the folder: one after the other, so that nothing that fails goes untold.
    waiting: VecDeque<Work>,
    /// Does something in the folder, and reads it anew.
    job: Option<Job<Listing>>,
    naming: Option<Naming>,
    /// The one that is to be removed, once that is confirmed.
    removing: Option<String>,
}

impl SavedQueryList {
    /// Where the queries are kept, if they may be.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(SavedQueries::folder)
    }

    /// Begins to read what is in the folder.
    #[must_use]
    pub fn new(folder: Option<&Path>, ctx: &Context) -> Self {
        let folder = folder.map(SavedQueries::new);
        let mut saved = Self { folder, ..Self::default() };
        saved.start(ctx, |_| Ok(None));
        saved
    }

    /// Has something done in the folder, which is then read anew.
    fn start(
        &mut self,
        ctx: &Context,
        work: impl FnOnce(&SavedQueries) -> Result<Option<String>, SavedQueryError> + Send + 'static,
    ) {
        if self.folder.is_some() {
            self.waiting.push_back(Box::new(work));
            ctx.request_repaint();
        }
    }

    /// Takes what a job did in the folder, and begins the next.
    pub fn poll(&mut self, ctx: &Context) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some(Listing { queries, notice, errors }) = Job::poll(&mut self.job) {
            self.queries = queries;
            actions.extend(notice.map(Action::Notify));
            if !errors.is_empty() {
                actions.push(Action::ShowError(errors.join("; ")));
            }
        }
        if self.job.is_none()
            && let (Some(folder), Some(work)) = (self.folder.clone(), self.waiting.pop_front())
        {
            match Job::start(ctx, "saved queries", move |_| Listing::after(work, &folder)) {
                Ok(job) => self.job = Some(job),
                Err(error) => actions.push(Action::ShowError(error.to_string())),
            }
        }
        actions
    }

    /// Whether names are still being read, so that an unknown one may yet turn up.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.job.is_some() || !self.waiting.is_empty()
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
                None => Some(format!("There is no saved query @{name}; there are {}.", self.list_of_names())),
            })
    }

    /// Whether a name that is being typed may still become that of a saved query.
    #[must_use]
    pub fn begins(&self, begun: &str) -> bool {
        let begun = begun.to_ascii_lowercase();
        self.is_reading()
            || self.queries.iter().any(|query| query.name.to_ascii_lowercase().starts_with(&begun))
    }

    /// The names of all, without the `@`.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.queries.iter().map(|query| query.name.clone())
    }

    fn list_of_names(&self) -> String {
        self.queries.iter().map(|query| format!("@{}", query.name)).collect::<Vec<_>>().join(", ")
    }

    /// Closes the dialog. Returns whether it was open.
    pub fn close(&mut self) -> bool {
        self.naming.take().is_some() || self.removing.take().is_some()
    }

    /// Whether a keyword's vector is at hand to be saved.
    #[must_use]
    pub fn can_save(&self, keyword: &str, search: &Search) -> bool {
        self.folder.is_some()
            && search.model_fingerprint().is_some()
            && search.ranking().vector(keyword).is_some()
    }

    /// Asks for the name of a query.
    pub fn ask_name(&mut self, keyword: String) {
        self.naming = Some(Naming { keyword, name: String::new(), fresh: true });
    }

    /// The saved queries under the keywords: a click looks for one, which is returned; a cross removes it.
    pub fn ui(&mut self, ui: &mut Ui, keywords: &Keywords, search: &Search) -> Option<String> {
        if self.queries.is_empty() {
            return None;
        }
        let model = search.model_fingerprint();
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
            ui.label(RichText::new("Saved").weak().size(12.0)).on_hover_text("Queries that were saved");
            for query in &self.queries {
                let word = format!("@{}", query.name);
                if keywords.find(&word).is_none() {
                    let fits = model.is_none_or(|model| model == query.model_fingerprint);
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
                    self.removing = Some(query.name.clone());
                }
            }
        });
        self.show_removal(ui);
        chosen
    }

    /// The question whether a saved query should really go.
    fn show_removal(&mut self, ui: &mut Ui) {
        let Some(name) = self.removing.clone() else { return };
        ui.label(format!("Remove the saved query @{name} for good?"));
        ui.horizontal(|ui| {
            if ui.button("Remove it").on_hover_text("Remove its file").clicked() {
                self.removing = None;
                self.start(ui.ctx(), move |folder| {
                    folder.remove(&name)?;
                    Ok(Some(format!("Removed the saved query @{name}")))
                });
            }
            if ui.button("Keep it").on_hover_text("Leave it as it is").clicked() {
                self.removing = None;
            }
        });
    }

    /// The dialog that asks for a name, while it is open.
    pub fn naming_ui(&mut self, ctx: &Context, search: &Search) -> Option<Action> {
        let mut naming = self.naming.take()?;
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
                    None if self.find(&naming.name).is_some() => {
                        format!("It takes the place of the @{} that is there.", naming.name)
                    }
                    None => format!("To be looked for as @{}", naming.name),
                };
                ui.weak(note);
                let button = ui.add_enabled(problem.is_none(), Button::new("Save query"));
                entered |= button.on_hover_text("Save it under this name (Enter)").clicked();
            });
        if entered && problem.is_none() {
            return self.save(ctx, &naming, search);
        }
        if open {
            naming.fresh |= entered;
            self.naming = Some(naming);
        }
        None
    }

    fn save(&mut self, ctx: &Context, naming: &Naming, search: &Search) -> Option<Action> {
        let vector = search.ranking().vector(&naming.keyword);
        let (Some(vector), ModelState::Ready(card)) = (vector, search.model()) else {
            let error = "This query is gone; scan once more to save it.";
            return Some(Action::ShowError(error.to_owned()));
        };
        let query = SavedQuery {
            name: naming.name.clone(),
            expression: naming.keyword.clone(),
            model: card.model.clone(),
            model_fingerprint: card.fingerprint.clone(),
            embedding: vector.to_vec(),
        };
        self.start(ctx, move |folder| {
            folder.save(&query)?;
            Ok(Some(format!("Saved the query as @{}", query.name)))
        });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> SavedQueryList {
        let query = SavedQuery {
            name: "Ports".to_owned(),
            expression: "harbor".to_owned(),
            model: "tiny".to_owned(),
            model_fingerprint: "12ab".to_owned(),
            embedding: vec![1.0],
        };
        SavedQueryList { queries: vec![query], ..SavedQueryList::default() }
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
            SavedQueryList::default()
                .problem("@docks", None, &[])
                .is_some_and(|problem| problem.contains("menu"))
        );
        assert!(saved.begins("po") && !saved.begins("pox"));
    }

    #[test]
    fn changes_follow_each_other_and_all_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let ctx = Context::default();
        let mut saved = SavedQueryList::new(Some(folder.path()), &ctx);
        for name in ["one", "two"] {
            let query = SavedQuery { name: name.to_owned(), ..self::saved().queries[0].clone() };
            saved.start(&ctx, move |folder| {
                folder.save(&query)?;
                Ok(Some(query.name))
            });
        }
        let mut told = Vec::new();
        while saved.is_reading() {
            told.extend(saved.poll(&ctx));
            std::thread::yield_now();
        }
        assert!(
            matches!(&told[..], [Action::Notify(one), Action::Notify(two)] if one == "one" && two == "two"),
            "{told:?}"
        );
        assert_eq!(saved.queries.len(), 2);
    }

    #[test]
    fn only_what_keywords_name_is_sent() {
        let saved = saved();
        assert!(saved.examples(&["harbor".to_owned()]).is_empty());
        assert_eq!(saved.examples(&["beach | @ports".to_owned()])[0].name, "Ports");
    }
}
