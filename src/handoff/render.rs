//! From facts to a document. The template writes the text; the front matter is gsync's own, so
//! no template can break it.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::content::Content;
use super::document::Document;
use super::life::State;
use super::sender::Sender;
use super::value::Value;
use super::words::{Proof, Rollback, Test, line};
use crate::base::{CommitId, Problem, Time, plain, shell_quote};

/// The template that is built in.
pub const TEMPLATE: &str = include_str!("../../templates/HANDOFF.md");

/// Where a repository keeps its own.
pub const OWN_TEMPLATE: &str = ".gsync/HANDOFF.md";

/// All that a handoff says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// `draft` or `H-0007`.
    pub id: String,
    pub status: State,
    pub from: String,
    pub to: Option<String>,
    pub base: CommitId,
    pub head: CommitId,
    pub branch: String,
    pub hub: String,
    /// Whether the hub is known to have the head.
    pub on_hub: bool,
    pub risk: Option<String>,
    pub today: Time,
    pub tests: Vec<Test>,
    pub sender: Sender,
    pub content: Content,
}

/// A step of the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Todo {
    pub what: String,
    pub command: Option<String>,
}

/// A claim, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    pub what: String,
    pub command: Option<String>,
    pub why: Option<String>,
}

/// The document of a story. `own` is the template of the repository.
pub fn render(story: &Story, own: Option<&str>) -> Result<Document, Problem> {
    let name = if own.is_some() { OWN_TEMPLATE } else { "the template" };
    let body = fill(story, own.unwrap_or(TEMPLATE)).map_err(|err| broken(name, &err))?;
    let body = format!("\n{}\n", body.trim());
    let rollback = story.content.rollback(&story.base);
    let day: String = story.today.rfc3339().chars().take(10).collect();
    let texts = |list: Vec<String>| Value::List(list.into_iter().map(Value::Text).collect());
    let names = |list: &[super::content::Named]| list.iter().map(|one| one.name.clone()).collect();
    let mut pairs = vec![
        ("gsync", Value::Number(1)),
        ("id", Value::text(&story.id)),
        ("status", Value::text(story.status.word())),
        ("from", Value::text(&story.from)),
        ("to", story.to.as_ref().map_or(Value::Nothing, Value::text)),
        ("base", Value::text(story.base.as_str())),
        ("head", Value::text(story.head.as_str())),
        ("branch", Value::text(&story.branch)),
        ("risk", Value::text(story.risk())),
        ("tests", Value::List(story.tests.iter().map(Test::value).collect())),
        ("migrations", texts(names(&story.content.migrations))),
        ("env_added", texts(story.content.env_added.iter().map(|key| key.name.clone()).collect())),
        ("rollback", rollback.value()),
    ];
    if story.status != State::Draft {
        pairs.insert(5, ("date", Value::text(day)));
    }
    Ok(Document::new(pairs, body))
}

fn fill(story: &Story, template: &str) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // A name that a template of a repository spells wrong must not become an empty place.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_function("count", |n: usize, word: &str| crate::base::count(n, word));
    environment.add_template("HANDOFF.md", template)?;
    let rollback = story.content.rollback(&story.base);
    let sender: BTreeMap<&str, String> = story.sender.sections().collect();
    let day: String = story.today.rfc3339().chars().take(10).collect();
    let mut data = serde_json::to_value(&story.content).unwrap_or_default();
    let own = serde_json::json!({
        "id": story.id,
        "status": story.status.word(),
        "from": line(&story.from),
        "to": story.to.as_deref().unwrap_or("nobody yet"),
        "date": day,
        "branch": line(&story.branch),
        "base": story.base.as_str(),
        "base_short": story.base.short(),
        "head": story.head.as_str(),
        "head_short": story.head.short(),
        "risk": story.risk(),
        "risk_why": story.risk_why(),
        "tests": story.told_tests(),
        "steps": steps(story),
        "rollback": rollback,
        "rollback_commands": rollback_commands(story),
        "claims": story.claims(),
        "sender": sender,
    });
    if let (Some(data), serde_json::Value::Object(own)) = (data.as_object_mut(), own) {
        data.extend(own);
    }
    environment.get_template("HANDOFF.md")?.render(minijinja::value::Value::from(Serde(data)))
}

/// A template that cannot be used: the line, and what is wrong there.
fn broken(name: &str, err: &minijinja::Error) -> Problem {
    let place = err.line().map_or_else(|| name.to_owned(), |line| format!("{name}:{line}"));
    let mut why = err.kind().to_string();
    if let Some(detail) = err.detail() {
        why += &format!(": {}", plain(detail));
    }
    Problem::usage("template", format!("{place}: {why}"))
        .hint(format!("mend {name}, or remove it to have the built-in one again"))
}

impl Story {
    pub fn risk(&self) -> String {
        self.risk.clone().unwrap_or_else(|| self.content.risk(self.failed()).to_owned())
    }

    fn failed(&self) -> bool {
        self.tests.iter().any(|test| test.proof(&self.head) == Proof::Failed)
    }

