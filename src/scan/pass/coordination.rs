//! Coordination with others: with programs that scan the same scene at the same time, whose windows a pass
//! takes over, and with whoever changes the image meanwhile.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{End, ScanPass, provenance};
use crate::encoder::Encoder;
use crate::scan::blocks::BlockQueue;
use crate::scan::read_ahead::lock;
use crate::scan::scanner::ScannerLink;
use crate::scan::{Event, ScanError, SceneIdentity};
use crate::search::NO_WINDOW;
use crate::store::Store;
use crate::windows::WindowLayout;

/// How long a pass waits between two looks at what another program does.
const PAUSE: Duration = Duration::from_millis(50);
/// A wait that has to be explained.
const LONG: Duration = Duration::from_secs(3);
const READING: &str = "the image is read to its end once, so that it is known again wherever it lies";

impl ScanPass {
    /// Whether a window has been encoded, by whomever.
    pub(super) fn is_encoded(&self, layout: &WindowLayout, window: usize) -> bool {
        let key = layout.key(window);
        match self.layouts.compared.find(key) {
            Some(window) => self.arrived.get(window).copied().unwrap_or(false),
            None => self.encoded.collection.find(key).is_some(),
        }
    }

    /// Ranks and counts the windows among the batches of the collection that this pass didn't know of.
    /// Returns whether the ranking changed.
    pub(super) fn catch_up(&mut self) -> bool {
        self.encoded.number(&self.layouts.compared);
        let (mut windows, mut empty, mut changed) = (0, 0, false);
        for (numbers, nodata, embeddings) in self.encoded.numbered(self.caught_up) {
            let new = |number: &u32| {
                let arrived = self.arrived.get_mut(*number as usize);
                // There is none for what belongs to no window.
                arrived.is_some_and(|arrived| !std::mem::replace(arrived, true))
            };
            let is_new: Vec<bool> = numbers.iter().map(new).collect();
            for (_, nodata) in is_new.iter().zip(nodata).filter(|(new, _)| **new) {
                *(if *nodata < 1.0 { &mut windows } else { &mut empty }) += 1;
            }
            if is_new.contains(&true) {
                let number = |(number, new): (&u32, &bool)| if *new { *number } else { NO_WINDOW };
                let numbers: Vec<u32> = numbers.iter().zip(&is_new).map(number).collect();
                changed |= self.ranker.push(&numbers, nodata, embeddings);
            }
        }
        self.caught_up = self.encoded.collection.batches().len();
        self.reused += windows;
        self.skipped += empty;
        self.done += windows + empty;
        self.is_behind |= windows + empty > 0;
        changed
    }

    /// Takes over what other programs stored since the last time: it isn't read any more. Returns whether the
    /// ranking changed.
    pub(super) fn take_over(&mut self, layout: &WindowLayout, queue: &Mutex<BlockQueue>) -> bool {
        self.encoded.collection.look_around();
        let changed = self.catch_up();
        if std::mem::take(&mut self.is_behind) {
            lock(queue).retain(layout, |window| !self.is_encoded(layout, window));
        }
        changed
    }

    /// Runs a round until nothing is left to other programs: what they encode at the same time is put aside,
    /// waited for, and encoded by a round of its own where they didn't. The windows to take are all, then
    /// those that were put aside.
    pub(super) fn in_rounds(
        &mut self,
        layout: &WindowLayout,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
        mut round: impl FnMut(&mut Self, &mut dyn Encoder, Option<&HashSet<usize>>) -> Result<End, ScanError>,
    ) -> Result<End, ScanError> {
        let mut end = round(self, encoder, None)?;
        while matches!(end, End::Complete) && !self.aside.is_empty() && !self.changed && self.gone.is_none() {
            let nothing = Mutex::new(BlockQueue::new(layout, &[], |_| false, None));
            if let Some(early) = self.wait_for_others(layout, &nothing, encoder, link)? {
                end = early;
                break;
            }
            let rest: HashSet<usize> = self.aside.drain(..).map(|window| window as usize).collect();
            end = round(self, encoder, Some(&rest))?;
        }
        self.aside.clear();
        self.encoded.collection.release();
        Ok(end)
    }

