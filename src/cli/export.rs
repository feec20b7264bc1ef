//! `skysift export`: the results of a project, without a window.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::args::examples::saved_examples;
use super::args::export::ExportArgs;
use super::args::inputs;
use super::open_scene::open_scene;
use super::scan_progress::{FinishedScan, ScanBar, wait};
use super::{RunArgs, output};
use crate::clip::{ModelSource, Sharpener};
use crate::encoder::{EncoderCard, clip_loader};
use crate::export::{
    LibraryDetection, LibraryReport, Origin, ReportedScan, ScanReport, Verdict, write_library_report,
    write_report,
};
use crate::models::ModelPlaces;
use crate::project::{Project, ProjectScene, read};
use crate::raster::Scene;
use crate::scan::{Command, ScanRequest, ScanSettings, Scanner, SceneSource};
use crate::search::{Detection, Query, unique_keywords};

#[derive(Args)]
pub struct ExportProjectArgs {
    /// The project, a .skysift file
    project: PathBuf,
    /// Only the scene of this name; may be given several times [default: all scenes of the project]
    #[arg(long, value_name = "NAME")]
    scene: Vec<String>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    export: ExportArgs,
    /// Print nothing but the result and what makes it incomplete
    #[arg(long)]
    quiet: bool,
}

/// A scene whose windows are all seen.
struct Seen {
    scene: Arc<Scene>,
    query: Query,
    scan: FinishedScan,
    report: ScanReport,
}

pub fn run(args: &ExportProjectArgs) -> anyhow::Result<()> {
    args.export.check();
    let project = read(&args.project)?;
    let scenes = args.scenes(&project)?;
    let places: Vec<PathBuf> = scenes.iter().map(|scene| args.place(scene)).collect::<Result<_, _>>()?;
    args.check_outputs(&places)?;
    let settings = project.settings.scan().context("the project's prompt does not fit")?;
    let scanner = Scanner::spawn(|| {});
    let load = clip_loader(args.model(&project)?, args.run.run_on(), args.sharpener(&project)?);
    if !scanner.send(Command::Load { load, measure: false }) {
        bail!("the scan could not be started");
    }
    let mut seen = Vec::new();
    for (scene, place) in scenes.iter().zip(&places) {
        let opened = Arc::new(open_scene(place, args.quiet, &args.run.storage())?);
        seen.push(args.look_at(&scanner, &project, scene, opened, &settings)?);
    }
    args.tell_of_model(&project, seen.first().map(|first| &first.scan.summary.card));
    args.write(&seen)?;
    seen.iter().try_for_each(|seen| seen.scan.check_complete())
}

