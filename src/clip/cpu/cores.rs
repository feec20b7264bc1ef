//! One thread pool per core.
//!
//! Threads inside a matrix product wait for each other after every layer. Pictures don't depend on one
//! another, so it is faster to give each core pictures of its own and to have burn use a single thread for
//! them.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// The cores of the processor, each as a pool of one thread, so that what burn runs in it uses no other.
pub struct Cores {
    pools: Vec<ThreadPool>,
}

impl Cores {
    /// All cores that this process may use.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub fn new() -> Result<Self, ThreadPoolBuildError> {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let pools = (0..count)
            .map(|i| {
                ThreadPoolBuilder::new().num_threads(1).thread_name(move |_| format!("clip-{i}")).build()
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { pools })
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.pools.len()
    }

    /// Runs `work` on all of `jobs`; a core that is done takes the next job.
    ///
    /// # Errors
    /// The first error of `work`; jobs that haven't begun by then are dropped.
    pub fn run<J: Send, E: Send>(
        &self,
        jobs: impl Iterator<Item = J> + Send,
        work: impl Fn(J) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let jobs = Mutex::new(jobs.fuse());
        let failed = Mutex::new(None);
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
        let failed_already = || failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let drain = || {
            while let Some(job) = next() {
                if failed_already() {
                    return;
                }
                if let Err(error) = work(job) {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for pool in &self.pools {
                scope.spawn(|| pool.install(drain));
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_runs_once_on_one_thread() {
        let cores = Cores::new().unwrap();
        let mut done = vec![0; 100];
        let result = cores.run(done.iter_mut().enumerate(), |(i, slot)| {
            *slot += i;
            if rayon::current_num_threads() == 1 {
                Ok(())
            } else {
                Err("burn would use more than one thread")
            }
        });
        assert_eq!(result, Ok(()));
        assert!(done.iter().enumerate().all(|(i, slot)| *slot == i));
    }

    #[test]
    fn an_error_is_handed_on() {
        let cores = Cores::new().unwrap();
        let result = cores.run(0..100, |i| if i == 7 { Err(i) } else { Ok(()) });
        assert_eq!(result, Err(7));
    }
}
