//! The pictures to learn from: which are drawn for a step, with which sentences, and which are kept for
//! validation.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rayon::prelude::*;

use super::TrainError;
use super::augment::{Augment, Seen, augment, factor_up_to};
use super::sentences::Sentences;
use super::settings::TrainSource;
use super::step::Batch;
use crate::clip::Learner;
use crate::dataset::{ClassNames, Dataset, DatasetError, read_picture};
use crate::random::seed_of;
use crate::raster::Pixels;

/// Decoded pictures of up to this many bytes in all are kept, so that later epochs needn't read them again.
const CACHE_BYTES: usize = 2 << 30;

/// A set of pictures, split into those to learn from and those kept for validation.
pub struct SplitSet {
    pub dataset: Dataset,
    /// All names of each class.
    pub names: Vec<Vec<String>>,
    /// Indices of items to learn from.
    pub training: Vec<usize>,
    /// The same for each class.
    training_by_class: Vec<Vec<usize>>,
    /// Indices of items kept for validation.
    pub validation: Vec<usize>,
    /// Its share of every batch, relative to the other sets'.
    pub share: f64,
    /// As in [`TrainSource`].
    ground_scale: f64,
}

/// All sets, and what was read of them so far.
pub struct TrainingData {
    pub list: Vec<SplitSet>,
    pub sentences: Sentences,
    pub augment: Augment,
    seed: u64,
    cache: Mutex<Cache>,
    unreadable: Mutex<Vec<(PathBuf, String)>>,
}

#[derive(Default)]
struct Cache {
    pictures: HashMap<(usize, usize), Arc<Pixels>>,
    bytes: usize,
}

/// A picture that was drawn for a batch.
struct Draw {
    set: usize,
    item: usize,
    rng: StdRng,
}

impl SplitSet {
    /// Splits the set of a source: `validation` is the share of every class, or of all items if there are no
    /// classes, that isn't learnt from.
    pub fn new(
        dataset: Dataset,
        names: &ClassNames,
        validation: f64,
        source: &TrainSource,
        seed: u64,
    ) -> Self {
        let TrainSource { share, ground_scale, .. } = *source;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut by_class: Vec<Vec<usize>> = vec![Vec::new(); dataset.classes.len().max(1)];
        for (index, item) in dataset.items.iter().enumerate() {
            by_class[item.class.unwrap_or(0)].push(index);
        }
        let (mut training, mut kept) = (Vec::new(), Vec::new());
        for mut items in by_class {
            items.shuffle(&mut rng);
            // A single item is always learnt from.
            let count =
                ((items.len() as f64 * validation).round() as usize).min(items.len().saturating_sub(1));
            kept.extend_from_slice(&items[..count]);
            training.extend_from_slice(&items[count..]);
        }
        training.sort_unstable();
        kept.sort_unstable();
        let mut training_by_class = vec![Vec::new(); dataset.classes.len()];
        for &index in &training {
            if let Some(class) = dataset.items[index].class {
                training_by_class[class].push(index);
            }
        }
        let names = dataset.classes.iter().map(|class| names.names(class)).collect();
        Self { dataset, names, training, training_by_class, validation: kept, share, ground_scale }
    }
}

impl TrainingData {
    pub fn new(sets: Vec<SplitSet>, sentences: Sentences, augment: Augment, seed: u64) -> Self {
        let (cache, unreadable) = (Mutex::default(), Mutex::default());
        Self { list: sets, sentences, augment, seed, cache, unreadable }
    }

    /// The number of pictures to learn from.
    pub fn len(&self) -> usize {
        self.list.iter().map(|set| set.training.len()).sum()
    }

