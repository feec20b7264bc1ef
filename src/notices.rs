//! What the user should know about a scene, a model or a run that isn't an error.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

/// The most notices that are kept; a file may have any number of the same oddity.
const MAX_NOTICES: usize = 100;

/// A list of notices that all its clones share. What is missing, approximate or ignored is added where it is
/// found, and shown wherever the scene is shown. Each sentence is kept once.
#[derive(Clone, Default)]
pub struct Notices(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    notices: Vec<Notice>,
    /// How many came after the list was full.
    left_out: usize,
    /// How many there were once the scene was open.
    of_opening: usize,
}

struct Notice {
    text: String,
    /// Whether results are unaffected, as by a hint how to open a scene faster.
    is_advice: bool,
}

impl Notices {
    /// Adds a sentence. Like an error message, it has no full stop, and begins in lower case unless it begins
    /// with a name.
    pub fn tell(&self, notice: impl Into<String>) {
        self.add(Notice { text: notice.into(), is_advice: false });
    }

    /// As [`Self::tell`], for something that doesn't affect results, and needn't be shown to those who only
    /// want to know what makes a result incomplete or approximate.
    pub fn advise(&self, notice: impl Into<String>) {
        self.add(Notice { text: notice.into(), is_advice: true });
    }

    fn add(&self, notice: Notice) {
        log::warn!("{}", notice.text);
        let mut kept = self.kept();
        if kept.notices.iter().any(|known| known.text == notice.text) {
            return;
        }
        if kept.notices.len() < MAX_NOTICES {
            kept.notices.push(notice);
        } else {
            kept.left_out += 1;
        }
    }

    /// All notices so far, in order.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let mut notices = self.news(&mut 0, true);
        notices.extend(self.left_out());
        notices
    }

    /// The notices after the first `position`, which is advanced; with or without advice.
    #[must_use]
    pub fn news(&self, position: &mut usize, advice: bool) -> Vec<String> {
        let kept = self.kept();
        let news = kept.notices.iter().skip(*position).filter(|notice| advice || !notice.is_advice);
        let news = news.map(|notice| notice.text.clone()).collect();
        *position = kept.notices.len();
        news
    }

    /// Marks the end of opening: later notices come from reads, and may not come up when the scene is opened
    /// again.
    pub fn opened(&self) {
        let mut kept = self.kept();
        kept.of_opening = kept.notices.len();
    }

    /// The notices from reads, without advice.
    #[must_use]
    pub fn of_reading(&self) -> Vec<String> {
        let mut seen = self.kept().of_opening;
        self.news(&mut seen, false)
    }

    /// A sentence on how many notices weren't kept, if any.
    #[must_use]
    pub fn left_out(&self) -> Option<String> {
        let left_out = self.kept().left_out;
        (left_out > 0).then(|| format!("{left_out} further notices are left out"))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.list().fmt(formatter)
    }
}

impl PartialEq for Notices {
    fn eq(&self, other: &Self) -> bool {
        self.list() == other.list()
    }
}

impl Serialize for Notices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_kept_once_and_never_too_many() {
        let notices = Notices::default();
        let clone = notices.clone();
        clone.tell("the mask is damaged");
        notices.tell("the mask is damaged");
        assert_eq!(notices.list(), ["the mask is damaged"]);
        for index in 0..200 {
            notices.tell(format!("source {index} is missing"));
        }
        let list = clone.list();
        assert_eq!(list.len(), MAX_NOTICES + 1);
        assert_eq!(list.last().unwrap(), "101 further notices are left out");
    }

    #[test]
    fn advice_is_among_the_notices_and_can_be_left_out() {
        let notices = Notices::default();
        notices.advise("a copy with overviews opens faster");
        notices.tell("the mask is damaged");
        assert_eq!(notices.list(), ["a copy with overviews opens faster", "the mask is damaged"]);
        let mut seen = 0;
        assert_eq!(notices.news(&mut seen, false), ["the mask is damaged"]);
        notices.opened();
        assert!(notices.of_reading().is_empty());
        notices.tell("a source is missing");
        assert_eq!(notices.news(&mut seen, false), ["a source is missing"]);
        assert_eq!(notices.of_reading(), ["a source is missing"]);
        assert_eq!((notices.news(&mut seen, true), notices.left_out()), (Vec::new(), None));
    }
}
