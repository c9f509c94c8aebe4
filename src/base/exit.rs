use std::process::ExitCode;

/// How gsync ends. Scripts and hooks may rely on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Refused by a rule or a precondition; nothing was changed.
    Refused = 1,
    /// The command line or a configuration file made no sense; nothing was changed.
    Usage = 2,
    /// A step failed and everything was put back as it was.
    PutBack = 3,
    /// A step failed after one that cannot be taken back; that one stays, and is named.
    Kept = 4,
    /// Not everything could be put back: `gsync rescue`.
    Stuck = 5,
    /// Another gsync is at work here.
    Busy = 6,
    /// The world could not be read: hub unreachable, not a repository, a disk that does not answer.
    Blind = 7,
    /// Interrupted by the user; put back first.
    Interrupted = 130,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What a number means that a gsync elsewhere ended with.
    pub const fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Done,
            1 => Self::Refused,
            2 => Self::Usage,
            3 => Self::PutBack,
            4 => Self::Kept,
            5 => Self::Stuck,
            6 => Self::Busy,
            7 => Self::Blind,
            130 => Self::Interrupted,
            _ => return None,
        })
    }

    /// The word of the contract for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Usage => "usage",
            Self::PutBack => "put-back",
            Self::Kept => "kept",
            Self::Stuck => "stuck",
            Self::Busy => "busy",
            Self::Blind => "blind",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
