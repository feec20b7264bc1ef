//! Refining a query by windows that were accepted or rejected: Rocchio's method.
//!
//! J. Rocchio, Relevance feedback in information retrieval, 1971; Manning, Raghavan and Schütze, Introduction
//! to Information Retrieval, section 9.1.1. The new query is the old one, moved towards what was accepted and
//! away from what was rejected. Images and texts of CLIP lie in different cones (Liang et al., Mind the gap,
//! 2022): a window's own embedding says first of all "an image of this scene". So only that counts in which
//! a window differs from the scene's mean.

use std::cmp::Ordering;

/// Weight of the query, of what was accepted and of what was rejected; the values that the book recommends.
pub const ALPHA: f64 = 1.0;
pub const BETA: f64 = 0.75;
pub const GAMMA: f64 = 0.15;

/// The least share of a window's distance to the mean that a text is taken to explain. Without it, feedback
/// would do nothing for a text that all windows are alike to, which is when it is needed most.
const LEAST_SHARE: f64 = 0.1;

/// A direction shorter than this is what rounding left of nothing; embeddings have the length 1.
const NOTHING: f64 = 1e-6;

/// The embeddings of windows that a person accepted or rejected, each L2-normalised and as long as the query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeedbackEmbeddings {
    pub accepted: Vec<Vec<f32>>,
    pub rejected: Vec<Vec<f32>>,
}

impl FeedbackEmbeddings {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.rejected.is_empty()
    }
}

/// The query moved by the feedback, L2-normalised:
///
/// ```text
/// unit(ALPHA query + s (BETA unit(mean(accepted) - mean) - GAMMA unit(mean(rejected) - mean)))
/// ```
///
/// `mean` is the mean embedding of the scene's windows. Cosines between images spread several times as far as
/// those between an image and a text; `s` is how much of the distance of these windows to the mean the text
/// explains, so that both parts move scores by comparable amounts. Both directions are taken at a right angle
/// to `mean`: the scene as a whole stays as near to the query as it was, beside the background words.
///
/// Without feedback it is the query bit for bit. It depends on the set of judged windows alone, not on the
/// order in which they were judged. Embeddings of another length or with values that aren't finite don't
/// count.
#[must_use]
pub fn refine(query: &[f32], feedback: &FeedbackEmbeddings, mean: &[f32]) -> Vec<f32> {
    let accepted = centred(&feedback.accepted, query.len(), mean);
    let rejected = centred(&feedback.rejected, query.len(), mean);
    let towards = direction(&accepted, query.len(), mean);
    let away = direction(&rejected, query.len(), mean);
    if towards.is_none() && away.is_none() {
        return query.to_vec();
    }
    let query_norm = query.iter().map(|&q| f64::from(q).powi(2)).sum::<f64>().sqrt();
    let scale = query_norm * share(query, query_norm, accepted.iter().chain(&rejected));
    let part = |direction: &Option<Vec<f64>>, at: usize| direction.as_ref().map_or(0.0, |d| d[at]);
    let moved = query.iter().enumerate().map(|(at, &value)| {
        ALPHA * f64::from(value) + scale * (BETA * part(&towards, at) - GAMMA * part(&away, at))
    });
    match unit(moved.collect()) {
        Some(moved) => moved.into_iter().map(|value| value as f32).collect(),
        None => query.to_vec(),
    }
}

/// What sets each embedding apart from the mean, in an order that depends on the embeddings alone.
fn centred(embeddings: &[Vec<f32>], len: usize, mean: &[f32]) -> Vec<Vec<f64>> {
    let usable = |e: &&Vec<f32>| e.len() == len && e.iter().all(|value| value.is_finite());
    let mut sorted: Vec<&Vec<f32>> = embeddings.iter().filter(usable).collect();
    sorted.sort_unstable_by(|a, b| {
        a.iter().zip(*b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    });
    let mean = |at: usize| f64::from(mean.get(at).copied().unwrap_or(0.0));
    let centre =
        |e: &Vec<f32>| e.iter().enumerate().map(|(at, &value)| f64::from(value) - mean(at)).collect();
    sorted.into_iter().map(centre).collect()
}

/// The unit vector along the sum of centred embeddings, at a right angle to the scene's mean.
fn direction(centred: &[Vec<f64>], len: usize, mean: &[f32]) -> Option<Vec<f64>> {
    let count = centred.len().max(1) as f64;
    let mut sum = vec![0.0; len];
    for embedding in centred {
        sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += value / count);
    }
    if let Some(axis) = unit(mean.iter().map(|&value| f64::from(value)).collect()) {
        let along: f64 = sum.iter().zip(&axis).map(|(sum, axis)| sum * axis).sum();
        sum.iter_mut().zip(&axis).for_each(|(sum, axis)| *sum -= along * axis);
    }
    unit(sum)
}

/// The root mean square of the query's dot products with centred embeddings, as a share of the root mean
/// square of their norms: between [`LEAST_SHARE`] and 1.
fn share<'a>(query: &[f32], query_norm: f64, centred: impl Iterator<Item = &'a Vec<f64>>) -> f64 {
    let (mut products, mut norms) = (0.0, 0.0);
    for embedding in centred {
        let product: f64 = query.iter().zip(embedding).map(|(&q, value)| f64::from(q) * value).sum();
        products += product * product;
        norms += embedding.iter().map(|value| value * value).sum::<f64>();
    }
    // `max` also takes the place of a quotient that isn't a number.
    ((products / norms).sqrt() / query_norm).clamp(LEAST_SHARE, 1.0)
}

