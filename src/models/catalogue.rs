//! The list of published models.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ModelError;
use crate::text_file;

/// The list that comes with Skysift.
const SHIPPED: &str = include_str!("../../assets/models.toml");

/// How a model's files are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileLayout {
    /// A folder with `config.json`.
    HuggingFace,
    /// A folder with `open_clip_config.json`.
    OpenClip,
    /// Weights alone.
    StateDict,
}

/// A published model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    pub name: String,
    pub title: String,
    /// The repository on the hub, "owner/name".
    pub hub: Option<String>,
    /// The address of a .zip, for models that aren't on the hub.
    pub url: Option<String>,
    pub revision: String,
    pub layout: FileLayout,
    /// The architecture of a state dict.
    pub arch: Option<String>,
    /// The activation in the authors' code: "`quick_gelu`", "gelu", "`gelu_tanh`", or one for images and one
    /// for sentences.
    pub activation: String,
    /// Tokens of a sentence.
    pub context: usize,
    /// Side of the input, in pixels.
    pub image: usize,
    /// The approximate size of all files, in bytes.
    pub size: u64,
    #[serde(skip_serializing)]
    pub files: Vec<FileSpec>,
    pub good_for: String,
    /// Published mean zero-shot accuracy over ten remote sensing data sets, in percent.
    pub average: Option<f64>,
    pub licence: String,
    pub licence_page: String,
    pub citation: String,
    /// What couldn't be determined without the files themselves.
    pub unsure: Option<String>,
}

/// A file of a model, or alternatives to it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "WrittenFileSpec")]
pub struct FileSpec {
    /// The alternatives, the best first; each is one or more files that belong together.
    pub any: Vec<Vec<String>>,
    /// Whether the model runs without it.
    pub optional: bool,
    /// The checksum of the file, if there is a single one.
    pub sha256: Option<String>,
}

/// A [`FileSpec`] as it is written in the file.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenFileSpec {
    Name(String),
    Table {
        any: Vec<Group>,
        #[serde(default)]
        optional: bool,
        sha256: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Group {
    One(String),
    Several(Vec<String>),
}

impl From<WrittenFileSpec> for FileSpec {
    fn from(written: WrittenFileSpec) -> Self {
        match written {
            WrittenFileSpec::Name(name) => Self { any: vec![vec![name]], optional: false, sha256: None },
            WrittenFileSpec::Table { any, optional, sha256 } => {
                let files = |group| match group {
                    Group::One(name) => vec![name],
                    Group::Several(names) => names,
                };
                Self { any: any.into_iter().map(files).collect(), optional, sha256 }
            }
        }
    }
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[serde(default)]
    model: Vec<CatalogueEntry>,
}

/// All published models that Skysift knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    pub entries: Vec<CatalogueEntry>,
}

impl Catalogue {
    /// The catalogue that comes with Skysift, with what the user's own file adds or replaces.
    ///
    /// # Errors
    /// If there is a file of the user's that can't be understood.
    pub fn load(own: Option<&Path>) -> Result<Self, ModelError> {
        let mut catalogue = Self::shipped()?;
        let Some(path) = own else { return Ok(catalogue) };
        let text = match text_file::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(catalogue),
            Err(error) => return Err(ModelError::file(path, "cannot be read", &error)),
        };
        for entry in parse(&text).map_err(|reason| ModelError::Catalogue { path: path.to_owned(), reason })? {
            match catalogue.entries.iter_mut().find(|known| known.name == entry.name) {
                Some(known) => *known = entry,
                None => catalogue.entries.push(entry),
            }
        }
        Ok(catalogue)
    }

    /// The catalogue that comes with Skysift.
    ///
    /// # Errors
    /// None; a test makes sure of that.
    pub fn shipped() -> Result<Self, ModelError> {
        let entries = parse(SHIPPED)
            .map_err(|reason| ModelError::Catalogue { path: "assets/models.toml".into(), reason })?;
        Ok(Self { entries })
    }

    /// The entry with a name, or of a repository if it holds no other.
    ///
    /// # Errors
    /// The most similar names.
    pub fn find(&self, name: &str) -> Result<&CatalogueEntry, Vec<&str>> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)) {
            return Ok(entry);
        }
        let of_hub: Vec<&CatalogueEntry> = self
            .entries
            .iter()
            .filter(|entry| entry.hub.as_deref().is_some_and(|hub| hub.eq_ignore_ascii_case(name)))
            .collect();
        match of_hub[..] {
            [entry] => Ok(entry),
            [] => Err(self.nearest(name)),
            _ => Err(of_hub.into_iter().map(|entry| entry.name.as_str()).collect()),
        }
    }

    fn nearest(&self, name: &str) -> Vec<&str> {
        const MOST: usize = 3;
        let name = name.to_lowercase();
        let mut names: Vec<(usize, &str)> = self
            .entries
            .iter()
            .map(|entry| (edit_distance(&name, &entry.name), entry.name.as_str()))
            .collect();
        names.sort_unstable();
        names
            .into_iter()
            .filter(|(edits, _)| *edits <= name.len() / 2)
            .take(MOST)
            .map(|(_, name)| name)
            .collect()
    }
}

