//! `gsync handoff`: documents with verified facts, and a life of their own on the hub.

mod answer;
pub mod args;
mod deployed;
pub mod draft;
mod hooks;
mod send;
mod show;
mod story;
mod test;
mod waiting;

use anyhow::Result;
use serde_json::json;

use super::Context;
use crate::base::Exit;
use crate::handoff::facts::notes;
use crate::handoff::{plan, render};
use crate::plan::Outcome;
use crate::run::How;
use args::{DraftArgs, HandoffCommand};

pub use deployed::deployed;
pub use hooks::{arrived, before_push};
pub use send::finish;
pub use waiting::{left_open, say_waiting, waiting, waiting_here};

pub fn main(context: &Context, command: &HandoffCommand) -> Result<Exit> {
    match command {
        HandoffCommand::Draft(args) => write_draft(context, args),
        HandoffCommand::Send(args) => {
            let wish = send::Wish { to: args.to.as_deref(), says: &args.says };
            send::send(context, &wish, &args.act.how())
        }
        HandoffCommand::List(args) => show::list(context, args),
        HandoffCommand::Show(args) => show::show(context, args),
        HandoffCommand::Take(args) => show::take(context, args),
        HandoffCommand::Ack(args) => answer::ack(context, args),
        HandoffCommand::Done(args) => answer::done(context, args),
        HandoffCommand::Reject(args) => answer::reject(context, args),
        HandoffCommand::Test(args) => test::main(context, args),
    }
}

/// Writes the draft again from what is so now, with what the sender wrote, and prints it.
fn write_draft(context: &Context, args: &DraftArgs) -> Result<Exit> {
    let config = context.config()?;
    let mut text = String::new();
    let path = notes::draft_path(&context.git);
    let how = args.act.how();
    let (_, ran) = context.act_then(
        &how,
        || {
            let told = story::tell(context, &config, args.to.as_deref(), &args.says.covered())?;
            let document = render::render(&told.story, told.own.as_deref())?;
            text = document.write();
            Ok(plan::draft(&path, told.draft.as_deref(), &document))
        },
        |_, outcome| {
            Ok(match outcome {
                Outcome::Done => json!({ "draft": path.to_string_lossy() }),
                _ => serde_json::Value::Null,
            })
        },
    )?;
    if !context.ui.is_for_programs() && ran.exit() == Exit::Done {
        context.ui.result(&text);
        if !how.dry_run {
            context.ui.hint(&format!("write your part into {}", path.display()));
            context.ui.hint("send it when the hub has the commits: `gsync handoff send --to ROLE`");
        }
    }
    Ok(ran.exit())
}

/// Writes the draft for a role ahead of a push, so that the push is known to be covered.
pub fn draft_for(context: &Context, to: &str) -> Result<Exit> {
    let config = context.config()?;
    let path = notes::draft_path(&context.git);
    let (_, ran) = context.carry_out(&How::default(), || {
        let told = story::tell(context, &config, Some(to), &args::SaysArgs::default())?;
        let document = render::render(&told.story, told.own.as_deref())?;
        Ok(plan::draft(&path, told.draft.as_deref(), &document))
    })?;
    Ok(ran.exit())
}