/// The vector at length 1; `None` when it has no direction.
fn unit(mut vector: Vec<f64>) -> Option<Vec<f64>> {
    let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    if !norm.is_finite() || norm < NOTHING {
        return None;
    }
    for value in &mut vector {
        *value /= norm;
    }
    Some(vector)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const LEN: usize = 32;

    fn normal(values: impl Iterator<Item = f32>) -> Vec<f32> {
        unit(values.map(f64::from).collect()).unwrap().into_iter().map(|value| value as f32).collect()
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// Windows of two kinds in a common cone, taken by turns; their mean; a query that knows nothing of them.
    fn scene() -> (Vec<Vec<f32>>, Vec<f32>, Vec<f32>) {
        let mut rng = StdRng::seed_from_u64(5);
        let mut window = |kind: usize| {
            let value = |at: usize| match at {
                0 => 3.0,
                at if at == 1 + kind => 1.0,
                _ => rng.random_range(-0.15..0.15),
            };
            normal((0..LEN).map(value))
        };
        let windows: Vec<Vec<f32>> = (0..60).map(|number| window(number % 2)).collect();
        let mean = (0..LEN).map(|at| windows.iter().map(|w| w[at]).sum::<f32>() / 60.0).collect();
        let query = normal((0..LEN).map(|at| if at == 0 { 0.3 } else { (at as f32).sin() }));
        (windows, mean, query)
    }

    fn average(query: &[f32], windows: &[Vec<f32>], kind: usize) -> f32 {
        windows.iter().skip(kind).step_by(2).map(|window| dot(query, window)).sum::<f32>() / 30.0
    }

    #[test]
    fn like_the_accepted_gain_and_like_the_rejected_lose() {
        let (windows, mean, query) = scene();
        let gap = |query: &[f32]| average(query, &windows, 0) - average(query, &windows, 1);
        let accepted = FeedbackEmbeddings { accepted: windows[..1].to_vec(), rejected: vec![] };
        let rejected = FeedbackEmbeddings { accepted: vec![], rejected: windows[1..2].to_vec() };
        let both = FeedbackEmbeddings { rejected: rejected.rejected.clone(), ..accepted.clone() };
        let (before, after) = (gap(&query), gap(&refine(&query, &accepted, &mean)));
        assert!(after > before + 0.01, "{before} {after}");
        assert!(gap(&refine(&query, &rejected, &mean)) > before);
        assert!(gap(&refine(&query, &both, &mean)) > after);
    }

    #[test]
    fn the_scene_as_a_whole_keeps_its_level() {
        let (windows, mean, query) = scene();
        let feedback = FeedbackEmbeddings { accepted: windows[..6].to_vec(), rejected: vec![] };
        let moved = refine(&query, &feedback, &mean);
        assert!((dot(&moved, &moved) - 1.0).abs() < 1e-6);
        // Only the normalisation changes it: the parts along and across the mean share the length 1.
        let ratio = dot(&moved, &mean) / dot(&query, &mean);
        assert!(ratio < 1.01 && ratio > 0.8, "{ratio}");
    }

    #[test]
    fn the_query_stays_the_greater_part() {
        let (windows, mean, query) = scene();
        let feedback =
            FeedbackEmbeddings { accepted: windows[..20].to_vec(), rejected: windows[20..].to_vec() };
        assert!(dot(&refine(&query, &feedback, &mean), &query) > 0.7);
    }

    #[test]
    fn a_step_by_hand() {
        // Centred on the mean, the accepted window is (0, 0.8, 0); the query explains 0.6 of that.
        let feedback = FeedbackEmbeddings { accepted: vec![vec![0.6, 0.8, 0.0]], rejected: vec![] };
        let moved = refine(&[0.0, 0.6, 0.8], &feedback, &[0.6, 0.0, 0.0]);
        let expected = normal([0.0, 0.6 + 0.6 * 0.75, 0.8].into_iter());
        assert!(moved.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{moved:?}");
    }

    #[test]
    fn the_order_of_thumbs_does_not_matter() {
        let (windows, mean, query) = scene();
        let mut feedback =
            FeedbackEmbeddings { accepted: windows[..25].to_vec(), rejected: windows[25..].to_vec() };
        let first = refine(&query, &feedback, &mean);
        feedback.accepted.reverse();
        feedback.rejected.rotate_left(7);
        assert_eq!(refine(&query, &feedback, &mean), first);
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let (windows, mean, query) = scene();
        let mut feedback = FeedbackEmbeddings { accepted: windows[..2].to_vec(), rejected: vec![] };
        let before = refine(&query, &feedback, &mean);
        feedback.rejected.push(windows[9].clone());
        assert_ne!(refine(&query, &feedback, &mean), before);
        feedback.rejected.pop();
        assert_eq!(refine(&query, &feedback, &mean), before);
        assert!(!feedback.is_empty());
        assert_eq!(refine(&query, &FeedbackEmbeddings::default(), &mean), query);
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        let (_, mean, query) = scene();
        for odd in [mean.clone(), vec![f32::NAN; LEN], vec![1.0; 3], vec![]] {
            let feedback = FeedbackEmbeddings { accepted: vec![odd.clone()], rejected: vec![odd] };
            assert_eq!(refine(&query, &feedback, &mean), query);
        }
        let silent = FeedbackEmbeddings { accepted: vec![vec![1.0; LEN]], rejected: vec![] };
        assert!(refine(&[0.0; LEN], &silent, &[]).iter().all(|value| value.is_finite()));
    }
}
