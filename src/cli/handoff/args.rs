//! What `gsync handoff` takes. Its comments are the help text.

use clap::{Args, Subcommand, ValueEnum};

use crate::base::covered;
use crate::cli::args::ActArgs;

#[derive(Debug, Subcommand)]
pub enum HandoffCommand {
    /// Write the draft of a handoff from what git knows, and print it
    Draft(DraftArgs),
    /// Send a handoff to a role: a document on the hub, with a number of its own
    Send(SendArgs),
    /// List the handoffs that are open
    List(ListArgs),
    /// Show a handoff
    Show(ShowArgs),
    /// Acknowledge a handoff in your own words; every commit of it is checked
    Ack(AckArgs),
    /// Say that a handoff is deployed
    Done(DoneArgs),
    /// Send a handoff back, or withdraw your own
    Reject(RejectArgs),
    /// Run a test, and record for the next handoff how it went on which commit
    Test(TestArgs),
    /// Check every commit and command of a handoff, and print the steps in order
    Take(ShowArgs),
}

/// What the sender says.
#[derive(Debug, Clone, Default, Args)]
pub struct SaysArgs {
    /// What this is, in a few words
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<String>,
    /// Why it was done
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub why: Option<String>,
    /// What will be different once it is deployed
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub impact: Option<String>,
    /// What to do if something goes wrong
    #[arg(long = "if", value_name = "TEXT", allow_hyphen_values = true)]
    pub if_: Option<String>,
    /// How risky it is, instead of what follows from the facts
    #[arg(long, value_enum, value_name = "RISK")]
    pub risk: Option<Risk>,
    /// The last commit that the receiver has
    #[arg(long, value_name = "COMMIT")]
    pub base: Option<String>,
}

impl SaysArgs {
    /// The same for a file: what is typed by accident stays out of it.
    pub fn covered(&self) -> Self {
        let covered = |text: &Option<String>| text.as_deref().map(|it| covered(it).into_owned());
        Self {
            message: covered(&self.message),
            why: covered(&self.why),
            impact: covered(&self.impact),
            if_: covered(&self.if_),
            ..self.clone()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Risk {
    Stable,
    Watch,
    Unstable,
}

impl Risk {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Watch => "watch",
            Self::Unstable => "unstable",
        }
    }
}

#[derive(Debug, Args)]
pub struct DraftArgs {
    /// The role that is to receive it
    #[arg(long, value_name = "ROLE")]
    pub to: Option<String>,
    #[command(flatten)]
    pub says: SaysArgs,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct SendArgs {
    /// The role that is to receive it; `[handoff] to` of `.gsync.toml` if it is not said
    #[arg(long, value_name = "ROLE")]
    pub to: Option<String>,
    #[command(flatten)]
    pub says: SaysArgs,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Also those that are closed
    #[arg(long)]
    pub all: bool,
    /// Do not ask the hub
    #[arg(long)]
    pub no_fetch: bool,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Such as H-0007, or 7; `show draft` shows the one that is being written
    #[arg(value_name = "ID")]
    pub id: String,
    /// Do not ask the hub
    #[arg(long)]
    pub no_fetch: bool,
}

#[derive(Debug, Args)]
pub struct AckArgs {
    /// Such as H-0007, or 7
    #[arg(value_name = "ID")]
    pub id: String,
    /// What you understood, in your own words; it has to be said
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<String>,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct DoneArgs {
    /// Such as H-0007, or 7
    #[arg(value_name = "ID")]
    pub id: String,
    /// Where it is deployed, such as production
    #[arg(long, value_name = "ENV")]
    pub env: Option<String>,
    /// The commit that is deployed; the head of the handoff if it is not said
    #[arg(long, value_name = "COMMIT")]
    pub commit: Option<String>,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct RejectArgs {
    /// Such as H-0007, or 7
    #[arg(value_name = "ID")]
    pub id: String,
    /// Why; it has to be said
    #[arg(short, long, value_name = "WHY", allow_hyphen_values = true)]
    pub message: Option<String>,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<std::ffi::OsString>,
}
