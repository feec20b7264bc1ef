//! Which detections the list and the gallery show, and in which order.

use serde::{Deserialize, Serialize};

use super::feedback::{Feedback, FeedbackHistory};
use crate::app::search_panel::keywords::Keywords;
use crate::raster::Rect;
use crate::search::Detection;
use crate::search::RankBy;

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sort {
    /// Keyword by keyword, the best first.
    #[default]
    Rank,
    /// All keywords together, the best first.
    Score,
    /// From the top of the scene to its bottom.
    Place,
}

/// Which boxes, by what was said about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeedbackFilter {
    #[default]
    All,
    Accepted,
    Rejected,
    Undecided,
}

/// What is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultsFilter {
    /// Boxes with a lower score are left out.
    pub minimum_score: f32,
    /// Only this keyword.
    pub keyword: Option<String>,
    pub feedback: FeedbackFilter,
    /// Only what lies in the present view.
    pub in_view: bool,
}

/// Everything that an arrangement depends on, apart from the ranking itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrangeOptions {
    pub sort: Sort,
    pub filter: ResultsFilter,
    pub rank_by: RankBy,
    /// Show boxes below the threshold, too.
    pub unclear: bool,
    /// The keywords that are there, and whether their boxes are hidden.
    pub keywords: Vec<(String, bool)>,
    /// Which thumbs.
    pub feedback: u64,
    /// The part of the scene in view, where only that counts.
    pub view: Option<Rect>,
}

impl ArrangeOptions {
    /// The keywords as they matter here.
    #[must_use]
    pub fn of_keywords(keywords: &Keywords) -> Vec<(String, bool)> {
        keywords.sought().map(|chip| (chip.word.clone(), chip.hidden)).collect()
    }
}

/// What is shown of a ranking, and in which order.
#[derive(Default)]
pub struct Arranged {
    /// Places in the ranking.
    pub order: Vec<usize>,
    pub columns: Vec<(String, Vec<usize>)>,
    /// Keywords that have boxes, but no clear match.
    pub without_match: Vec<String>,
    /// Whether anything in the ranking is below the threshold.
    pub any_unclear: bool,
    /// How many of what is shown are no clear match.
    pub weak: usize,
}

impl Arranged {
    #[must_use]
    pub fn new(ranking: &[Detection], options: &ArrangeOptions, feedback: &FeedbackHistory) -> Self {
        let order = arrange(ranking, options, feedback);
        let keywords: Vec<String> = options.keywords.iter().map(|(word, _)| word.clone()).collect();
        let columns = columns(ranking, &order, &keywords);
        let mut without_match = Vec::new();
        for (keyword, _) in options.keywords.iter().filter(|(_, hidden)| !hidden) {
            let mut own = ranking.iter().filter(|detection| detection.keyword == *keyword).peekable();
            if own.peek().is_some() && own.all(|detection| detection.weak) {
                without_match.push(keyword.clone());
            }
        }
        let any_unclear = ranking.iter().any(|detection| !detection.clear);
        let weak = order.iter().filter(|index| ranking.get(**index).is_some_and(|found| found.weak)).count();
        Self { order, columns, without_match, any_unclear, weak }
    }
}

/// The places in `ranking` of what is shown, in order.
#[must_use]
pub fn arrange(ranking: &[Detection], options: &ArrangeOptions, history: &FeedbackHistory) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..ranking.len())
        .filter(|index| ranking.get(*index).is_some_and(|detection| passes(detection, options, history)))
        .collect();
    match options.sort {
        Sort::Rank => {}
        // Both sorts keep the order of the ranking where they see no difference.
        Sort::Score => shown.sort_by(|a, b| {
            ranking[*b].score(options.rank_by).total_cmp(&ranking[*a].score(options.rank_by))
        }),
        Sort::Place => shown.sort_by_key(|index| {
            let window = ranking[*index].window;
            (window.y, window.x)
        }),
    }
    shown
}

fn passes(detection: &Detection, options: &ArrangeOptions, history: &FeedbackHistory) -> bool {
    let filter = &options.filter;
    let shown = options.keywords.iter().any(|(word, hidden)| !hidden && *word == detection.keyword);
    let given = history.of(&detection.keyword, detection.window);
    let fits = match filter.feedback {
        FeedbackFilter::All => true,
        FeedbackFilter::Accepted => given == Some(Feedback::Accepted),
        FeedbackFilter::Rejected => given == Some(Feedback::Rejected),
        FeedbackFilter::Undecided => given.is_none(),
    };
    shown
        && (detection.clear || options.unclear)
        && filter.keyword.as_ref().is_none_or(|keyword| *keyword == detection.keyword)
        // No minimum score at all also lets cosines below zero pass.
        && (filter.minimum_score <= 0.0 || detection.score(options.rank_by) >= filter.minimum_score)
        && fits
        && (!filter.in_view || options.view.is_some_and(|view| view.intersects(&detection.window)))
}

