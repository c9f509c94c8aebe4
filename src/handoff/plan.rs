//! Facts to plan: writing a draft, sending it, answering it.

use std::path::Path;

use super::document::Document;
use super::facts::Clone;
use super::facts::hub::{Found, Shelf};
use super::life::{Move, State, next};
use super::render::{self, Story};
use super::value::Value;
use super::words::{id_of, number_of};
use crate::base::{Bytes, CommitId, File, Problem, RefName, RepoPath, count, plain};
use crate::config::Handoff as Rules;
use crate::plan::{Plan, Publish, Step};

/// The plan that writes the draft, if that changes it.
pub fn draft(path: &Path, was: Option<&[u8]>, document: &Document) -> Plan {
    let text = document.write();
    let plan = Plan::new("draft the handoff");
    if was == Some(text.as_bytes()) {
        return plan.note("the draft is current");
    }
    let file = File { bytes: Bytes(text.into_bytes()), mode: 0o644 };
    let dir = path.parent().map(|dir| Step::MakeDir { dir: dir.to_owned() });
    plan.then_all(dir).then(Step::Write { path: path.to_owned(), file: Some(file) })
}

/// All that is needed for sending.
pub struct Sending<'a> {
    pub clone: &'a Clone,
    pub shelf: &'a Shelf,
    pub rules: &'a Rules,
    pub story: Story,
    /// The template of the repository.
    pub own: Option<&'a str>,
    /// The highest number that is taken anywhere.
    pub highest: u32,
    /// Whether the number is to be taken by a name on the hub.
    pub claim: bool,
    /// The draft, if there is one.
    pub draft: Option<&'a Path>,
}

/// The plan that sends a handoff, and the number it gets.
pub fn send(sending: Sending<'_>) -> Result<(Plan, u32), Problem> {
    let Sending { clone, shelf, rules, mut story, own, highest, claim, draft } = sending;
    let to = story.to.clone().unwrap_or_default();
    if !story.on_hub {
        let head = story.head.short();
        let branch = plain(clone.branch.as_str());
        let what = format!("{} does not have {head} on {branch}", plain(&clone.hub));
        return Err(Problem::refuse("not-on-hub", what)
            .because("a handoff is about commits that its receiver can get")
            .hint("push them first: `gsync finish`")
            .hint(format!("push and send at once: `gsync finish --handoff {to}`")));
    }
    if story.content.commits.is_empty() {
        let what = format!("there is nothing new since {}", story.base.short());
        return Err(Problem::refuse("nothing-new", what)
            .hint("name an older commit: `gsync handoff send --to ROLE --base COMMIT`"));
    }
    let number = highest.max(shelf.highest()) + 1;
    story.id = id_of(number);
    story.status = next("draft", State::Draft, Move::Send)?;
    let document = render::render(&story, own)?;
    let path = path_of(rules, &to, &story, number)?;
    let mut files = vec![(path, Bytes(document.write().into_bytes()))];
    let mut plan = Plan::new(format!("send handoff {} to {to}", story.id));
    for old in superseded(shelf, clone, &to) {
        let mut document = old.document.clone();
        let state = next(&old.handoff.id, old.shown, Move::Supersede)?;
        document.set("status", Value::text(state.word()));
        answer(&mut document, "superseded", clone, vec![("by", story.id.clone())]);
        files.push((old.path.clone(), Bytes(document.write().into_bytes())));
        plan = plan.note(format!("{} is superseded by it", old.handoff.id));
    }
    if let Some(path) = draft {
        plan = plan.then(Step::Write { path: path.to_owned(), file: None });
    }
    let message = format!("docs: handoff {} to {to}", story.id);
    let claim = claim.then(|| RefName::new(format!("refs/gsync/handoff/{number}")));
    let publish = publish(clone, &clone.tip, &clone.branch.full(), files, message, claim);
    let commits = count(story.content.commits.len(), "commit");
    let (base, head) = (story.base.short(), story.head.short());
    Ok((plan.then(publish).note(format!("{commits}, {base}..{head}")), number))
}

/// The handoffs whose place a new one to that role takes: open ones about the same branch.
fn superseded<'a>(
    shelf: &'a Shelf,
    clone: &'a Clone,
    to: &'a str,
) -> impl Iterator<Item = &'a Found> {
    shelf.waiting_for(to).filter(|found| {
        found.branch == clone.branch && found.handoff.branch == clone.branch.as_str()
    })
}

fn publish(
    clone: &Clone,
    on: &CommitId,
    branch: &RefName,
    files: Vec<(RepoPath, Bytes)>,
    message: String,
    claim: Option<RefName>,
) -> Step {
    Step::Publish(Box::new(Publish {
        remote: clone.hub.clone(),
        branch: branch.clone(),
        on: on.clone(),
        files,
        message,
        claim,
    }))
}

