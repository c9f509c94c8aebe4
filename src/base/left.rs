use std::fmt;

/// Taking something back found that somebody went on since. What they did is left as it is:
/// that is no failure, and nothing is stuck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub why: String,
    /// What a person can do now, each with a command to paste.
    pub hints: Vec<String>,
}

impl Left {
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hints: Vec::new() }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Left {}
