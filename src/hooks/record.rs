//! What `gsync install` made, so that `gsync uninstall` can take exactly that away.
//!
//! Nothing here is an absolute path of the repository: a clone that was moved or copied can
//! still be taken apart.

use serde::{Deserialize, Serialize};

use crate::base::{Edit, File};

/// How git is made to run gsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Shims in the hooks folder of the git directory; hooks that were there are moved aside.
    Folder,
    /// Shims in a folder of our own, to which `core.hooksPath` points; what it said before
    /// is chained and stays where it is.
    Override,
    /// `hook.gsync-*` in the configuration (git 2.54 or newer).
    Config,
}

/// Settings that were changed, with the file as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub edits: Vec<Edit>,
    pub was: Option<File>,
    /// The configuration of this work tree alone, not the shared one.
    #[serde(default)]
    pub worktree: bool,
}

/// Everything that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub version: String,
    /// The version of git that the way was chosen for.
    pub git: String,
    pub mode: Mode,
    /// The names of the shims.
    pub shims: Vec<String>,
    /// The hooks folder was not there.
    #[serde(default)]
    pub made_folder: bool,
    /// Where the hooks that were there before are now; as the chain file has it.
    #[serde(default)]
    pub chain: Option<String>,
    /// The directory beside the hooks folder, by its name.
    #[serde(default)]
    pub aside: Option<String>,
    /// Hooks that were moved there.
    #[serde(default)]
    pub moved: Vec<String>,
    /// Links there that lead back to the helpers of those hooks.
    #[serde(default)]
    pub mirrors: Vec<String>,
    #[serde(default)]
    pub hooks: Option<Layer>,
    #[serde(default)]
    pub role: Option<Layer>,
    /// The text of the `.gsync.toml` that was written.
    #[serde(default)]
    pub toml: Option<String>,
}