/// The Levenshtein distance of two words: letters to insert, remove or change.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, other) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or_default();
            let here = (diagonal + usize::from(letter != *other)).min(left + 1).min(above + 1);
            diagonal = above;
            if let Some(place) = row.get_mut(j) {
                *place = left;
            }
            left = here;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn parse(text: &str) -> Result<Vec<CatalogueEntry>, String> {
    let listing: Listing =
        toml::from_str(text).map_err(|error| error.to_string().trim().replace('\n', " "))?;
    let mut names = BTreeSet::new();
    for entry in &listing.model {
        check(entry).map_err(|reason| format!("the model {:?}: {reason}", entry.name))?;
        if !names.insert(&entry.name) {
            return Err(format!("there are two models named {:?}", entry.name));
        }
    }
    Ok(listing.model)
}

/// Checks an entry, since its names and addresses become parts of paths and requests.
fn check(entry: &CatalogueEntry) -> Result<(), String> {
    let plain = |text: &str, more: &[char]| {
        !text.is_empty()
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(&letter))
    };
    if !plain(&entry.name, &['-', '.', '_']) || entry.name.starts_with('.') {
        return Err("a name holds letters, digits, - . and _, and begins with none of them".to_owned());
    }
    match (&entry.hub, &entry.url) {
        (Some(hub), None) => {
            let parts: Vec<&str> = hub.split('/').collect();
            if parts.len() != 2 || !parts.iter().all(|part| plain(part, &['-', '.', '_']) && *part != "..") {
                return Err(format!("{hub:?} is not a repository, owner/name"));
            }
        }
        (None, Some(url)) if url.starts_with("https://") || url.starts_with("http://") => {}
        (None, Some(url)) => return Err(format!("{url:?} is not the address of a file on a server")),
        _ => return Err("it needs hub or url, and not both".to_owned()),
    }
    let inside = |name: &str| plain(name, &['-', '.', '_', '/']) && name.split('/').all(is_file_name);
    if !inside(&entry.revision) {
        return Err(format!("{:?} is not a revision", entry.revision));
    }
    let names: Vec<&String> = entry.files.iter().flat_map(|spec| spec.any.iter().flatten()).collect();
    if let Some(name) = names.iter().find(|name| !inside(name)) {
        return Err(format!("{name:?} is not the name of a file in a repository"));
    }
    if entry.files.iter().any(|spec| spec.any.is_empty() || spec.any.iter().any(Vec::is_empty)) {
        return Err("a file has no name".to_owned());
    }
    if (entry.layout == FileLayout::StateDict) != entry.arch.is_some() {
        return Err("a state dict, and nothing else, needs arch".to_owned());
    }
    if entry.layout == FileLayout::StateDict && entry.weights().is_none() {
        return Err("the last of its files has to be the state dict".to_owned());
    }
    Ok(())
}

fn is_file_name(part: &str) -> bool {
    !part.is_empty() && part != "." && part != ".."
}

impl CatalogueEntry {
    /// The activation as it is written in a [`crate::clip::ModelDescription`].
    #[must_use]
    pub fn activation_text(&self) -> String {
        let name = |activation: &str| match activation {
            "quick_gelu" => "QuickGELU".to_owned(),
            "gelu_tanh" => "tanh-GELU".to_owned(),
            "gelu" => "GELU".to_owned(),
            other => other.to_owned(),
        };
        let towers = self.activation.strip_suffix(" for sentences");
        match towers.and_then(|towers| towers.split_once(" for images, ")) {
            Some((images, text)) => format!("{} for images, {} for sentences", name(images), name(text)),
            None => name(&self.activation),
        }
    }