impl ExportProjectArgs {
    /// The scenes that are asked for.
    fn scenes<'a>(&self, project: &'a Project) -> anyhow::Result<Vec<&'a ProjectScene>> {
        if project.scenes.is_empty() {
            bail!("{} has no scenes yet", self.project.display());
        }
        let names = || project.scenes.iter().map(|scene| scene.reference.name());
        if let Some(unknown) = self.scene.iter().find(|name| !names().any(|known| known == **name)) {
            let known = names().collect::<Vec<_>>().join(", ");
            bail!("{} has no scene {unknown}; it has {known}", self.project.display());
        }
        let wanted =
            |scene: &&ProjectScene| self.scene.is_empty() || self.scene.contains(&scene.reference.name());
        Ok(project.scenes.iter().filter(wanted).collect())
    }

    /// Where a scene lies now.
    fn place(&self, scene: &ProjectScene) -> anyhow::Result<PathBuf> {
        scene.reference.find(Some(&self.project)).ok_or_else(|| {
            let name = scene.reference.name();
            let path = scene.reference.path.as_deref().map(|path| path.display().to_string());
            anyhow!(
                "the scene {name} is neither at {} nor beside the project; put it there",
                path.unwrap_or_else(|| name.clone())
            )
        })
    }

    /// The model that was named, else that of the project.
    fn model(&self, project: &Project) -> anyhow::Result<ModelSource> {
        match (&self.run.model.model, &project.model.path) {
            (None, Some(path)) => {
                let arch = project.model.arch.as_deref();
                Ok(ModelPlaces::from_environment().resolve(path, arch)?)
            }
            _ => self.run.model.source(),
        }
    }

    fn sharpener(&self, project: &Project) -> anyhow::Result<Option<Arc<Sharpener>>> {
        let mut sharpen = self.run.sharpen.clone();
        if project.settings.sharpen && !project.settings.dense {
            sharpen.sharpen = sharpen.sharpen.or(Some(None));
        }
        sharpen.sharpener()
    }

    /// Looks for what the project looks for; what is stored isn't encoded again.
    fn look_at(
        &self,
        scanner: &Scanner,
        project: &Project,
        known: &ProjectScene,
        scene: Arc<Scene>,
        settings: &ScanSettings,
    ) -> anyhow::Result<Seen> {
        let name = known.reference.name();
        let words = project.keywords.iter().chain(&known.keywords);
        let words: Vec<String> =
            words.filter(|keyword| !keyword.hidden).map(|keyword| keyword.word.clone()).collect();
        let mut query = settings.clone().query(unique_keywords(&words));
        if query.keywords.is_empty() {
            bail!("nothing is looked for in {name}: the project has no keywords that are shown");
        }
        query.examples = known.query_examples();
        query.examples.extend(saved_examples(&query)?);
        query.feedback = known.feedback();
        query.expressions()?;
        let areas = known.query_areas().with_context(|| format!("an area of {name} is damaged"))?;
        let request = ScanRequest {
            areas,
            store: self.run.store(),
            ..settings.request(Arc::clone(&scene) as _, query.clone())
        };
        let windows = if settings.dense { 0 } else { request.layouts()?.windows() };
        if !scanner.send(Command::Scan(request)) {
            bail!("the scan could not be started");
        }
        let bar = ScanBar::new(self.quiet, windows as u64, "loading the model", scene.notices());
        let scan = wait(scanner, &query.keywords, &bar)?;
        if !known.reference.fingerprint.is_empty() && known.reference.fingerprint != scene.fingerprint() {
            output::note(format_args!("{name} is not as it was when the project was saved"));
        }
        let report = report(&scene, &query, &scan, settings, known);
        Ok(Seen { scene, query, scan, report })
    }

    fn tell_of_model(&self, project: &Project, card: Option<&EncoderCard>) {
        let other = card.filter(|card| card.fingerprint != project.model.fingerprint);
        if let Some(card) = other.filter(|_| !project.model.fingerprint.is_empty() && !self.quiet) {
            output::note(format_args!("the project was saved with another model than {}", card.model));
        }
    }

    fn write(&self, seen: &[Seen]) -> anyhow::Result<()> {
        let open = |origin: &Origin| {
            let of = seen.iter().find(|seen| seen.report.image == origin.scene);
            let of = of.ok_or_else(|| std::io::Error::other("it is no scene of the project"))?;
            Ok(Arc::clone(&of.scene) as Arc<dyn SceneSource>)
        };
        if let [one] = seen {
            return self.export.write(
                self.quiet,
                Some(&*one.scene),
                &open,
                || one.report.records(),
                |format, options, out| write_report(&one.report, format, options, out),
            );
        }
        let Some(joined) = joined(seen) else { return Ok(()) };
        self.export.write(
            self.quiet,
            None,
            &open,
            || joined.records(),
            |format, options, out| write_library_report(&joined, format, options, out),
        )
    }

    /// Whether nothing that is written replaces what is read.
    fn check_outputs(&self, scenes: &[PathBuf]) -> anyhow::Result<()> {
        let mut inputs = inputs::inputs();
        inputs.file("the project", &self.project);
        for scene in scenes {
            inputs.image(scene);
        }
        self.run.add_to(&mut inputs);
        Ok(inputs.check(&inputs::named(&[("-o", self.export.output.as_ref())]))?)
    }
}

/// What was found in a scene, with what was said about it.
fn report(
    scene: &Scene,
    query: &Query,
    scan: &FinishedScan,
    settings: &ScanSettings,
    known: &ProjectScene,
) -> ScanReport {
    let verdict = |found: &Detection| {
        let said = known.verdicts.iter().find(|said| said.keyword == found.keyword);
        match said {
            Some(said) if said.accepted.contains(&found.window) => Verdict::Accepted,
            Some(said) if said.rejected.contains(&found.window) => Verdict::Rejected,
            _ => Verdict::None,
        }
    };
    // What a person said something about is told whether it is clear or not.
    let told = scan.ranking.iter().filter(|found| found.clear || verdict(found) != Verdict::None);
    let detections: Vec<Detection> = told.cloned().collect();
    let reported = ReportedScan {
        scene,
        grid: settings.grid,
        scales: &settings.scales,
        query,
        summary: &scan.summary,
        notices: &scan.notices,
    };
    let mut report = ScanReport::new(&reported, &scan.ranking, &detections);
    for (line, found) in report.detections.iter_mut().zip(&detections) {
        line.verdict = verdict(found);
    }
    report
}

/// The reports of several scenes as one; ranks stay those in their scenes.
fn joined(seen: &[Seen]) -> Option<LibraryReport> {
    let first = seen.first()?;
    let mut joined = LibraryReport::new(&first.scan.summary.card, &first.query);
    joined.scenes = seen.len();
    for Seen { report, .. } in seen {
        joined.windows += report.windows;
        joined.seconds += report.seconds;
        joined.notices.extend(report.notices.iter().cloned());
        let keywords = [joined.keywords, report.keywords.clone()].concat();
        joined.keywords = unique_keywords(&keywords);
        joined.detections.extend(report.detections.iter().map(|found| LibraryDetection {
            image: report.image.clone(),
            image_width: report.width,
            image_height: report.height,
            scene_fingerprint: report.scene_fingerprint.clone(),
            detection: found.clone(),
        }));
    }
    joined.notices.dedup();
    if !joined.threshold.is_empty() {
        joined.find_keywords_without_match();
    }
    Some(joined)
}
