//! PROJ's own objects: all calls of its C functions.
//!
//! A thread has one context, in which PROJ's database stays open, with what was read of it. To open it for
//! every object takes longer than to find the object in it.

#![expect(unsafe_code, reason = "PROJ is a library in C++ that is called by its functions for C")]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{NonNull, null, null_mut};
use std::rc::Rc;
use std::sync::Once;

use proj_sys::{PJ, PJ_CONTEXT, PJ_COORD};

thread_local! {
    static CONTEXT: Option<Rc<Context>> = Context::new().map(Rc::new);
}

/// What PROJ does on one thread.
struct Context(NonNull<PJ_CONTEXT>);

impl Context {
    fn new() -> Option<Self> {
        prepare();
        // SAFETY: it takes nothing; null when there is no memory.
        NonNull::new(unsafe { proj_sys::proj_context_create() }).map(Self)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was made by `proj_context_create`, and each object made in it holds it.
        unsafe { proj_sys::proj_context_destroy(self.0.as_ptr()) };
    }
}

/// A coordinate system or a part of one, or a transformation.
pub(super) struct Object {
    pj: NonNull<PJ>,
    context: Rc<Context>,
}

/// Which way a transformation is taken.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    There,
    Back,
}

impl Object {
    /// By whatever PROJ takes: a code, well-known text, PROJJSON, a PROJ string, a name.
    ///
    /// # Errors
    /// What PROJ says of a definition that it doesn't understand.
    pub fn of(definition: &str) -> Result<Self, String> {
        let definition = text(definition)?;
        // SAFETY: the context is alive, the text ends with a zero and is copied.
        Self::make(|context| unsafe { proj_sys::proj_create(context, definition.as_ptr()) })
    }

    /// The transformation between two systems: easting or longitude comes first, whatever their own order.
    ///
    /// # Errors
    /// When PROJ knows none, or not the systems.
    pub fn between(from: &str, to: &str) -> Result<Self, String> {
        let (from, to) = (text(from)?, text(to)?);
        // SAFETY: the context is alive, the texts end with a zero and are copied; null stands for no area.
        let found = Self::make(|context| unsafe {
            proj_sys::proj_create_crs_to_crs(context, from.as_ptr(), to.as_ptr(), null_mut())
        })?;
        // SAFETY: the context is that of the object, which is alive; what comes is another object.
        Self::make(|context| unsafe {
            proj_sys::proj_normalize_for_visualization(context, found.pj.as_ptr())
        })
    }

    fn make(make: impl FnOnce(*mut PJ_CONTEXT) -> *mut PJ) -> Result<Self, String> {
        let context = CONTEXT.try_with(Clone::clone).ok().flatten().ok_or("PROJ could not be started")?;
        match NonNull::new(make(context.0.as_ptr())) {
            Some(pj) => Ok(Self { pj, context }),
            None => Err(context.complaint()),
        }
    }

    /// As PROJJSON.
    pub fn json(&self) -> Option<String> {
        let options = [c"MULTILINE=NO".as_ptr(), null()];
        // SAFETY: object and context are alive, the list ends with null; the text is good until the next
        // call.
        unsafe {
            let json =
                proj_sys::proj_as_projjson(self.context.0.as_ptr(), self.pj.as_ptr(), options.as_ptr());
            owned(json)
        }
    }

    /// Where a transformation takes a position.
    pub fn transform(&self, direction: Direction, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let direction = match direction {
            Direction::There => proj_sys::PJ_DIRECTION_PJ_FWD,
            Direction::Back => proj_sys::PJ_DIRECTION_PJ_INV,
        };
        // Of no height, at no time.
        let position = PJ_COORD { v: [x, y, 0.0, f64::INFINITY] };
        // SAFETY: the object is alive and this thread's own; of a union of numbers any view is good.
        unsafe {
            proj_sys::proj_errno_reset(self.pj.as_ptr());
            let [x, y, ..] = proj_sys::proj_trans(self.pj.as_ptr(), direction, position).v;
            (proj_sys::proj_errno(self.pj.as_ptr()) == 0).then_some((x, y))
        }
    }

    /// The steps of a transformation, of several the one that was taken last, and how accurate it is, in
    /// metres: less than 0 where that isn't known.
    pub fn steps(&self) -> (Option<String>, f64) {
        // SAFETY: the object is alive, and with it the texts of what is told of it.
        unsafe {
            let info = proj_sys::proj_pj_info(self.pj.as_ptr());
            (owned(info.definition), info.accuracy)
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: PROJ made it, and its context is alive.
        unsafe { proj_sys::proj_destroy(self.pj.as_ptr()) };
    }
}

impl Context {
    /// Why the last call failed.
    fn complaint(&self) -> String {
        let context = self.0.as_ptr();
        // SAFETY: the context is alive, and the text is its own until the next call.
        let told = unsafe {
            owned(proj_sys::proj_context_errno_string(context, proj_sys::proj_context_errno(context)))
        };
        told.unwrap_or_else(|| "PROJ gives no reason".to_owned())
    }
}

fn text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| "it holds a zero byte".to_owned())
}

/// A copy of PROJ's text, unless it is null.
///
/// # Safety
/// It must be null, or end with a zero and be alive.
unsafe fn owned(text: *const c_char) -> Option<String> {
    // SAFETY: as above.
    let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
    text.map(|text| text.to_string_lossy().into_owned())
}

/// Tells PROJ, once, to look for files where none can be, so that it takes what is built in, and to keep its
/// messages to itself. All that it makes later on inherits this.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A file is no folder.
        let program = std::env::current_exe().unwrap_or_default();
        let nowhere = CString::new(program.to_string_lossy().as_bytes()).unwrap_or_default();
        let paths = [nowhere.as_ptr()];
        let default_context = null_mut();
        // SAFETY: null stands for PROJ's default context, which nobody uses before; the path is copied.
        unsafe {
            proj_sys::proj_context_set_search_paths(default_context, 1, paths.as_ptr());
            proj_sys::proj_log_level(default_context, proj_sys::PJ_LOG_LEVEL_PJ_LOG_NONE);
        }
    });
}
