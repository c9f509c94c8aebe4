//! The command line: exactly what was typed. Its comments are the help text.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::json;

use super::deploy::args as deploy;
use super::guard::GuardArgs;
use crate::base::{Exit, Problem};
use crate::run::How;
use crate::ui::{Color, Ui};

/// Pull before work, push after work: git hooks and server automation that lose nothing.
#[derive(Debug, Parser)]
#[command(
    name = "gsync",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "In a new clone: `gsync install`, then work as ever; the hooks do the rest.\n\
                  Exit codes: 0 done, 1 refused, 2 usage, 3 put back, 4 kept, 5 stuck, 6 busy, \
                  7 blind, 130 interrupted."
)]
pub struct Cli {
    /// Run as if gsync was started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Print exactly one JSON object on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Print the events of a run as they happen, one JSON object a line
    #[arg(long, global = true, conflicts_with = "json")]
    pub json_lines: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: When,
    /// Say only what must be said
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show where this clone stands: branch, hub, changes, and what pulling would do
    Status(StatusArgs),
    /// Judge what is staged, a range of commits, or the whole work tree
    Guard(GuardArgs),
    /// Put gsync's hooks into this repository
    Install(InstallArgs),
    /// Take gsync's hooks out again, leaving everything as it was before
    Uninstall(ActArgs),
    /// Check that every hook would fire, and what else needs a hand
    Doctor,
    /// Push the current branch over what the hub has (`--force`), naming what that cuts off
    Push(PushArgs),
    /// Pull before work: say what came in, and bring the branch up to date
    Start(StartArgs),
    /// Push after work: bring the branch up to date, push it, and check that the hub has it
    Finish(FinishArgs),
    /// Show what the other clones are doing, unpushed work included
    Peers(super::peers::PeersArgs),
    /// Bring the branch up to date with the hub, with all uncommitted work
    Pull(PullArgs),
    /// Take the last run back, or the one named
    Undo(UndoArgs),
    /// List the runs of gsync in this repository
    Log(LogArgs),
    /// Make a new version: commit it, tag it, push it to the hub, and bring it to STANDBY
    Bump(super::bump::BumpArgs),
    /// Become exactly what the upstream is; `gsync undo` brings everything back
    Discard(ActArgs),
    /// Show which services a change touches, in which order, and why
    Services(ServicesArgs),
    /// Bring services up to date, and prove it
    Up(UpArgs),
    /// Hand work over: documents with verified facts, from the draft to what became of them
    #[command(subcommand)]
    Handoff(super::handoff::args::HandoffCommand),
    /// Repair what a killed run left behind
    Rescue(ActArgs),
    /// Serve agents over the Model Context Protocol, on stdin and stdout
    Mcp,
    /// What the hooks of coding agents run; `gsync install --agents` puts it there
    AgentHook {
        #[arg(value_enum)]
        moment: super::agent_hook::Moment,
    },
    /// Play the whole story in a temporary directory, with nothing but git
    Demo(DemoArgs),
    /// Show what has piled up: merged branches, unpushed work, stashes, old ways back
    Tidy(TidyArgs),
    /// Let the machine look by itself: the status daily, the review weekly
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// On a server: make app homes, and list them
    #[command(subcommand)]
    App(deploy::AppCommand),
    /// Show both environments of an app, and which is LIVE
    Envs(deploy::EnvsArgs),
    /// Deploy to STANDBY, as a push does
    Deploy(deploy::DeployArgs),
    /// Lead the traffic to STANDBY: it becomes LIVE
    Release(deploy::ReleaseArgs),
    /// Lead the traffic back to what was LIVE before, or to a kept release
    Rollback(deploy::RollbackArgs),
    /// Bring STANDBY to what LIVE is
    Sync(deploy::SyncArgs),
    /// Stop a deploy that runs, or take one that waits out of the queue
    Cancel(deploy::WhichApp),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
    /// Write the man pages into a directory
    Man(ManArgs),
}

/// What every acting command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct ActArgs {
    /// Show the plan and its id, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Run exactly the plan with this id, or nothing
    #[arg(long, value_name = "ID", conflicts_with = "dry_run")]
    pub only: Option<String>,
}

impl ActArgs {
    pub fn how(&self) -> How {
        How { dry_run: self.dry_run, only: self.only.clone() }
    }
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Ask the hub first (the default)
    #[arg(long, conflicts_with = "no_fetch")]
    pub fetch: bool,
    /// Do not ask the hub
    #[arg(long)]
    pub no_fetch: bool,
    /// Exit with 1 unless everything is in sync and clean
    #[arg(long)]
    pub exit_code: bool,
    /// Keep the screen current until Ctrl-C
    #[arg(long, conflicts_with_all = ["short", "json", "json_lines"])]
    pub watch: bool,
    /// One line for a shell prompt, without asking the hub
    #[arg(long)]
    pub short: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Json,
    Sarif,
}

