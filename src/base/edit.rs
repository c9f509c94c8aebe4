//! Changes to settings and refs, as plain data.

use serde::{Deserialize, Serialize};

use super::{CommitId, RefName};

/// One change of a configuration file: the key gets this one value, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    pub key: String,
    pub value: Option<String>,
}

/// One ref of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRef {
    /// What it shall be; nothing deletes it.
    pub from: Option<CommitId>,
    pub to: RefName,
    /// Where it must stand over there (zeros: nowhere). Without it git's own
    /// rule holds: only forward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<CommitId>,
}

impl Edit {
    pub fn set(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }

    pub fn unset(key: impl Into<String>) -> Self {
        Self { key: key.into(), value: None }
    }
}

impl PushRef {
    /// As git's command line takes it.
    pub fn refspec(&self) -> String {
        let from = self.from.as_ref().map_or("", CommitId::as_str);
        format!("{from}:{}", self.to)
    }
}
