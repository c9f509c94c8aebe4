//! `gsync app create`: an app home, piece by piece; what is there already stays as it is.

use std::path::PathBuf;

use super::state::State;
use super::{STATE, traffic};
use crate::base::{Edit, File, Problem, RefName, nearest, plain};
use crate::config::app::{self, App, TEMPLATES, is_name};
use crate::plan::{Deed, Plan, Serve, Step};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub name: String,
    /// An absolute path.
    pub home: PathBuf,
    pub branch: String,
    pub template: String,
}

impl Wish {
    /// What will not do, said before anything is made.
    pub fn check(&self) -> Result<(), Problem> {
        if !is_name(&self.name) {
            let why = format!("`{}` cannot be the name of an app", plain(&self.name));
            return Err(Problem::usage("name", why)
                .hint("use small letters, digits, `-` and `_`, a letter first, at most 31"));
        }
        if !TEMPLATES.iter().any(|(name, _)| *name == self.template) {
            let known: Vec<&str> = TEMPLATES.iter().map(|(name, _)| *name).collect();
            let why = format!("there is no template `{}`", plain(&self.template));
            let problem =
                Problem::usage("template", why).because(format!("there are: {}", known.join(", ")));
            return Err(match nearest(&self.template, known) {
                Some(near) => problem.hint(format!("say `--template {near}`")),
                None => problem,
            });
        }
        Ok(())
    }

    /// The settings as the template has them.
    pub fn text(&self) -> String {
        let template = TEMPLATES.iter().find(|(name, _)| *name == self.template);
        let text = template.map(|(_, text)| *text).unwrap_or_default();
        text.replace("@NAME@", &self.name).replace("@BRANCH@", &self.branch)
    }
}

/// What of it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    pub who: String,
    pub app: App,
    /// Something in the directory that is not an app's.
    pub others: Option<String>,
    /// The settings, if they are to be written.
    pub text: Option<String>,
    pub has_repo: bool,
    pub fsck: Option<String>,
    /// The refs about which git asks already.
    pub proc_refs: Vec<String>,
    pub config: Option<File>,
    /// Directories that are missing, outer ones first.
    pub dirs: Vec<PathBuf>,
    pub link: Option<PathBuf>,
    pub has_link: bool,
    pub has_state: bool,
    /// Another home on the list that has the name.
    pub namesake: Option<PathBuf>,
    pub registry: PathBuf,
    pub registry_dirs: Vec<PathBuf>,
    pub registry_text: Option<String>,
}

/// The plan that makes what is missing, but for the hooks.
pub fn plan(facts: &Creation, wish: &Wish) -> Result<Plan, Problem> {
    wish.check()?;
    let app = &facts.app;
    let home = &wish.home;
    if let Some(other) = &facts.others {
        let why = format!("{} is not empty, and no app home", home.display());
        return Err(Problem::refuse("not-empty", why)
            .because(format!("there is `{}`", plain(other)))
            .hint("name a directory that is new or empty: `--dir DIR`"));
    }
    if let Some(other) = &facts.namesake {
        let (name, at) = (&wish.name, plain(&other.to_string_lossy()));
        return Err(Problem::refuse("name-taken", format!("there is an app {name} of this user"))
            .because(format!("its home is {at}"))
            .hint(format!("use that one: `gsync envs --app {name}`"))
            .hint("or choose another name for the new one: `gsync app create NAME --dir DIR`"));
    }
    if app.name != wish.name {
        let why = format!("{} is the home of the app {}", home.display(), app.name);
        return Err(Problem::refuse("other-app", why)
            .hint(format!("name another directory for {}: `--dir DIR`", wish.name)));
    }
    let repo = home.join("repo.git");
    let step = |deed| {
        let app = app.name.clone();
        Step::Serve(Box::new(Serve { app, env: String::new(), host: None, deed }))
    };
    let mut plan = Plan::new(format!("create the app {}", app.name));
    plan.steps.extend(facts.dirs.iter().map(|dir| Step::MakeDir { dir: dir.clone() }));
    if !facts.has_repo {
        plan.steps.push(step(Deed::Init { repo: repo.clone(), branch: app.branch.clone() }));
    }
    plan.steps.extend(settings(facts, repo.join("config")));
    if let Some(text) = &facts.text {
        let file = Some(File::text(text.clone()));
        plan.steps.push(Step::Write { path: home.join(app::FILE), file });
    }
    let first = app.env.keys().next().cloned().unwrap_or_default();
    if let (Some(at), false) = (&facts.link, facts.has_link) {
        plan.steps.push(Step::Link { at: at.clone(), to: Some(PathBuf::from(&first)) });
    }
    if !facts.has_state {
        let live = match traffic(app, home) {
            crate::plan::serve::Traffic::Link { .. } => Some(first),
            crate::plan::serve::Traffic::Haproxy { .. } => None,
        };
        let state = State {
            gsync: 1,
            app: app.name.clone(),
            what: "create".into(),
            who: facts.who.clone(),
            outcome: "done".into(),
            live,
            ..State::default()
        };
        let state = serde_json::to_value(state).map_err(|err| {
            Problem::blind("state", format!("the state cannot be written: {err}"))
        })?;
        plan.steps.push(step(Deed::Record { name: RefName::new(STATE), expect: None, state }));
    }
    if let Some(text) = &facts.registry_text {
        let dirs = facts.registry_dirs.iter().map(|dir| Step::MakeDir { dir: dir.clone() });
        plan.steps.extend(dirs);
        let file = Some(File::text(text.clone()));
        plan.steps.push(Step::Write { path: facts.registry.clone(), file });
    }
    Ok(plan)
}

/// What git has to be told.
fn settings(facts: &Creation, path: PathBuf) -> Option<Step> {
    let mut edits = Vec::new();
    // A tree with a `.git` in it, and other things that no release directory may hold.
    if facts.fsck.as_deref() != Some("true") {
        edits.push(Edit::set("receive.fsckObjects", "true"));
    }
    // In every mode: the hook reads `mode` when it runs, so that changing it is all there is to do.
    let wanted = format!("refs/heads/{}", facts.app.branch);
    match &facts.config {
        _ if facts.proc_refs.contains(&wanted) => {}
        // Beside what is there: an edit would take its place.
        Some(file) if !facts.proc_refs.is_empty() => {
            let mut file = file.clone();
            if !file.bytes.0.ends_with(b"\n") {
                file.bytes.0.push(b'\n');
            }
            let lines = format!("[receive]\n\tfsckObjects = true\n\tprocReceiveRefs = {wanted}\n");
            file.bytes.0.extend_from_slice(lines.as_bytes());
            return Some(Step::Write { path, file: Some(file) });
        }
        _ => edits.push(Edit::set("receive.procReceiveRefs", wanted)),
    }
    (!edits.is_empty()).then_some(Step::Config { file: path, edits })
}
