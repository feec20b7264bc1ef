//! PROJ's objects: all calls of its C API.
//!
//! Each thread has one context, in which PROJ's database stays open along with what was read from it. Opening
//! the database for every object would take longer than finding the object in it.

#![expect(unsafe_code, reason = "PROJ is called through its C API")]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{NonNull, null, null_mut};
use std::rc::Rc;
use std::sync::Once;

use proj_sys::{PJ, PJ_CONTEXT, PJ_COORD};

/// Why PROJ can't do something.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::raster) enum ProjError {
    #[error("PROJ could not be started")]
    NotStarted,
    #[error("it holds a zero byte")]
    ZeroByte,
    #[error("it is longer than any definition")]
    TooLong,
    /// With PROJ's own message.
    #[error("{0}")]
    Failed(String),
    #[error("PROJ cannot describe it")]
    NotDescribed,
    #[error("there is no transformation")]
    NoTransformation,
    #[error("no part of the scene lies on the earth in it")]
    OffEarth,
}

thread_local! {
    static CONTEXT: Option<Rc<Context>> = Context::new().map(Rc::new);
}

/// The PROJ context of a thread.
struct Context(NonNull<PJ_CONTEXT>);

impl Context {
    fn new() -> Option<Self> {
        prepare();
        // SAFETY: the function has no preconditions; it returns null when out of memory.
        NonNull::new(unsafe { proj_sys::proj_context_create() }).map(Self)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by `proj_context_create`; every object made in it holds a reference, so none is left.
        unsafe { proj_sys::proj_context_destroy(self.0.as_ptr()) };
    }
}

/// A coordinate system or a part of one, or a transformation.
pub(in crate::raster) struct Object {
    pj: NonNull<PJ>,
    context: Rc<Context>,
}

/// The direction of a transformation.
#[derive(Clone, Copy)]
pub(in crate::raster) enum Direction {
    Forward,
    Inverse,
}

impl Object {
    /// An object from any definition that PROJ accepts: a code, well-known text, PROJJSON, a PROJ string, or
    /// a name.
    ///
    /// # Errors
    /// When PROJ doesn't understand it.
    pub fn of(definition: &str) -> Result<Self, ProjError> {
        let definition = text(definition)?;
        // SAFETY: the context is alive; the text is null-terminated and copied.
        Self::make(|context| unsafe { proj_sys::proj_create(context, definition.as_ptr()) })
    }

    /// The transformation between two systems, with easting or longitude first, whatever their own axis
    /// order.
    ///
    /// # Errors
    /// When PROJ knows no transformation, or one of the systems not at all.
    pub fn between(from: &str, to: &str) -> Result<Self, ProjError> {
        let (from, to) = (text(from)?, text(to)?);
        // SAFETY: the context is alive; the texts are null-terminated and copied; null stands for no area of
        // use.
        let found = Self::make(|context| unsafe {
            proj_sys::proj_create_crs_to_crs(context, from.as_ptr(), to.as_ptr(), null_mut())
        })?;
        // SAFETY: the object is alive and belongs to this context; the result is a new object.
        Self::make(|context| unsafe {
            proj_sys::proj_normalize_for_visualization(context, found.pj.as_ptr())
        })
    }

    fn make(make: impl FnOnce(*mut PJ_CONTEXT) -> *mut PJ) -> Result<Self, ProjError> {
        let context = CONTEXT.try_with(Clone::clone).ok().flatten().ok_or(ProjError::NotStarted)?;
        match NonNull::new(make(context.0.as_ptr())) {
            Some(pj) => Ok(Self { pj, context }),
            None => Err(context.last_error()),
        }
    }

    /// As PROJJSON.
    pub fn json(&self) -> Option<String> {
        let options = [c"MULTILINE=NO".as_ptr(), null()];
        // SAFETY: object and context are alive; the list ends with null; the text is valid until the next
        // call.
        unsafe {
            let json =
                proj_sys::proj_as_projjson(self.context.0.as_ptr(), self.pj.as_ptr(), options.as_ptr());
            owned(json)
        }
    }

    /// As well-known text in the form that GDAL and QGIS write (WKT 1).
    pub fn well_known_text(&self) -> Option<String> {
        let options = [c"MULTILINE=NO".as_ptr(), null()];
        let kind = proj_sys::PJ_WKT_TYPE_PJ_WKT1_GDAL;
        // SAFETY: object and context are alive; the list ends with null; the text is valid until the next
        // call.
        unsafe {
            let text =
                proj_sys::proj_as_wkt(self.context.0.as_ptr(), self.pj.as_ptr(), kind, options.as_ptr());
            owned(text)
        }
    }

    /// Transforms a position; `None` if that is impossible.
    pub fn transform(&self, direction: Direction, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let direction = match direction {
            Direction::Forward => proj_sys::PJ_DIRECTION_PJ_FWD,
            Direction::Inverse => proj_sys::PJ_DIRECTION_PJ_INV,
        };
        // No height, and no time.
        let position = PJ_COORD { v: [x, y, 0.0, f64::INFINITY] };
        // SAFETY: the object is alive and belongs to this thread; every field of the union of numbers is
        // valid.
        unsafe {
            proj_sys::proj_errno_reset(self.pj.as_ptr());
            let [x, y, ..] = proj_sys::proj_trans(self.pj.as_ptr(), direction, position).v;
            (proj_sys::proj_errno(self.pj.as_ptr()) == 0).then_some((x, y))
        }
    }

    /// The PROJ string of a transformation (of the candidate that was used last, if there are several), and
    /// its accuracy in metres, which is negative if unknown.
    pub fn steps(&self) -> (Option<String>, f64) {
        // SAFETY: the object is alive, and so are the texts in its description.
        unsafe {
            let info = proj_sys::proj_pj_info(self.pj.as_ptr());
            (owned(info.definition), info.accuracy)
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: made by PROJ, and its context is alive.
        unsafe { proj_sys::proj_destroy(self.pj.as_ptr()) };
    }
}

impl Context {
    /// Why the last call failed.
    fn last_error(&self) -> ProjError {
        let context = self.0.as_ptr();
        // SAFETY: the context is alive; the text is valid until the next call.
        let message = unsafe {
            owned(proj_sys::proj_context_errno_string(context, proj_sys::proj_context_errno(context)))
        };
        ProjError::Failed(message.unwrap_or_else(|| "PROJ gives no reason".to_owned()))
    }
}

fn text(text: &str) -> Result<CString, ProjError> {
    CString::new(text).map_err(|_| ProjError::ZeroByte)
}

/// Copies a text of PROJ, unless it is null.
///
/// # Safety
/// It must be null, or null-terminated and alive.
unsafe fn owned(text: *const c_char) -> Option<String> {
    // SAFETY: as above.
    let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
    text.map(|text| text.to_string_lossy().into_owned())
}

/// Makes PROJ look for files where there can't be any, so that it uses its built-in database, and turns off
/// its messages. Contexts that are made later inherit this.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The program is a file and no folder, so nothing can be in it.
        let program = std::env::current_exe().unwrap_or_default();
        let nowhere = CString::new(program.to_string_lossy().as_bytes()).unwrap_or_default();
        let paths = [nowhere.as_ptr()];
        let default_context = null_mut();
        // SAFETY: null stands for the default context, which nothing has used yet; the path is copied.
        unsafe {
            proj_sys::proj_context_set_search_paths(default_context, 1, paths.as_ptr());
            proj_sys::proj_log_level(default_context, proj_sys::PJ_LOG_LEVEL_PJ_LOG_NONE);
        }
    });
}