/// The arrangement in columns, one a keyword in the order of `keywords`; keywords that show nothing have
/// none.
#[must_use]
pub fn columns(ranking: &[Detection], arranged: &[usize], keywords: &[String]) -> Vec<(String, Vec<usize>)> {
    let of = |keyword: &String| {
        let own = |index: &&usize| ranking.get(**index).is_some_and(|found| found.keyword == *keyword);
        (keyword.clone(), arranged.iter().filter(own).copied().collect::<Vec<usize>>())
    };
    keywords.iter().map(of).filter(|(_, own)| !own.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::viewport::boxes::DetectionId;

    fn detection(keyword: &str, rank: usize, probability: f32, at: (u32, u32)) -> Detection {
        Detection {
            keyword: keyword.to_owned(),
            rank,
            probability,
            cosine: -probability,
            window: Rect::new(at.0, at.1, 10, 10),
            nodata: 0.0,
            outline: None,
            weak: false,
            by_example: false,
            clear: probability > 0.2,
            scores: Vec::new(),
        }
    }

    fn ranking() -> Vec<Detection> {
        vec![
            detection("harbor", 1, 0.9, (50, 80)),
            detection("harbor", 2, 0.4, (0, 0)),
            detection("beach", 1, 0.6, (20, 80)),
            detection("beach", 2, 0.1, (90, 0)),
        ]
    }

    fn options() -> ArrangeOptions {
        ArrangeOptions {
            sort: Sort::Rank,
            filter: ResultsFilter::default(),
            rank_by: RankBy::Probability,
            unclear: false,
            keywords: vec![("harbor".to_owned(), false), ("beach".to_owned(), false)],
            feedback: 0,
            view: None,
        }
    }

    #[test]
    fn orders() {
        let (ranking, history) = (ranking(), FeedbackHistory::default());
        let all = ArrangeOptions { unclear: true, ..options() };
        assert_eq!(arrange(&ranking, &all, &history), [0, 1, 2, 3]);
        assert_eq!(
            arrange(&ranking, &ArrangeOptions { sort: Sort::Score, ..all.clone() }, &history),
            [0, 2, 1, 3]
        );
        assert_eq!(
            arrange(&ranking, &ArrangeOptions { sort: Sort::Place, ..all.clone() }, &history),
            [1, 3, 2, 0]
        );
        let by_cosine = ArrangeOptions { sort: Sort::Score, rank_by: RankBy::Cosine, ..all };
        assert_eq!(arrange(&ranking, &by_cosine, &history), [3, 1, 2, 0]);
    }

    #[test]
    fn filters() {
        let ranking = ranking();
        let mut history = FeedbackHistory::default();
        history.toggle(&DetectionId::of(&ranking[1]), Feedback::Accepted, &ranking);
        history.toggle(&DetectionId::of(&ranking[2]), Feedback::Rejected, &ranking);
        let with =
            |filter: ResultsFilter| arrange(&ranking, &ArrangeOptions { filter, ..options() }, &history);
        assert_eq!(with(ResultsFilter::default()), [0, 1, 2], "the last is no clear match");
        assert_eq!(with(ResultsFilter { minimum_score: 0.5, ..ResultsFilter::default() }), [0, 2]);
        assert_eq!(
            with(ResultsFilter { keyword: Some("beach".to_owned()), ..ResultsFilter::default() }),
            [2]
        );
        assert_eq!(
            with(ResultsFilter { feedback: FeedbackFilter::Accepted, ..ResultsFilter::default() }),
            [1]
        );
        assert_eq!(
            with(ResultsFilter { feedback: FeedbackFilter::Rejected, ..ResultsFilter::default() }),
            [2]
        );
        assert_eq!(
            with(ResultsFilter { feedback: FeedbackFilter::Undecided, ..ResultsFilter::default() }),
            [0]
        );
        assert!(with(ResultsFilter { in_view: true, ..ResultsFilter::default() }).is_empty());
        let view = Some(Rect::new(0, 0, 30, 100));
        let in_view = ArrangeOptions {
            filter: ResultsFilter { in_view: true, ..ResultsFilter::default() },
            view,
            ..options()
        };
        assert_eq!(arrange(&ranking, &in_view, &history), [1, 2]);
    }

    #[test]
    fn hidden_and_removed_keywords_are_left_out() {
        let history = FeedbackHistory::default();
        let hidden = ArrangeOptions { keywords: vec![("beach".to_owned(), true)], ..options() };
        assert!(arrange(&ranking(), &hidden, &history).is_empty());
        let removed =
            ArrangeOptions { keywords: vec![("beach".to_owned(), false)], unclear: true, ..options() };
        assert_eq!(arrange(&ranking(), &removed, &history), [2, 3]);
    }

    #[test]
    fn columns_follow_the_keywords() {
        let keywords = ["beach", "forest", "harbor"].map(str::to_owned);
        let columns = columns(&ranking(), &[0, 2, 1], &keywords);
        assert_eq!(columns, [("beach".to_owned(), vec![2]), ("harbor".to_owned(), vec![0, 1])]);
    }
}
