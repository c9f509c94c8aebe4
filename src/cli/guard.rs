//! `gsync guard`: the judge of the hooks, by hand.

use anyhow::Result;

use super::Context;
use super::args::{Format, GuardArgs};
use crate::base::Exit;
use crate::guard::{Verdict, facts};
use crate::ui::{Ui, sarif};

pub(super) fn main(context: &Context, args: &GuardArgs) -> Result<Exit> {
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
    match &args.range {
        Some(range) => facts::range(&context.git, range),
        None if args.all => facts::all(&context.git),
        None => facts::staged(&context.git, false),
    }
}
