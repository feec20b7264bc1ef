//! Refinement against the definition, in f64 and without shortcuts.

use super::*;
use crate::store::to_half;
use crate::windows::WindowKey;

const LENGTH: usize = 16;

/// Three heaps of windows, and a word for each.
fn sample(windows: usize) -> (Vec<Vec<f16>>, WordMatrix) {
    let noise = |i: usize| ((i * 7919 % 1000) as f32 / 1000.0 - 0.5) * 0.6;
    let unit = |mut vector: Vec<f32>| {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        for x in &mut vector {
            *x /= length;
        }
        vector
    };
    let row = |window: usize| {
        let mut row: Vec<f32> = (0..LENGTH).map(|at| noise(window * LENGTH + at)).collect();
        row[window % 3] += 1.0;
        to_half(&unit(row))
    };
    let word = |index: usize| {
        let mut word: Vec<f32> = (0..LENGTH).map(|at| 0.5 * noise(5 + index * 31 + at)).collect();
        word[index] += 0.4;
        unit(word)
    };
    let words: Vec<f32> = (0..3).flat_map(word).collect();
    ((0..windows).map(row).collect(), WordMatrix::new(words, LENGTH))
}

fn rows(embeddings: &[Vec<f16>]) -> Vec<&[f16]> {
    embeddings.iter().map(Vec::as_slice).collect()
}

/// The authors' loop: dense matrices, all in f64.
fn plain(embeddings: &[&[f16]], matrix: &WordMatrix, logit_scale: f64) -> Vec<Vec<f64>> {
    let x: Vec<Vec<f64>> =
        embeddings.iter().map(|row| row.iter().map(|value| value.to_f64()).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let softmax = |row: Vec<f64>| {
        let greatest = row.iter().copied().fold(f64::MIN, f64::max);
        let row: Vec<f64> = row.into_iter().map(|value| (value - greatest).exp()).collect();
        let sum: f64 = row.iter().sum();
        row.into_iter().map(|value| value / sum).collect::<Vec<f64>>()
    };
    let unit = |vector: Vec<f64>| {
        let length = dot(&vector, &vector).sqrt();
        vector.into_iter().map(|value| value / length).collect::<Vec<f64>>()
    };
    let words: Vec<Vec<f64>> = (0..matrix.words())
        .map(|word| matrix.word(word).iter().map(|value| f64::from(*value)).collect())
        .collect();
    let y: Vec<Vec<f64>> =
        x.iter().map(|x| softmax(words.iter().map(|word| logit_scale * dot(word, x)).collect())).collect();
    let mean_of = |weights: &dyn Fn(usize) -> f64| {
        unit((0..LENGTH).map(|at| (0..x.len()).map(|i| weights(i) * x[i][at]).sum()).collect())
    };
    let mut means: Vec<Vec<f64>> = (0..words.len())
        .map(|word| {
            let mut order: Vec<usize> = (0..x.len()).collect();
            order.sort_by(|a, b| y[*b][word].total_cmp(&y[*a][word]));
            let surest = order[..8].to_vec();
            mean_of(&|i| if surest.contains(&i) { y[i][word] } else { 0.0 })
        })
        .collect();
    let mut variance = vec![1.0 / LENGTH as f64; LENGTH];
    let mut w = vec![vec![0.0; x.len()]; x.len()];
    for i in 0..x.len() {
        let mut others: Vec<usize> = (0..x.len()).filter(|other| *other != i).collect();
        others.sort_by(|a, b| dot(&x[*b], &x[i]).total_cmp(&dot(&x[*a], &x[i])));
        others[..3].iter().for_each(|other| w[i][*other] = dot(&x[i], &x[*other]));
    }
    let mut z = y.clone();
    for round in 0..=10 {
        for _ in 0..5 {
            let next = |i: usize| {
                let value = |word: usize| {
                    let far: f64 =
                        (0..LENGTH).map(|at| (x[i][at] - means[word][at]).powi(2) / variance[at]).sum();
                    let near: f64 = (0..x.len()).map(|j| (w[i][j] + w[j][i]) * z[j][word]).sum();
                    y[i][word].ln() + (-0.5 * far + 50.0 / 6.0 * near) / 50.0
                };
                softmax((0..words.len()).map(value).collect())
            };
            z = (0..x.len()).map(next).collect();
        }
        if round < 10 {
            means = (0..words.len()).map(|word| mean_of(&|i| z[i][word])).collect();
            variance = (0..LENGTH)
                .map(|at| {
                    let of = |i: usize| {
                        (0..words.len()).map(|k| z[i][k] * (x[i][at] - means[k][at]).powi(2)).sum::<f64>()
                    };
                    (0..x.len()).map(of).sum::<f64>() / x.len() as f64
                })
                .collect();
        }
    }
    z
}

#[test]
fn it_is_what_the_authors_compute() {
    let (embeddings, matrix) = sample(60);
    let rows = rows(&embeddings);
    let neighbours = Neighbours::among_all(&rows);
    let refined = refine(&rows, &matrix, 20.0, &neighbours, &|| false).unwrap();
    let wanted = plain(&rows, &matrix, 20.0);
    for (window, (found, wanted)) in refined.chunks(3).zip(&wanted).enumerate() {
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((f64::from(*found) - wanted).abs() < 2e-3, "{window}: {found}, not {wanted}");
        }
    }
}

#[test]
fn nobody_waits_for_what_is_stale() {
    let (embeddings, matrix) = sample(10);
    let rows = rows(&embeddings);
    assert_eq!(refine(&rows, &matrix, 20.0, &Neighbours::among_all(&rows), &|| true), None);
    assert_eq!(refine(&[], &matrix, 20.0, &Neighbours::among_all(&[]), &|| false), Some(Vec::new()));
}

#[test]
fn a_large_scene_is_joined_with_what_lies_near() {
    // More windows than are all compared with each other, in a row of squares that share a look.
    let windows = 5000;
    let places: Vec<WindowKey> =
        (0..windows).map(|window| WindowKey { y: 0, x: window * 25, side: 100 }).collect();
    let look = |window: u32| {
        let angle = window as f32 / windows as f32;
        to_half(&[angle.cos(), angle.sin()])
    };
    let embeddings: Vec<Vec<f16>> = (0..windows).map(look).collect();
    let neighbours = Neighbours::in_scene(&rows(&embeddings), &places);
    for window in 0..windows {
        let joined = neighbours.of(window as usize);
        assert!(joined.len() >= 3, "{window}: {joined:?}");
        assert!(joined.iter().all(|(other, cosine)| *other != window && *cosine > 0.9));
    }
}