    /// Leaves those of some windows or cells to other programs that they encode right now, and puts them
    /// aside. `number` tells a window's.
    pub(super) fn leave_to_others<T>(
        &mut self,
        layout: &WindowLayout,
        ready: &mut Vec<T>,
        number: impl Fn(&T) -> u32,
    ) {
        ready.retain(|one| !self.is_encoded(layout, number(one) as usize));
        if ready.is_empty() {
            return;
        }
        let keys: Vec<_> = ready.iter().map(|one| layout.key(number(one) as usize)).collect();
        let mut own = self.encoded.collection.claim(&keys).into_iter();
        let aside = &mut self.aside;
        ready.retain(|one| {
            let own = own.next().unwrap_or(true);
            if !own {
                aside.push(number(one));
            }
            own
        });
    }

    /// Waits until what was left to other programs is there, or some of it is this program's to encode after
    /// all. Returns how the scan ends when it should not go on.
    fn wait_for_others(
        &mut self,
        layout: &WindowLayout,
        queue: &Mutex<BlockQueue>,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<Option<End>, ScanError> {
        loop {
            self.take_over(layout, queue);
            let mut aside = std::mem::take(&mut self.aside);
            aside.retain(|window| !self.is_encoded(layout, *window as usize));
            let keys: Vec<_> = aside.iter().map(|window| layout.key(*window as usize)).collect();
            self.aside = aside;
            if keys.is_empty() || self.encoded.collection.claim(&keys).contains(&true) {
                return Ok(None);
            }
            if let Some(end) = self.handle_commands(queue, encoder, link)? {
                return Ok(Some(end));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether windows that were read until now are of the scene that was opened. Once they aren't, nothing
    /// that is read counts any more.
    pub(super) fn is_unchanged(&mut self) -> bool {
        self.changed = self.changed || !self.request.scene.is_unchanged();
        !self.changed
    }

    /// Tells what there is to know of the store.
    pub(super) fn tell_of_store(&mut self, link: &ScannerLink) {
        for notice in self.encoded.collection.take_notices() {
            link.tell(Event::Notice(notice));
        }
    }

    /// Moves what was encoded into the store, once the scene is identified.
    pub fn settle(
        &mut self,
        patience: Duration,
        encoder: &dyn Encoder,
        link: &ScannerLink,
    ) -> Result<(), ScanError> {
        let Some(store) = &self.store else { return Ok(()) };
        match self.request.scene.identity(patience) {
            SceneIdentity::Pending => return Ok(()),
            SceneIdentity::None => {}
            SceneIdentity::Unknown(sentence) => link.tell(Event::Notice(sentence)),
            SceneIdentity::Known { scene, fingerprint } => {
                let (size, store) = (self.request.scene.size(), Store::clone(store));
                let whose = provenance(scene, fingerprint, size, &self.card, encoder, self.options);
                self.encoded.move_to(&store, whose)?;
                self.caught_up = 0;
                self.catch_up();
                self.tell_of_store(link);
            }
        }
        self.store = None;
        Ok(())
    }

    /// Whether what was encoded is still to be moved into the store.
    pub fn is_unsettled(&self) -> bool {
        self.store.is_some()
    }

    /// As [`Self::settle`], waiting until something else is asked for.
    pub(super) fn settle_at_last(
        &mut self,
        encoder: &dyn Encoder,
        link: &ScannerLink,
    ) -> Result<(), ScanError> {
        let began = Instant::now();
        let mut told = false;
        while self.is_unsettled() && !link.has_news() {
            self.settle(PAUSE, encoder, link)?;
            if !told && began.elapsed() > LONG {
                told = true;
                link.tell(Event::Notice(READING.to_owned()));
            }
        }
        Ok(())
    }
}
