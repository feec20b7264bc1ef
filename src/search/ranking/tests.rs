//! Rankings against plain sorts.

use super::*;
use crate::clip::Scoring;
use crate::search::similarity::WordMatrix;
use crate::search::words::{KeywordWords, Score};
use crate::store::to_half;

fn words(rows: &[f32]) -> Arc<Words> {
    let keyword = |rows| KeywordWords { rows, example: None, synonyms: Vec::new() };
    Arc::new(Words {
        keywords: vec![keyword(0..1), keyword(1..2)],
        matrix: WordMatrix::new(rows.to_vec(), 2),
        competing: rows.len() / 2,
        logit_scale: 10.0,
        scoring: Scoring::Softmax,
        refinement: None,
    })
}

fn ranker(rank_by: RankBy, keep: usize) -> Ranker {
    Ranker::new(words(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8]), rank_by, keep)
}

fn turned(window: u32) -> Vec<f16> {
    // A few windows share an angle, so that ties happen.
    let angle = (window * 7 % 12) as f32 * 0.1;
    to_half(&[angle.cos(), angle.sin()])
}

fn best(ranker: &Ranker) -> Vec<(u32, f32)> {
    ranker.best(0).iter().map(|candidate| (candidate.window, candidate.score.cosine)).collect()
}

#[test]
fn the_same_windows_in_any_order_rank_the_same() {
    let (mut up, mut down) = (ranker(RankBy::Cosine, 10), ranker(RankBy::Cosine, 10));
    for window in 0..100 {
        up.push(&[window], &[0.0], &turned(window));
        down.push(&[99 - window], &[0.0], &turned(99 - window));
    }
    let windows: Vec<u32> = (0..100).collect();
    let embeddings: Vec<f16> = windows.iter().flat_map(|window| turned(*window)).collect();
    let shared = ranker(RankBy::Cosine, 10).shared();
    let (mut first, mut second) = (shared.comparer(), shared.comparer());
    shared.push(&mut second, &windows[37..], &[0.0; 63], &embeddings[74..]);
    shared.push(&mut first, &windows[..37], &[0.0; 37], &embeddings[..74]);
    assert_eq!(best(&up), best(&down));
    assert_eq!(best(&up), best(&shared.finish()));
}

#[test]
fn ranks_agree_with_a_plain_sort() {
    let mut ranker = ranker(RankBy::Cosine, 30);
    let mut all: Vec<(f32, u32)> = (0..100).map(|window| (turned(window)[0].to_f32(), window)).collect();
    for window in 0..100 {
        ranker.push(&[window], &[0.0], &turned(window));
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let expected: Vec<u32> = all.iter().take(30).map(|&(_, window)| window).collect();
    assert_eq!(best(&ranker).iter().map(|(window, _)| *window).collect::<Vec<_>>(), expected);
}

#[test]
fn probability_is_the_softmax_over_all_words() {
    let mut ranker = ranker(RankBy::Probability, 1);
    ranker.push(&[3], &[0.0], &to_half(&[1.0, 0.0]));
    let score = ranker.best(0)[0].score;
    let expected = 1.0 / (1.0 + (-10.0_f32).exp() + (-4.0_f32).exp());
    assert!((score.probability - expected).abs() < 1e-6);
    assert!((score.cosine - 1.0).abs() < 1e-6 && (score.margin - 0.4).abs() < 1e-6);
}

#[test]
fn synonyms_add_their_probabilities_and_the_best_of_them_counts() {
    let rows = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8];
    let mut both = (*words(&rows)).clone();
    both.keywords = vec![KeywordWords { rows: 0..2, example: None, synonyms: Vec::new() }];
    let mut ranker = Ranker::new(Arc::new(both), RankBy::Probability, 1);
    ranker.push(&[0], &[0.0], &to_half(&[0.0, 1.0]));
    let score = ranker.best(0)[0].score;
    let sum = (-10.0_f32).exp() + 1.0;
    assert!((score.probability - sum / (sum + (-2.0_f32).exp())).abs() < 1e-6);
    assert!((score.cosine - 1.0).abs() < 1e-6);
}

#[test]
fn an_example_ranks_by_its_own_cosine() {
    let mut words = (*words(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8])).clone();
    words.competing = 2;
    words.keywords = vec![KeywordWords { rows: 0..1, example: Some(2), synonyms: Vec::new() }];
    let mut ranker = Ranker::new(Arc::new(words), RankBy::Probability, 2);
    ranker.push(&[0, 1], &[0.0, 0.0], &to_half(&[1.0, 0.0, 0.6, 0.8]));
    let best = best(&ranker);
    assert_eq!(best[0].0, 1);
    assert!((best[0].1 - 1.0).abs() < 1e-3);
}

/// Many keywords, and as many windows that look in different directions.
fn crowd(keywords: usize) -> (Arc<Words>, Vec<u32>, Vec<f16>) {
    let turned = |number: usize| {
        let angle = number as f32 * 0.37;
        [angle.cos(), angle.sin()]
    };
    let rows: Vec<f32> = (0..keywords).flat_map(turned).collect();
    let words = Arc::new(Words {
        keywords: (0..keywords)
            .map(|row| KeywordWords { rows: row..row + 1, example: None, synonyms: Vec::new() })
            .collect(),
        matrix: WordMatrix::new(rows, 2),
        competing: keywords,
        logit_scale: 10.0,
        scoring: Scoring::Softmax,
        refinement: None,
    });
    let windows: Vec<u32> = (0..3000).collect();
    let embeddings = windows.iter().flat_map(|window| to_half(&turned(*window as usize * 7))).collect();
    (words, windows, embeddings)
}

