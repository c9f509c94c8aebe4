//! All that a handoff says, put together: the work by git, the services by their own room, what
//! the sender wrote, and the tests that were recorded.

use anyhow::Result;

use super::args::SaysArgs;
use crate::base::{CommitId, Problem};
use crate::cli::Context;
use crate::cli::finish::passes;
use crate::config::{self, Config};
use crate::guard;
use crate::handoff::content::{self, Content, Service};
use crate::handoff::document::Document;
use crate::handoff::facts::{self, Clone, Shelf, notes, work};
use crate::handoff::life::State;
use crate::handoff::render::Story;
use crate::handoff::sender::Sender;
use crate::handoff::words::line;
use crate::pipeline;
use crate::plan::{Plan, Step};

/// A story, and what it was made from.
pub struct Told {
    pub clone: Clone,
    pub shelf: Shelf,
    pub story: Story,
    /// The draft as it stood.
    pub draft: Option<Vec<u8>>,
    /// The template of the repository.
    pub own: Option<String>,
}

/// Looks at everything. Without a receiver it is that of the draft, or of the configuration.
pub fn tell(context: &Context, config: &Config, to: Option<&str>, says: &SaysArgs) -> Result<Told> {
    let git = &context.git;
    let clone = facts::here(git, config, &context.who().peer)?;
    let shelf = facts::shelf(git, config)?;
    let draft = notes::draft(git)?;
    let before = draft.as_deref().map(read_draft).transpose()?;
    let mut sender = Sender::default();
    let (mut base, mut risk, mut receiver) = (None, None, None);
    if let Some((document, kept)) = &before {
        sender = Sender::read(&document.body);
        if kept.branch == clone.branch.as_str() {
            base = Some(kept.base.clone());
        }
        receiver.clone_from(&kept.to);
        let was_said = document.body.contains("(said by the sender)");
        risk = was_said.then(|| kept.risk.clone());
    }
    for (name, text) in [
        ("summary", &says.message),
        ("why", &says.why),
        ("impact", &says.impact),
        ("if", &says.if_),
    ] {
        if let Some(text) = text {
            sender.set(name, text);
        }
    }
    if let Some(said) = says.risk {
        risk = Some(said.word().to_owned());
    }
    let to = to.map(str::to_owned).or(receiver).or_else(|| config.handoff.to.clone());
    if let Some(to) = &to {
        check_role(config, to)?;
    }
    let said = says.base.as_deref();
    let base = work::base(git, config, &clone, &shelf, to.as_deref(), said, base.as_ref())?;
    let work = content(context, config, &base, &clone.head)?;
    let story = Story {
        id: "draft".to_owned(),
        status: State::Draft,
        from: clone.peer.clone(),
        to,
        base,
        head: clone.head.clone(),
        branch: clone.branch.to_string(),
        hub: clone.hub.clone(),
        on_hub: clone.is_on_hub(git)?,
        risk,
        today: clone.now,
        tests: notes::tests(git)?,
        sender,
        content: work,
    };
    let own = notes::template(git)?.map(|bytes| {
        String::from_utf8(bytes).map_err(|_| {
            Problem::usage(
                "template",
                format!("{}: not valid UTF-8", crate::handoff::render::OWN_TEMPLATE),
            )
            .hint("save it as UTF-8")
        })
    });
    Ok(Told { clone, shelf, story, draft, own: own.transpose()? })
}

/// The guard judges every word that is to be put on the hub, where no hook of git does.
pub fn judge(context: &Context, plan: &Plan) -> Result<()> {
    for step in &plan.steps {
        let Step::Publish(publish) = step else { continue };
        for (_, bytes) in &publish.files {
            let text = String::from_utf8_lossy(&bytes.0);
            passes(&guard::facts::message(&context.git, &text)?)?;
        }
    }
    Ok(())
}

/// The work between two commits, with the services that it concerns.
pub fn content(
    context: &Context,
    config: &Config,
    base: &CommitId,
    head: &CommitId,
) -> Result<Content> {
    let raw = work::raw(&context.git, base, head)?;
    let mut found = content::content(&raw);
    let paths: Vec<_> = raw
        .files
        .iter()
        .flat_map(|file| std::iter::once(&file.path).chain(&file.from))
        .filter(|path| !config.handoff.has(path))
        .cloned()
        .collect();
    let concerned = pipeline::concerned(config, &paths)?;
    found.services = concerned
        .into_iter()
        .map(|one| Service {
            name: line(&one.service),
            because: one.because.first().map(|why| line(&why.to_string())).unwrap_or_default(),
            steps: one.steps,
        })
        .collect();
    Ok(found)
}

/// A draft that makes sense.
pub fn drafted(bytes: Option<&[u8]>) -> Option<(Document, crate::handoff::document::Handoff)> {
    bytes.and_then(|bytes| read_draft(bytes).ok())
}

fn read_draft(bytes: &[u8]) -> Result<(Document, crate::handoff::document::Handoff), Problem> {
    let again = |mut problem: Problem| {
        problem.hints =
            vec!["mend it, or begin a new one: `rm .git/gsync/handoff/draft.md`".to_owned()];
        problem
    };
    let document = Document::parse(".git/gsync/handoff/draft.md", bytes).map_err(again)?;
    let handoff = document.handoff().map_err(again)?;
    Ok((document, handoff))
}

/// Where roles are configured, a handoff goes to one of them.
fn check_role(config: &Config, to: &str) -> Result<(), Problem> {
    let known = config.roles.contains_key(to);
    if config::is_role(to) && (known || config.roles.is_empty()) {
        return Ok(());
    }
    let names: Vec<&str> = config.roles.keys().map(String::as_str).collect();
    let problem =
        Problem::usage("no-such-role", format!("there is no role {}", crate::base::plain(to)));
    Err(match crate::base::nearest(to, names.iter().copied()) {
        Some(near) => problem.hint(format!("say `--to {near}` if that is what you mean")),
        None if names.is_empty() => problem.hint("use letters, digits, `-` and `_`"),
        None => problem.hint(format!("name one of {}", names.join(", "))),
    })
}
