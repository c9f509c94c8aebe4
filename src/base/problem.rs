use std::fmt;

use super::Exit;

/// What a person is told when gsync will not, or cannot, go on.
///
/// Any other failure is an [`anyhow::Error`] with context. Only a `Problem`
/// carries hints and chooses the exit code; it survives `.context(..)` and is
/// found again at the edge with `downcast_ref`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub exit: Exit,
    /// One word for programs, such as `behind` or `not-a-repository`.
    pub code: &'static str,
    pub message: String,
    /// Why, a line each; printed as `because:`.
    pub because: Vec<String>,
    /// What the person can do; each starts with a verb and can be pasted. At most three are shown.
    pub hints: Vec<String>,
}

impl Problem {
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, code, message: message.into(), because: Vec::new(), hints: Vec::new() }
    }

    /// Nothing was changed, and a person has to decide something first.
    pub fn refuse(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, code, message)
    }

    /// The command line or a configuration file made no sense.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, message)
    }

    /// The world could not be read.
    pub fn blind(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Exit::Blind, code, message)
    }

    #[must_use]
    pub fn because(mut self, line: impl Into<String>) -> Self {
        self.because.push(line.into());
        self
    }

    /// Adds one thing the person can do, in the imperative.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}
