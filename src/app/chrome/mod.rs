//! What surrounds the view: toolbar, status bar, notices, help, preferences, and the system's dialogs.

pub mod dialogs;
pub mod help;
pub mod notices;
pub mod preferences;
pub mod status_bar;
pub mod toolbar;
