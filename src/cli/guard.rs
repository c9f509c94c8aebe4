//! `gsync guard`: the judge of the hooks, by hand; and what it lets pass.

use anyhow::Result;
use clap::{Args, Subcommand};

use super::Context;
use super::args::{ActArgs, Format};
use crate::base::{Exit, Problem, plain};
use crate::config::{self, Allow};
use crate::guard::{Verdict, allow, facts, secrets};
use crate::host::{clock, progress};
use crate::plan::Plan;
use crate::ui::{Progress, Ui, sarif};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct GuardArgs {
    /// Judge what is staged (the default)
    #[arg(long, conflicts_with_all = ["range", "all", "history"])]
    pub staged: bool,
    /// Judge every commit of a range, such as `origin/main..HEAD`
    #[arg(long, value_name = "A..B", conflicts_with_all = ["all", "history"])]
    pub range: Option<String>,
    /// Judge every file of the work tree that git tracks or would take
    #[arg(long, conflicts_with = "history")]
    pub all: bool,
    /// Judge everything that any branch or tag of this repository leads to
    #[arg(long)]
    pub history: bool,
    /// How to print the verdict
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    #[command(subcommand)]
    pub command: Option<GuardCommand>,
}

#[derive(Debug, Subcommand)]
pub enum GuardCommand {
    /// Let one value pass that the guard took for a secret, by its fingerprint
    Allow(AllowArgs),
    /// Let everything pass that stands in the history already: for a repository with a past
    Baseline(ActArgs),
}

#[derive(Debug, Args)]
pub struct AllowArgs {
    /// The 16 digits that a finding names
    #[arg(value_name = "FINGERPRINT")]
    pub fingerprint: String,
    /// Why it may pass
    #[arg(long, value_name = "WHY")]
    pub reason: String,
    /// The last day on which it may, such as 2027-01-31
    #[arg(long, value_name = "DAY")]
    pub expires: Option<String>,
    /// Only in these files
    #[arg(long, value_name = "PATTERN")]
    pub path: Option<String>,
    #[command(flatten)]
    pub act: ActArgs,
}

pub(super) fn main(context: &Context, args: &GuardArgs) -> Result<Exit> {
    match &args.command {
        Some(GuardCommand::Allow(args)) => return let_pass(context, args),
        Some(GuardCommand::Baseline(act)) => return baseline(context, act),
        None => {}
    }
    let asked = args.format == Some(Format::Json);
    let ui = Ui { json: context.ui.json || asked, ..context.ui };
    let verdict = match judge(context, args) {
        // Whoever asked for JSON gets the error as JSON too.
        Err(err) if asked => return Ok(ui.error(&err)),
        verdict => verdict?,
    };
    if args.format == Some(Format::Sarif) {
        ui.result(&format!("{}\n", sarif(&verdict)));
        return Ok(if verdict.passes() { Exit::Done } else { Exit::Refused });
    }
    Ok(ui.verdict_result(&verdict))
}

fn judge(context: &Context, args: &GuardArgs) -> Result<Verdict> {
    let watched =
        Progress::begin(Ui { json: context.ui.json || args.format.is_some(), ..context.ui });
    let commits = args.history || args.range.is_some();
    progress::doing(if commits { "judging the commits" } else { "judging the files" });
    let verdict = judged(context, args);
    progress::done();
    drop(watched);
    verdict
}

fn judged(context: &Context, args: &GuardArgs) -> Result<Verdict> {
    match &args.range {
        Some(range) => facts::range(&context.git, range),
        None if args.history => facts::history(&context.git, false),
        None if args.all => facts::all(&context.git),
        None => facts::staged(&context.git, false),
    }
}

fn let_pass(context: &Context, args: &AllowArgs) -> Result<Exit> {
    let print = args.fingerprint.to_ascii_lowercase();
    if print.len() != 16 || !print.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // It may be the secret itself that was pasted here: it is not said again.
        return Err(Problem::usage("fingerprint", "that is not a fingerprint")
            .hint("take the 16 digits in brackets of what `gsync guard` says")
            .into());
    }
    let day = |text: &String| {
        let bad = || {
            let message = format!("`{}` is not a day", plain(text));
            Problem::usage("expires", message).hint("write it like this: `--expires 2027-01-31`")
        };
        config::parse_day(text).ok_or_else(bad)
    };
    let said = args.reason.as_str();
    let why = match said.trim() {
        "" => Some("a reason says why"),
        _ if said.contains(char::is_control) => Some("a reason is one line"),
        _ => None,
    };
    if let Some(why) = why {
        return Err(Problem::usage("reason", why)
            .hint("say it in a few words: `--reason 'revoked on the day'`")
            .into());
    }
    if secrets::cover(said).is_some() {
        return Err(Problem::usage("reason", "the reason has a secret in it, and would be kept")
            .hint("say why without it: `--reason 'revoked on the day'`")
            .into());
    }
    let expires = args.expires.as_ref().map(day).transpose()?;
    if expires.is_some_and(|day| day < clock::now()) {
        let message = format!("{} is over", plain(args.expires.as_deref().unwrap_or_default()));
        return Err(Problem::usage("expires", message)
            .hint("name a day to come: `--expires YYYY-MM-DD`")
            .into());
    }
    let entry = Allow {
        path: args.path.clone(),
        rule: "secret".to_owned(),
        fingerprint: Some(print),
        reason: Some(args.reason.clone()),
        expires,
    };
    act(context, &args.act, || {
        Ok(allow::allow(&facts::exceptions(&context.git, config::FILE)?, &entry)?)
    })
}

fn baseline(context: &Context, args: &ActArgs) -> Result<Exit> {
    act(context, args, || {
        progress::doing("judging the commits");
        let verdict = facts::history(&context.git, true);
        progress::done();
        let verdict = verdict?;
        let facts = facts::exceptions(&context.git, facts::BASELINE)?;
        Ok(allow::baseline(&facts, &verdict.prints))
    })
}

fn act(context: &Context, args: &ActArgs, plan: impl FnOnce() -> Result<Plan>) -> Result<Exit> {
    let how = args.how();
    let (plan, ran) = context.act(&how, plan)?;
    let shown = how.dry_run || plan.steps.is_empty() || context.ui.is_for_programs();
    if !shown && ran.exit() == Exit::Done {
        plan.notes.iter().for_each(|note| context.ui.say(&format!("  {note}")));
    }
    Ok(ran.exit())
}