    /// Pictures that could not be read so far, and why.
    pub fn unreadable(&self) -> Vec<(PathBuf, String)> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The batch of a step; the same for the same seed and step.
    ///
    /// # Errors
    /// If a set has no readable picture, or a sentence cannot be tokenised.
    pub fn batch(&self, learner: &Learner, step: usize, size: usize) -> Result<Batch, TrainError> {
        let input_len = learner.preprocess().input_len();
        let mut pictures = vec![0.0; size * input_len];
        let drawn: Vec<(Draw, usize)> = self
            .draws(step, size)
            .into_par_iter()
            .zip(pictures.par_chunks_exact_mut(input_len))
            .map(|(mut draw, out)| {
                let (pixels, item) = self.readable(&mut draw)?;
                let factor = factor_up_to(self.list[draw.set].ground_scale, &mut draw.rng);
                let others = if factor > 1.0 { self.companions(&mut draw, item) } else { Vec::new() };
                let seen = Seen { pixels: &pixels, factor, others: &others };
                augment(learner.preprocess(), seen, self.augment, &mut draw.rng, out)?;
                Ok::<_, TrainError>((draw, item))
            })
            .collect::<Result<_, _>>()?;

        let mut batch = Batch { pictures, sentences: Vec::new(), owners: Vec::new(), truths: Vec::new() };
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut said: Vec<Said<'_>> = Vec::with_capacity(size);
        for (mut draw, index) in drawn {
            let set = &self.list[draw.set];
            let item = &set.dataset.items[index];
            let (sentence, of) = match item.class {
                Some(class) if item.captions.is_empty() => {
                    let names = &set.names[class];
                    let name = names.choose(&mut draw.rng).map_or("", String::as_str);
                    (self.sentences.of_name(name, &mut draw.rng), Said { names, name })
                }
                _ => (self.sentences.of_captions(&item.captions, &mut draw.rng), Said::default()),
            };
            said.push(of);
            if !known.contains_key(&sentence) {
                batch.sentences.push(learner.token_ids(&sentence)?);
                known.insert(sentence.clone(), known.len());
            }
            batch.owners.push(known[&sentence]);
        }
        batch.truths = truths(&said);
        Ok(batch)
    }

    /// The items of a step. Each set is gone through in rounds, in an order that is shuffled anew for every
    /// round; its share of a batch may be a fraction.
    fn draws(&self, step: usize, size: usize) -> Vec<Draw> {
        let shares: f64 = self.list.iter().map(|set| set.share).sum();
        let mut draws = Vec::with_capacity(size);
        let mut before = 0.0;
        for (index, set) in self.list.iter().enumerate() {
            // What rounding leaves over goes to the next set.
            let slots = |until: f64| (until / shares * size as f64).round() as usize;
            let (first, last) = (slots(before), slots(before + set.share));
            before += set.share;
            let start = step * (last - first);
            let mut shuffled: Option<(usize, Vec<usize>)> = None;
            for place in start..start + (last - first) {
                let round = place / set.training.len();
                let order = match &shuffled {
                    Some((of, order)) if *of == round => order,
                    _ => &shuffled.insert((round, self.order(index, round))).1,
                };
                let item = order[place % set.training.len()];
                let rng = StdRng::seed_from_u64(seed_of(&[self.seed, step as u64, draws.len() as u64]));
                draws.push(Draw { set: index, item, rng });
            }
        }
        draws
    }

    /// A set's items to learn from, in the order of a round.
    fn order(&self, set: usize, round: usize) -> Vec<usize> {
        let mut order = self.list[set].training.clone();
        order.shuffle(&mut StdRng::seed_from_u64(seed_of(&[self.seed, set as u64, round as u64, 7])));
        order
    }

    /// The picture that was drawn, or another of its set if it can't be read.
    fn readable(&self, draw: &mut Draw) -> Result<(Arc<Pixels>, usize), TrainError> {
        const TRIES: usize = 100;
        let set = &self.list[draw.set];
        let mut item = draw.item;
        for _ in 0..TRIES {
            match self.picture(draw.set, item) {
                Ok(pixels) => return Ok((pixels, item)),
                Err(error) => {
                    let path = set.dataset.items[item].path.clone();
                    let mut unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
                    if !unreadable.iter().any(|(known, _)| *known == path) {
                        unreadable.push((path, error.to_string()));
                    }
                }
            }
            item = set.training[draw.rng.random_range(0..set.training.len())];
        }
        Err(TrainError::Settings(format!(
            "{}: none of {TRIES} pictures of this set can be read",
            set.dataset.root.display()
        )))
    }

    /// A few pictures to learn from that are of the class of an item in its set, and so at its distance.
    /// Those that can't be read are left out.
    fn companions(&self, draw: &mut Draw, item: usize) -> Vec<Arc<Pixels>> {
        const MOST: usize = 5;
        let set = &self.list[draw.set];
        let Some(class) = set.dataset.items[item].class else { return Vec::new() };
        let alike = &set.training_by_class[class];
        let drawn: Vec<usize> = (0..MOST).map(|_| alike[draw.rng.random_range(0..alike.len())]).collect();
        let others = drawn.into_iter().filter(|other| *other != item);
        others.filter_map(|other| self.picture(draw.set, other).ok()).collect()
    }