    fn risk_why(&self) -> String {
        if self.risk.is_some() {
            return "said by the sender".to_owned();
        }
        let content = &self.content;
        let mut why = Vec::new();
        for (is, word) in [
            (self.failed(), "a test failed"),
            (!content.migrations.is_empty(), "migrations"),
            (!content.breaking.is_empty(), "breaking changes"),
            (!content.env_added.is_empty(), "new environment keys"),
            (!content.lockfiles.is_empty(), "other dependencies"),
        ] {
            why.extend(is.then_some(word));
        }
        why.join(", ")
    }

    fn told_tests(&self) -> Vec<BTreeMap<&'static str, String>> {
        let told = |test: &Test| {
            let (at, when) = (test.at.short(), test.time.rfc3339());
            let said = match test.proof(&self.head) {
                Proof::Passed => format!("passed at `{at}`, {when}"),
                Proof::Failed => format!("**failed** with {} at `{at}`, {when}", test.exit),
                Proof::Dirty => format!("passed with uncommitted work on `{at}`, {when}"),
                Proof::Stale => {
                    format!("**stale**: exit {} on another commit, `{at}`, {when}", test.exit)
                }
            };
            BTreeMap::from([("run", line(&test.run)), ("said", said)])
        };
        self.tests.iter().map(told).collect()
    }

    /// What is claimed, and how far it is proved.
    pub fn claims(&self) -> Vec<Claim> {
        let hub = format!("{}/{}", self.hub, self.branch);
        let (head, base) = (self.head.short(), self.base.short());
        let mut claims = vec![Claim {
            what: format!("the hub has `{head}` on {}", line(&self.branch)),
            command: self.on_hub.then(|| {
                line(&format!("git merge-base --is-ancestor {head} {}", shell_quote(&hub)))
            }),
            why: (!self.on_hub).then(|| "it is not pushed".to_owned()),
        }];
        claims.push(Claim {
            what: "changes, files, migrations, environment keys and lockfiles".to_owned(),
            command: Some(format!("git log {base}..{head}` and `git diff {base} {head}")),
            why: None,
        });
        for test in &self.tests {
            let proof = test.proof(&self.head);
            claims.push(Claim {
                what: format!("`{}` passes", line(&test.run)),
                command: (proof == Proof::Passed).then(|| line(&test.run)),
                why: Some(
                    match proof {
                        Proof::Failed => "it failed",
                        Proof::Stale => "it ran on another commit",
                        _ => "there was uncommitted work",
                    }
                    .to_owned(),
                ),
            });
        }
        for name in Sender::NAMES {
            if self.sender.get(name).is_some() {
                let what = format!("the section \"{}\"", Sender::title(name));
                let why = Some("the sender's own words".to_owned());
                claims.push(Claim { what, command: None, why });
            }
        }
        claims
    }
}

/// What the receiver does, in order.
pub fn steps(story: &Story) -> Vec<Todo> {
    let content = &story.content;
    let step = |what: String, command: Option<String>| Todo { what, command };
    let branch = shell_quote(&story.branch);
    let mut steps = vec![step(
        format!("have `{}` on {}", story.head.short(), line(&story.branch)),
        Some(line(&format!("git switch {branch} && gsync start"))),
    )];
    for key in &content.env_added {
        steps.push(step(
            format!("set the environment key `{}`, see `{}`", key.name, key.path),
            None,
        ));
    }
    for one in content.lockfiles.iter().filter(|one| one.status != "deleted") {
        let path = crate::base::RepoPath::unquote(&one.name);
        let install = super::rules::lockfile(&path).map(|install| {
            let dir = one.name.rsplit_once('/').map(|(dir, _)| shell_quote(dir));
            dir.map_or_else(|| install.to_owned(), |dir| format!("(cd {dir} && {install})"))
        });
        steps.push(step(format!("install what `{}` names", one.name), install));
    }
    for one in content.migrations.iter().filter(|one| one.status != "deleted") {
        steps.push(step(format!("run the migration `{}`", one.name), None));
    }
    for service in &content.services {
        let what = format!("bring up {}", service.name);
        steps.push(step(what, Some(line(&format!("gsync up {}", shell_quote(&service.name))))));
    }
    for test in story.tests.iter().filter(|test| test.proof(&story.head) == Proof::Passed) {
        steps.push(step("check that it works".to_owned(), Some(line(&test.run))));
    }
    let id = &story.id;
    if story.status != State::Draft {
        steps.push(step(
            "say that it is deployed".to_owned(),
            Some(format!("gsync handoff done {id} --env ENV")),
        ));
    }
    steps
}

/// The commands of the way back.
pub fn rollback_commands(story: &Story) -> Vec<String> {
    let Rollback { commit, .. } = story.content.rollback(&story.base);
    let mut commands =
        vec![format!("git revert --no-commit {}..{}", commit.short(), story.head.short())];
    commands.push(format!("git commit -m {}", shell_quote(&format!("revert: {}", story.id))));
    commands.push("gsync finish".to_owned());
    if !story.content.services.is_empty() {
        commands.push("gsync up".to_owned());
    }
    commands
}
