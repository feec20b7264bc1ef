//! What a person should know of a scene, a model or a run, that isn't an error.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Serialize, Serializer};

/// Notices that are kept; a file may hold any number of the same oddity.
const MOST: usize = 100;

/// A list of notices that everybody who holds a clone of it adds to and reads: what is missing, approximate or left out
/// is told where it is found, and shown by whoever shows the scene. Each sentence is kept once.
#[derive(Clone, Default)]
pub struct Notices(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    notices: Vec<String>,
    /// How many came when there was no more room.
    left_out: usize,
}

impl Notices {
    /// Adds a sentence, without a full stop and beginning in lower case unless it begins with a name, as an error's.
    pub fn tell(&self, notice: impl Into<String>) {
        let notice = notice.into();
        log::warn!("{notice}");
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.notices.contains(&notice) {
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
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notices = kept.notices.clone();
        if kept.left_out > 0 {
            notices.push(format!("{} further notices are left out", kept.left_out));
        }
        notices
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
}
