//! Facts to plan: writing a draft, sending it, answering it.

use std::path::Path;

use super::document::Document;
use super::facts::Clone;
use super::facts::hub::{Found, Shelf};
use super::life::{Move, State, next};
use super::render::{self, Story};
use super::seal::sealed;
use super::value::Value;
use super::words::{id_of, number_of};
use crate::base::{Bytes, CommitId, File, Problem, RefName, RepoPath, count, plain};
use crate::config::Handoff as Rules;
use crate::plan::{Plan, Publish, Step};

/// The plan that writes the draft, if that changes it.
pub fn draft(path: &Path, was: Option<&[u8]>, document: &Document) -> Plan {
    let text = sealed(document, false);
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

/// What is handed over already is not handed over again.
pub fn nothing_new(open: &Found) -> Problem {
    let id = &open.handoff.id;
    Problem::refuse("nothing-new", format!("there is nothing new since {id}, which is still open"))
        .hint(format!("look at it: `gsync handoff show {id}`"))
        .hint(format!("withdraw it first: `gsync handoff reject {id} -m WHY`"))
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
        remote: Some(clone.hub.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Branch, Time};
    use crate::handoff::content::{CommitFact, Content};
    use crate::handoff::sender::Sender;

    fn id(letter: &str) -> CommitId {
        CommitId::new(letter.repeat(40))
    }

    fn clone_of(role: &str) -> Clone {
        Clone {
            peer: format!("{role}@h"),
            role: Some(role.to_owned()),
            head: id("b"),
            hub: "origin".into(),
            branch: Branch::new("main"),
            tip: id("c"),
            now: Time(1_763_460_000),
        }
    }

    fn story() -> Story {
        let commit = CommitFact {
            id: id("b"),
            summary: "work".into(),
            author: "Ada".into(),
            time: Time(0),
            trailers: Vec::new(),
        };
        Story {
            id: "draft".into(),
            status: State::Draft,
            from: "qc@h".into(),
            to: Some("builder".into()),
            base: id("a"),
            head: id("b"),
            branch: "main".into(),
            hub: "origin".into(),
            on_hub: true,
            risk: None,
            today: Time(1_763_460_000),
            tests: Vec::new(),
            sender: Sender::default(),
            content: Content { commits: vec![commit], ..Content::default() },
        }
    }

    fn sent(shelf: &Shelf, highest: u32, story: Story) -> Result<(Plan, u32), Problem> {
        send(Sending {
            clone: &clone_of("qc"),
            shelf,
            rules: &Rules::default(),
            story,
            own: None,
            highest,
            claim: true,
            draft: None,
        })
    }

    fn published(plan: &Plan) -> &Publish {
        match plan.steps.last() {
            Some(Step::Publish(publish)) => publish,
            other => panic!("{other:?}"),
        }
    }

    /// What was sent, as it is found on the hub.
    fn found(plan: &Plan) -> Found {
        let publish = published(plan);
        let (path, bytes) = publish.files[0].clone();
        let document = Document::parse(&path.quoted(), &bytes.0).unwrap();
        let handoff = document.handoff().unwrap();
        let (branch, tip, shown) = (Branch::new("main"), id("c"), handoff.status);
        Found { branch, tip, path, document, handoff, shown }
    }

    #[test]
    fn a_handoff_takes_the_number_behind_the_highest_anywhere_by_a_name_that_must_be_free() {
        let (plan, number) = sent(&Shelf::default(), 6, story()).unwrap();
        assert_eq!(number, 7);
        let publish = published(&plan);
        assert_eq!(publish.claim, Some(RefName::new("refs/gsync/handoff/7")));
        assert_eq!(publish.on, id("c"));
        assert_eq!(publish.message, "docs: handoff H-0007 to builder");
        let path = "handoffs/HANDOFF_TO_BUILDER_20251118_0007.md";
        assert_eq!(publish.files[0].0, RepoPath::from(path));
        assert_eq!(found(&plan).handoff.status, State::Sent);
        let shelf = Shelf { found: vec![found(&plan)], ..Shelf::default() };
        let (plan, number) = sent(&shelf, 0, story()).unwrap();
        assert_eq!(number, 8, "also where the hub tells no names");
        assert_eq!(published(&plan).files.len(), 2, "the former one is superseded with it");
    }

    #[test]
    fn what_the_hub_does_not_have_and_what_is_nothing_is_not_sent() {
        let refused = |story: Story| sent(&Shelf::default(), 0, story).unwrap_err().code;
        assert_eq!(refused(Story { on_hub: false, ..story() }), "not-on-hub");
        assert_eq!(refused(Story { content: Content::default(), ..story() }), "nothing-new");
    }

    #[test]
    fn only_the_receiver_answers_and_only_the_sender_may_withdraw() {
        let (plan, _) = sent(&Shelf::default(), 0, story()).unwrap();
        let found = found(&plan);
        let ack = Answer::Ack { restated: "x".into() };
        let reject = Answer::Reject { why: "x".into() };
        let code = |role: &str, answer: &Answer| {
            answer_to(&clone_of(role), &found, answer).map_err(|problem| problem.code).err()
        };
        assert_eq!(code("builder", &ack), None);
        assert_eq!(code("qc", &ack), Some("not-yours"));
        assert_eq!(code("qc", &reject), None);
        assert_eq!(code("other", &reject), Some("not-yours"));
        let plan = answer_to(&clone_of("builder"), &found, &ack).unwrap();
        assert_eq!(published(&plan).message, "docs: handoff H-0001 acked by builder@h");
    }
}
