//! The few examples of few-shot classification.

use super::EvaluateError;
use super::classification::check_labels;
use super::embeddings::Embeddings;
use crate::random::SplitMix64;

/// Examples with their classes.
#[derive(Clone, Debug)]
pub struct Shots {
    pub embeddings: Embeddings,
    /// The class of each.
    pub labels: Vec<usize>,
}

impl Shots {
    /// # Errors
    /// If there are none, there isn't one label below `classes` for each, or their width isn't that of
    /// `images`.
    pub(super) fn check(&self, images: &Embeddings, classes: usize) -> Result<(), EvaluateError> {
        images.check_width(&self.embeddings)?;
        check_labels(&self.embeddings, &self.labels, classes)?;
        if self.labels.is_empty() {
            return Err(EvaluateError::Input("there are no examples".to_owned()));
        }
        Ok(())
    }
}

/// The indices of each class's items in random order. The same labels and seed give the same order. The first
/// N of each class are its N shots, so that more shots include fewer.
#[must_use]
pub fn shuffled_by_class(labels: &[usize], classes: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut by_class = vec![Vec::new(); classes];
    for (index, &label) in labels.iter().enumerate() {
        if let Some(class) = by_class.get_mut(label) {
            class.push(index);
        }
    }
    let mut random = SplitMix64::new(seed);
    for class in &mut by_class {
        // Fisher and Yates.
        for last in (1..class.len()).rev() {
            class.swap(last, random.index(last + 1));
        }
    }
    by_class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_once_in_an_order_that_the_seed_decides() {
        let labels: Vec<usize> = (0..60).map(|index| index % 3).collect();
        let order = shuffled_by_class(&labels, 3, 7);
        for (class, items) in order.iter().enumerate() {
            let mut sorted = items.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..20).map(|index| index * 3 + class).collect::<Vec<_>>());
            assert_ne!(&sorted, items);
        }
        assert_eq!(order, shuffled_by_class(&labels, 3, 7));
        assert_ne!(order, shuffled_by_class(&labels, 3, 8));
    }
}