    /// The file of a state dict: the last one in the list.
    #[must_use]
    pub fn weights(&self) -> Option<&str> {
        let last = self.files.last().filter(|spec| !spec.optional)?;
        last.any.first()?.first().map(String::as_str)
    }

    /// The page of the repository, or of the licence.
    #[must_use]
    pub fn page(&self) -> String {
        match &self.hub {
            Some(hub) => format!("https://huggingface.co/{hub}"),
            None => self.licence_page.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalogue_is_sound() {
        let catalogue = Catalogue::shipped().unwrap();
        assert!(catalogue.entries.len() >= 23);
        for entry in &catalogue.entries {
            assert!(
                ["QuickGELU", "GELU", "tanh-GELU", "GELU for images, tanh-GELU for sentences"]
                    .contains(&entry.activation_text().as_str()),
                "{}",
                entry.name
            );
            assert!(entry.licence_page.starts_with("https://"), "{}", entry.name);
            // The activation stands in the architecture's name, too.
            match entry.arch.as_deref() {
                Some(arch) if entry.activation == "quick_gelu" => {
                    assert!(arch.ends_with("-quickgelu"), "{arch}");
                }
                Some(arch) => assert!(arch.ends_with("-gelu"), "{arch}"),
                None => {}
            }
        }
        let average = |name: &str| catalogue.find(name).unwrap().average;
        assert_eq!(average("georsclip-vit-h-14"), Some(72.1));
        assert_eq!(average("clip-vit-b-32"), Some(56.1));
    }

    #[test]
    fn models_are_found_by_name_and_by_repository() {
        let catalogue = Catalogue::shipped().unwrap();
        assert_eq!(catalogue.find("RemoteCLIP-ViT-B-32").unwrap().name, "remoteclip-vit-b-32");
        assert_eq!(catalogue.find("openai/clip-vit-base-patch16").unwrap().name, "clip-vit-b-16");
        assert_eq!(catalogue.find("chendelong/RemoteCLIP").unwrap_err().len(), 3);
        assert!(catalogue.find("georsclip-b-32").unwrap_err().contains(&"georsclip-vit-b-32"));
        assert!(catalogue.find("/no/such/folder/of/a/model").unwrap_err().is_empty());
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(
            [edit_distance("", "abc"), edit_distance("kitten", "sitting"), edit_distance("a", "a")],
            [3, 3, 0]
        );
    }

    #[test]
    fn the_user_s_own_file_adds_and_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.toml");
        let entry = |name: &str, more: &str| {
            format!(
                "[[model]]\nname = \"{name}\"\ntitle = \"Mine\"\nhub = \"me/mine\"\nrevision = \"main\"\n\
                 layout = \"hugging-face\"\nactivation = \"gelu\"\ncontext = 77\nimage = 224\nsize = 1\n\
                 files = [\"config.json\"]\ngood_for = \"me\"\nlicence = \"mine\"\n\
                 licence_page = \"https://example.com\"\ncitation = \"me\"\n{more}\n"
            )
        };
        std::fs::write(&path, entry("mine", "") + &entry("clip-vit-b-32", "")).unwrap();
        let catalogue = Catalogue::load(Some(&path)).unwrap();
        assert_eq!(catalogue.entries.len(), Catalogue::shipped().unwrap().entries.len() + 1);
        assert_eq!(catalogue.find("clip-vit-b-32").unwrap().title, "Mine");
        let refused = |text: String| {
            std::fs::write(&path, text).unwrap();
            Catalogue::load(Some(&path)).unwrap_err().to_string()
        };
        assert!(refused(entry("mine", "unheard_of = 1")).contains("unheard_of"));
        assert!(refused(entry("mine", "") + &entry("mine", "")).contains("two models"));
        assert!(refused(entry("../mine", "")).contains("name holds"));
        assert!(refused(entry("mine", "").replace("config.json", "../../x")).contains("../../x"));
        assert!(refused(entry("mine", "").replace("me/mine", "../mine")).contains("repository"));
        assert!(refused("name = 3".to_owned()).contains("models.toml"));
        assert_eq!(
            Catalogue::load(Some(&folder.path().join("none"))).unwrap(),
            Catalogue::shipped().unwrap()
        );
    }
}
