//! What a person should know of a scene, a model or a run, that isn't an error.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

/// Notices that are kept; a file may hold any number of the same oddity.
const MOST: usize = 100;

/// A list of notices that everybody who holds a clone of it adds to and reads: what is missing, approximate
/// or left out is told where it is found, and shown by whoever shows the scene. Each sentence is kept once.
#[derive(Clone, Default)]
pub struct Notices(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    notices: Vec<Notice>,
    /// How many came when there was no more room.
    left_out: usize,
    /// How many were there when the scene was open.
    of_opening: usize,
}

struct Notice {
    text: String,
    /// Nothing is wrong with what is shown; it could be had faster, for instance.
    is_advice: bool,
}

impl Notices {
    /// Adds a sentence, without a full stop and beginning in lower case unless it begins with a name, as an
    /// error's.
    pub fn tell(&self, notice: impl Into<String>) {
        self.add(Notice { text: notice.into(), is_advice: false });
    }

    /// As [`Self::tell`], of something that leaves every result as it is: whoever wants to hear of nothing
    /// but what makes a result incomplete or approximate needn't know.
    pub fn advise(&self, notice: impl Into<String>) {
        self.add(Notice { text: notice.into(), is_advice: true });
    }

    fn add(&self, notice: Notice) {
        log::warn!("{}", notice.text);
        let mut kept = self.kept();
        if kept.notices.iter().any(|known| known.text == notice.text) {
            return;
        }
        if kept.notices.len() < MOST {
            kept.notices.push(notice);
        } else {
            kept.left_out += 1;
        }
    }

    /// All that was told so far, in its order.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let mut notices = self.news(&mut 0, true);
        notices.extend(self.left_out());
        notices
    }

    /// What was told since `seen` notices were, which it counts on; with or without advice.
    #[must_use]
    pub fn news(&self, seen: &mut usize, advice: bool) -> Vec<String> {
        let kept = self.kept();
        let news = kept.notices.iter().skip(*seen).filter(|notice| advice || !notice.is_advice);
        let news = news.map(|notice| notice.text.clone()).collect();
        *seen = kept.notices.len();
        news
    }

    /// All that comes from now on is told while the scene is read: the next opening needn't find it.
    pub fn opened(&self) {
        let mut kept = self.kept();
        kept.of_opening = kept.notices.len();
    }

    /// What was told while the scene was read, without advice.
    #[must_use]
    pub fn of_reading(&self) -> Vec<String> {
        let mut seen = self.kept().of_opening;
        self.news(&mut seen, false)
    }

    /// Says that there were more than are kept, if so.
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
        assert_eq!(list.len(), MOST + 1);
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