#[derive(Debug, Args)]
pub struct InstallArgs {
    /// What this clone is for; a role of `.gsync.toml`
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Install even where `core.hooksPath` of the user or the system is in the way
    #[arg(long)]
    pub force: bool,
    /// Hooks, commands and the server for coding agents too; all of them, or those named
    #[arg(long, value_enum, value_name = "AGENT", num_args = 0.., require_equals = true,
          value_delimiter = ',')]
    pub agents: Option<Vec<crate::agents::Agent>>,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct PullArgs {
    /// Where it conflicts, start a merge and leave the conflicts to you; `gsync undo` leads back
    #[arg(long)]
    pub resolve: bool,
    /// Pull critical files although processes that depend on them run
    #[arg(long)]
    pub allow_critical: bool,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct StartArgs {
    /// Show the incoming commits and their changes, and change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "only"])]
    pub review: bool,
    /// Pull critical files although processes that depend on them run
    #[arg(long)]
    pub allow_critical: bool,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct FinishArgs {
    /// Commit what is staged, with this message
    #[arg(short, long, value_name = "MESSAGE")]
    pub message: Option<String>,
    /// Commit everything, new files too
    #[arg(short, long, requires = "message")]
    pub all: bool,
    /// Push every other branch with unpushed commits too
    #[arg(long)]
    pub branches: bool,
    /// Hand the work over to this role once the hub has it
    #[arg(long, value_name = "ROLE")]
    pub handoff: Option<String>,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct UndoArgs {
    /// A run of `gsync log`, such as r7
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Take back on the hub too what the run pushed, unless somebody pushed since
    #[arg(long)]
    pub hub: bool,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct LogArgs {
    /// At most so many
    #[arg(short = 'n', value_name = "N")]
    pub number: Option<usize>,
    /// Go on showing runs as they begin and end, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave the directory to look at
    #[arg(long)]
    pub keep: bool,
    /// Wait for Enter after each command
    #[arg(long)]
    pub pause: bool,
    /// Play a chapter with HAProxy, Node and PM2 too; what is missing is named
    #[arg(long)]
    pub full: bool,
}

#[derive(Debug, Args)]
pub struct PushArgs {
    /// Cut off the commits that the hub has and this branch has not
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct TidyArgs {
    /// Delete what is safely merged, here and on the hub, and ways back that are too old
    #[arg(long)]
    pub apply: bool,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Put `gsync status --fetch` and `gsync tidy` into the user's timers or crontab
    Install(ActArgs),
    /// Take them out again
    Remove(ActArgs),
    /// Show what is there
    Show,
}

#[derive(Debug, Args)]
pub struct ServicesArgs {
    /// Compare with this revision, instead of what was brought up last
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,
}

#[derive(Debug, Default, Args)]
pub struct UpArgs {
    /// Bring up these, whatever changed
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// What changed since this revision, instead of since they were brought up last
    #[arg(long, value_name = "REV", conflicts_with = "services")]
    pub since: Option<String>,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where the pages go
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

impl Cli {
    pub fn ui(&self) -> Ui {
        let color = match self.color {
            When::Auto => Color::Auto,
            When::Always => Color::Always,
            When::Never => Color::Never,
        };
        Ui {
            json: self.json,
            json_lines: self.json_lines,
            quiet: self.quiet,
            verbose: self.verbose,
            color,
        }
    }
}

/// Prints what clap has to say: help to stdout, mistakes to stderr, or as JSON if that was
/// asked for.
pub fn explain(err: &clap::Error, words: &[OsString]) -> Exit {
    let said = |flag: &str| words.iter().take_while(|word| *word != "--").any(|word| word == flag);
    let (json, json_lines) = (said("--json"), said("--json-lines"));
    if !err.use_stderr() {
        let ui = Ui { json, json_lines, ..Ui::default() };
        match err.kind() {
            _ if !ui.is_for_programs() => drop(err.print()),
            ErrorKind::DisplayVersion => {
                ui.object(&json!({ "version": env!("CARGO_PKG_VERSION") }));
            }
            _ => ui.object(&json!({ "help": err.render().to_string() })),
        }
        return Exit::Done;
    }
    if json || json_lines {
        let text = err.render().to_string();
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let problem = Problem::usage("usage", first.trim_start_matches("error: "))
            .hint("look at `gsync --help`");
        return Ui { json, json_lines, ..Ui::default() }.error(&problem.into());
    }
    // What was typed is said again, and may be a secret.
    let text = err.render().to_string();
    match crate::base::covered(&text) {
        std::borrow::Cow::Owned(covered) => Ui::default().relay(covered.trim_end()),
        // In colour on a terminal only; nobody there to read it is no error.
        std::borrow::Cow::Borrowed(_) => drop(err.print()),
    }
    Exit::Usage
}
