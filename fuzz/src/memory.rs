//! An allocator that counts: without a sanitizer, `libFuzzer` sees memory only once it is touched, and a
//! decoder that believes what a file says of its own size asks for memory that it never touches.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What all of a scene may take at once. The largest thing that the library allows itself is a picture of a
/// hundred million pixels that can't be decoded in parts.
const MOST_BYTES: usize = 1200 << 20;

static WATCHING: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

/// From now on, too much memory ends the program.
pub fn watch() {
    WATCHING.store(true, Ordering::Relaxed);
}

fn took(bytes: usize) {
    let all = BYTES.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
    if all > MOST_BYTES && WATCHING.swap(false, Ordering::Relaxed) {
        eprintln!("{} MiB are in use, {} of them just asked for", all >> 20, bytes >> 20);
        eprintln!("{}", std::backtrace::Backtrace::force_capture());
        std::process::abort();
    }
}

// SAFETY: all work is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the contract of this very method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the contract of this very method.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of this very method.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of this very method.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