#[test]
fn many_keywords_rank_the_same_in_parts_and_keep_a_few_bytes_for_each_window() {
    let (words, windows, embeddings) = crowd(MANY_KEYWORDS + 1);
    let new = || Ranker::new(Arc::clone(&words), RankBy::Probability, 40);
    let mut one = new();
    one.push(&windows, &[0.0; 3000], &embeddings);
    let shared = new().shared();
    let (mut first, mut second) = (shared.comparer(), shared.comparer());
    shared.push(&mut first, &windows[..1234], &[0.0; 1234], &embeddings[..2 * 1234]);
    shared.push(&mut second, &windows[1234..], &[0.0; 1766], &embeddings[2 * 1234..]);
    let many = shared.finish();
    for keyword in 0..words.keywords.len() {
        let candidates = |ranker: &Ranker| -> Vec<(u32, u32, Score)> {
            ranker
                .best(keyword)
                .iter()
                .map(|candidate| (candidate.window, candidate.arrival, candidate.score))
                .collect()
        };
        assert_eq!(candidates(&one).len(), 40);
        assert_eq!(candidates(&one), candidates(&many));
        assert_eq!(one.won(keyword), many.won(keyword));
        assert!(one.best(keyword).iter().all(|candidate| candidate.all_scores(MANY_KEYWORDS + 1).is_empty()));
    }
    assert!(size_of::<CandidateWindow>() <= 40, "{} bytes", size_of::<CandidateWindow>());
}

#[test]
fn the_scores_of_a_window_are_kept_once_for_all_of_few_keywords() {
    let (words, windows, embeddings) = crowd(MANY_KEYWORDS);
    let mut ranker = Ranker::new(words, RankBy::Cosine, 3000);
    ranker.push(&windows, &[0.0; 3000], &embeddings);
    let (first, last) = (ranker.best(0), ranker.best(MANY_KEYWORDS - 1));
    for candidate in first {
        let same = last.iter().find(|other| other.window == candidate.window).unwrap();
        assert_eq!(candidate.all_scores(MANY_KEYWORDS).len(), MANY_KEYWORDS);
        assert!(std::ptr::eq(candidate.all_scores(MANY_KEYWORDS), same.all_scores(MANY_KEYWORDS)));
        assert_eq!(candidate.all_scores(MANY_KEYWORDS)[0], candidate.score);
    }
}

#[test]
fn broken_embeddings_and_windows_without_data_never_rank() {
    let mut ranker = ranker(RankBy::Cosine, 5);
    let embeddings = to_half(&[f32::NAN, 0.0, 1.0, 0.0, 1.0, 0.0]);
    assert!(!ranker.push(&[0, 1, NO_WINDOW], &[0.0, 1.0, 0.0], &embeddings));
    assert!(ranker.best(0).is_empty());
}

/// Many background words, so that most windows are told by a few of them, and several cores: the best
/// windows, their scores and what is counted are those of a plain sort of all.
#[test]
fn windows_that_are_told_by_a_few_words_make_no_difference() {
    const LENGTH: usize = 40;
    let mut state = 7_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
    };
    let mut unit = || {
        let vector: Vec<f32> = (0..LENGTH).map(|_| draw()).collect();
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.into_iter().map(|value| value / norm).collect::<Vec<f32>>()
    };
    let rows: Vec<f32> = (0..42).flat_map(|_| unit()).collect();
    let windows: Vec<u32> = (0..4000).collect();
    let embeddings: Vec<f16> = windows.iter().flat_map(|_| to_half(&unit())).collect();
    for (rank_by, logit_scale) in
        [(RankBy::Probability, 100.0), (RankBy::Probability, 3.0), (RankBy::Cosine, 100.0)]
    {
        let words = Arc::new(Words {
            keywords: vec![
                KeywordWords { rows: 0..1, example: None, synonyms: vec![5, 9] },
                KeywordWords { rows: 1..2, example: None, synonyms: Vec::new() },
            ],
            matrix: WordMatrix::new(rows.clone(), LENGTH),
            competing: 42,
            logit_scale,
            scoring: Scoring::Softmax,
            refinement: None,
        });
        let shared = Ranker::new(Arc::clone(&words), rank_by, 25).shared();
        let mut comparers = [shared.comparer(), shared.comparer()];
        for (turn, part) in windows.chunks(500).enumerate() {
            let values = &embeddings[part[0] as usize * LENGTH..][..part.len() * LENGTH];
            shared.push(&mut comparers[turn % 2], part, &vec![0.0; part.len()], values);
        }
        let found = shared.finish();

        let (mut all, mut cosines) = (vec![Vec::new(); 2], Vec::new());
        let mut won = [0; 2];
        for (window, embedding) in windows.iter().zip(embeddings.chunks_exact(LENGTH)) {
            let mut scratch = crate::search::similarity::DotProductScratch::default();
            crate::search::similarity::dot_products(embedding, &words.matrix, &mut scratch, &mut cosines);
            let mut scores = Vec::new();
            words.score(*window, &cosines, &mut scores);
            for (keyword, score) in scores.iter().enumerate() {
                won[keyword] += usize::from(score.margin >= 0.0);
                let key = words.key(keyword, rank_by, score.probability, score.cosine);
                all[keyword].push((key, *window, *score));
            }
        }
        for (keyword, all) in all.iter_mut().enumerate() {
            all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let want: Vec<(u32, Score)> =
                all.iter().take(25).map(|(_, window, score)| (*window, *score)).collect();
            let best = found.best(keyword);
            let got: Vec<(u32, Score)> = best.iter().map(|found| (found.window, found.score)).collect();
            assert_eq!(got, want, "{rank_by:?} {logit_scale}");
            assert_eq!(found.won(keyword), won[keyword], "{rank_by:?} {logit_scale}");
        }
    }
}