/// The file of a new handoff, by `[handoff] dir` and `file`.
fn path_of(rules: &Rules, to: &str, story: &Story, number: u32) -> Result<RepoPath, Problem> {
    let wrong = |key: &str, why: &str| {
        Problem::usage("config", format!("[handoff] {key} in .gsync.toml {why}"))
    };
    if !rules.file.contains("{NUMBER}") || rules.file.contains('/') || !rules.file.ends_with(".md")
    {
        return Err(wrong("file", "is no name like `HANDOFF_TO_{TO}_{DATE}_{NUMBER}.md`"));
    }
    let dir = rules.dir.trim_matches('/');
    let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part == ".git";
    if dir.split('/').any(bad) {
        return Err(wrong("dir", "is no directory of the repository"));
    }
    let day: String = story.today.compact().chars().take(8).collect();
    let name = rules
        .file
        .replace("{TO}", &to.to_uppercase())
        .replace("{DATE}", &day)
        .replace("{NUMBER}", &format!("{number:04}"));
    Ok(RepoPath::from(format!("{dir}/{name}").as_str()))
}

/// An answer to a handoff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// In the receiver's own words.
    Ack {
        restated: String,
    },
    Done {
        env: Option<String>,
        commit: CommitId,
    },
    Reject {
        why: String,
    },
}

impl Answer {
    fn how(&self) -> Move {
        match self {
            Self::Ack { .. } => Move::Ack,
            Self::Done { .. } => Move::Done,
            Self::Reject { .. } => Move::Reject,
        }
    }
}

/// The handoff of that name.
pub fn find<'a>(shelf: &'a Shelf, id: &str) -> Result<&'a Found, Problem> {
    let number = number_of(id).ok_or_else(|| {
        Problem::usage("bad-id", format!("{} is no handoff: they are called H-0007", plain(id)))
            .hint("run `gsync handoff list`")
    })?;
    if let Some(found) = shelf.number(number) {
        return Ok(found);
    }
    let digits = format!("_{number:04}.md");
    let broken = shelf.broken.iter().find(|(path, _)| path.as_bytes().ends_with(digits.as_bytes()));
    Err(broken.map_or_else(
        || {
            Problem::refuse("no-such-handoff", format!("the hub has no handoff {}", id_of(number)))
                .hint("run `gsync handoff list --all`")
        },
        |(_, problem)| problem.clone(),
    ))
}

/// Why commits of a handoff cannot be relied upon: those that the hub has no more.
pub fn gone(found: &Found, gone: &[(&str, CommitId)]) -> Option<Problem> {
    let id = &found.handoff.id;
    let branch = plain(found.branch.as_str());
    if gone.is_empty() {
        return None;
    }
    let what = format!("{branch} on the hub no longer has what {id} is about");
    let problem = Problem::refuse("sha-gone", what);
    let problem = gone.iter().fold(problem, |problem, (what, id)| {
        problem.because(format!("{what} {} is gone from {branch}", id.short()))
    });
    Some(
        problem
            .because("somebody rewrote its history; nothing was changed")
            .hint(format!("send it back: `gsync handoff reject {id} -m \"history was rewritten\"`"))
            .hint(format!("ask {} to send a new one", found.handoff.from)),
    )
}

/// The plan that answers a handoff.
pub fn answer_to(clone: &Clone, found: &Found, answer: &Answer) -> Result<Plan, Problem> {
    let handoff = &found.handoff;
    let id = &handoff.id;
    let to = handoff.to.as_deref().unwrap_or_default();
    // Whoever sent it may take it back; all else is the receiver's to say.
    let sender = handoff.from.split('@').next().unwrap_or_default();
    let role = clone.role.as_deref().unwrap_or_default();
    let may = role == to || (matches!(answer, Answer::Reject { .. }) && role == sender);
    if !may {
        let me = if role.is_empty() { "has no role" } else { role };
        let what = format!(
            "{id} is for {to}, and this clone {}",
            match role.is_empty() {
                true => me.to_owned(),
                false => format!("is {}", plain(role)),
            }
        );
        return Err(Problem::refuse("not-yours", what)
            .hint(format!("run it on a clone of {to}"))
            .hint(format!("or make this one: `git config gsync.role {to}`")));
    }
    let state = next(id, found.shown, answer.how())?;
    let mut document = found.document.clone();
    document.set("status", Value::text(state.word()));
    let (key, words) = match answer {
        Answer::Ack { restated } => ("acked", vec![("restated", restated.clone())]),
        Answer::Reject { why } => ("rejected", vec![("why", why.clone())]),
        Answer::Done { env, commit } => {
            let env = env.clone().map(|env| ("env", env));
            let commit = Some(("commit", commit.to_string()));
            ("done", env.into_iter().chain(commit).collect())
        }
    };
    super::plan::answer(&mut document, key, clone, words);
    let file = (found.path.clone(), Bytes(document.write().into_bytes()));
    let message = format!("docs: handoff {id} {} by {}", state.word(), plain(&clone.peer));
    let branch = found.branch.full();
    Ok(Plan::new(format!("mark handoff {id} {}", state.word())).then(publish(
        clone,
        &found.tip,
        &branch,
        vec![file],
        message,
        None,
    )))
}

/// Writes an answer into a document: who, on which day, and what was said.
pub(super) fn answer(
    document: &mut Document,
    key: &str,
    clone: &Clone,
    words: Vec<(&str, String)>,
) {
    let day: String = clone.now.rfc3339().chars().take(10).collect();
    let who = if key == "superseded" { Vec::new() } else { vec![("by", clone.peer.clone())] };
    let pairs = who.into_iter().chain([("date", day)]).chain(words);
    let pairs = pairs.map(|(key, text)| (key.to_owned(), Value::text(super::words::clean(&text))));
    document.set(key, Value::Map(pairs.collect()));
}