    /// The picture of an item, from the cache if it is there.
    fn picture(&self, set: usize, item: usize) -> Result<Arc<Pixels>, DatasetError> {
        let cache = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pixels) = cache().pictures.get(&(set, item)) {
            return Ok(Arc::clone(pixels));
        }
        let path = &self.list[set].dataset.items[item].path;
        let pixels = Arc::new(read_picture(path)?);
        let mut cache = cache();
        if cache.bytes + pixels.rgba.len() <= CACHE_BYTES
            && cache.pictures.insert((set, item), Arc::clone(&pixels)).is_none()
        {
            cache.bytes += pixels.rgba.len();
        }
        Ok(pixels)
    }
}

/// What was said of a picture.
#[derive(Clone, Copy, Default)]
struct Said<'a> {
    /// All names of its class; none for a picture with captions of its own.
    names: &'a [String],
    /// The one that its sentence has.
    name: &'a str,
}

/// For each picture a row: whether what was said of each picture could have been said of it.
fn truths(said: &[Said<'_>]) -> Vec<bool> {
    let row = |picture: &Said<'_>| {
        let names = picture.names;
        said.iter().map(move |other| names.iter().any(|name| name == other.name)).collect::<Vec<_>>()
    };
    said.iter().flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Item;
    use crate::search::PromptTemplate;

    fn set(classes: &[(&str, usize)], share: f64) -> SplitSet {
        let mut items = Vec::new();
        for (class, (name, count)) in classes.iter().enumerate() {
            items.extend((0..*count).map(|i| Item {
                path: PathBuf::from(format!("{name}/{i}.png")),
                class: Some(class),
                captions: Vec::new(),
            }));
        }
        let classes = classes.iter().map(|(name, _)| (*name).to_owned()).collect();
        let dataset = Dataset { root: PathBuf::new(), classes, items, skipped: Vec::new() };
        let source = TrainSource { share, ..TrainSource::new(PathBuf::new()) };
        SplitSet::new(dataset, &ClassNames::default(), 0.25, &source, 1)
    }

    fn sets() -> TrainingData {
        let sentences = Sentences::new(vec![PromptTemplate::default()], Vec::new());
        let sets = vec![set(&[("harbor", 8), ("Forest", 8)], 1.0), set(&[("forest", 40)], 3.0)];
        TrainingData::new(sets, sentences, Augment::default(), 5)
    }

    #[test]
    fn validation_takes_its_part_of_every_class() {
        let set = set(&[("harbor", 8), ("forest", 4), ("rare", 1)], 1.0);
        assert_eq!((set.validation.len(), set.training.len()), (3, 10));
        assert!(set.training.contains(&12), "the only one of its class is learnt from");
        assert!(set.training.iter().all(|item| !set.validation.contains(item)));
    }

    #[test]
    fn batches_hold_the_shares_and_every_item_comes_once_a_round() {
        let sets = sets();
        let mut seen = [0; 16];
        // 12 items to learn from, 2 a batch.
        for step in 0..6 {
            let draws = sets.draws(step, 8);
            assert_eq!(draws.iter().filter(|draw| draw.set == 1).count(), 6);
            draws.iter().filter(|draw| draw.set == 0).for_each(|draw| seen[draw.item] += 1);
        }
        assert_eq!(seen.iter().sum::<i32>(), 12);
        assert!(sets.list[0].training.iter().all(|&item| seen[item] == 1));
    }

    #[test]
    fn companions_are_of_the_same_class_and_learnt_from() {
        let set = set(&[("harbor", 8), ("forest", 12)], 1.0);
        assert_eq!(set.training_by_class.iter().map(Vec::len).sum::<usize>(), set.training.len());
        for (class, items) in set.training_by_class.iter().enumerate() {
            assert!(!items.is_empty());
            assert!(items.iter().all(|&item| set.dataset.items[item].class == Some(class)));
            assert!(items.iter().all(|item| !set.validation.contains(item)));
        }
    }

    #[test]
    fn what_could_be_said_of_a_picture_is_true_of_it() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let suburb = names(&["suburb", "houses"]);
        let town = names(&["downtown", "houses"]);
        let said = [
            Said { names: &suburb, name: "houses" },
            Said { names: &town, name: "downtown" },
            Said::default(),
            Said { names: &town, name: "houses" },
        ];
        let (yes, no) = (true, false);
        let want = [yes, no, no, yes, yes, yes, no, yes, no, no, no, no, yes, yes, no, yes];
        assert_eq!(truths(&said), want);
    }
}
