//! `gsync handoff`: documents with verified facts, and a life of their own on the hub.

mod answer;
pub mod args;
mod send;
mod show;
mod story;
mod test;

use anyhow::Result;
use serde_json::json;

use super::Context;
use crate::base::Exit;
use crate::handoff::facts::notes;
use crate::handoff::{plan, render};
use crate::plan::Outcome;
use args::{DraftArgs, HandoffCommand};

pub use send::{Wish, send};

pub fn main(context: &Context, command: &HandoffCommand) -> Result<Exit> {
    match command {
        HandoffCommand::Draft(args) => draft(context, args),
        HandoffCommand::Send(args) => {
            let wish = Wish { to: args.to.as_deref(), says: &args.says };
            send(context, &wish, &args.act.how())
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
fn draft(context: &Context, args: &DraftArgs) -> Result<Exit> {
    let config = context.config()?;
    let mut text = String::new();
    let path = notes::draft_path(&context.git);
    let how = args.act.how();
    let (_, ran) = context.act_then(
        &how,
        || {
            let told = story::tell(context, &config, args.to.as_deref(), &args.says)?;
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
