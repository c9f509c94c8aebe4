//! Putting the hooks in. If anything of ours is not as it should be (another version, another
//! git, another tool that got in between), what is left of us is taken out first and all put
//! in again: one way to be right instead of many ways to repair.

use super::desired::{is_intact, keys, passed, wanted};
use super::facts::{Entry, Facts};
use super::record::{Layer, Mode, Record};
use super::{shim, uninstall};
use crate::base::{Edit, File, Problem, nearest, shell_quote};
use crate::config;
use crate::plan::{Plan, Step};

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    pub role: Option<String>,
    pub force: bool,
}

/// The plan of `gsync install`. Without steps: everything is in place.
pub fn plan(facts: &Facts, wish: &Wish) -> Result<Plan, Problem> {
    check(facts, wish)?;
    let mut plan = Plan::new("install gsync");
    let mut record = match &facts.record {
        Some(record) if is_intact(facts, record) => record.clone(),
        former => {
            let mut now = facts.clone();
            if let Some(former) = former {
                uninstall::strip(&mut now, former, &mut plan);
            }
            put_in(facts, &mut now, former.as_ref(), &mut plan)?
        }
    };
    if let Some(role) = &wish.role
        && facts.role.as_ref() != Some(role)
    {
        let edits = vec![Edit::set("gsync.role", role)];
        let was = match (&record.role, &record.hooks) {
            (Some(role), _) => role.was.clone(),
            // On top of the hooks' settings: both are taken back in one go.
            (None, Some(layer)) if !layer.worktree => None,
            (None, _) => facts.config.clone(),
        };
        record.role = Some(Layer { edits: edits.clone(), was, worktree: false });
        plan.steps.push(Step::Config { file: facts.config_file.clone(), edits });
        if facts.roles.is_empty() {
            let file = config::FILE;
            plan.notes.push(format!("{file} names no roles yet: add [roles.{role}] to it"));
        }
    }
    if let Some(dir) = &facts.work_dir
        && facts.toml.is_none()
        && !facts.toml_known
        && !facts.toml_upstream
    {
        let text = match &facts.hub_branch {
            Some(branch) => config::template(branch.as_str()),
            None => config::TEMPLATE.to_owned(),
        };
        let file = Some(File::text(text.clone()));
        plan.steps.push(Step::Write { path: dir.join(config::FILE), file });
        record.toml = Some(text);
    }
    if facts.toml.is_none() && facts.toml_upstream {
        let file = config::FILE;
        plan.notes.push(format!("the hub has a {file}, and this clone not yet: run `gsync start`"));
    }
    if facts.record.as_ref() == Some(&record) && plan.steps.is_empty() {
        return Ok(Plan::new("gsync is already installed here"));
    }
    let text = serde_json::to_string_pretty(&record).unwrap_or_default() + "\n";
    // Former settings may hold a password in an address: for the owner's eyes.
    let file = File { mode: 0o600, ..File::text(text) };
    plan.steps.push(Step::Write { path: facts.record_file(), file: Some(file) });
    Ok(plan)
}

fn check(facts: &Facts, wish: &Wish) -> Result<(), Problem> {
    if let Some(role) = &wish.role {
        if !config::is_role(role) {
            return Err(Problem::usage("role", format!("`{role}` cannot be a role"))
                .hint("use letters, digits, `-` and `_`"));
        }
        if !facts.roles.is_empty() && !facts.roles.contains(role) {
            let known = facts.roles.iter().map(String::as_str);
            let problem = Problem::refuse("role", format!("{} has no role `{role}`", config::FILE))
                .because(format!("its roles are: {}", facts.roles.join(", ")));
            return Err(match nearest(role, known) {
                Some(near) => problem.hint(format!("run `gsync install --role {near}`")),
                None => problem.hint(format!("add a section [roles.{role}] to {}", config::FILE)),
            });
        }
    }
    let Some(at) = &facts.hooks_path else { return Ok(()) };
    let scope = at.scope.as_str();
    let level = if scope == "local" { String::new() } else { format!("--{scope} ") };
    if at.path.is_empty() {
        return Err(Problem::refuse("hooks-path", "core.hooksPath is set, but empty")
            .because("git then looks for hooks in `/`, and runs none of this repository")
            .hint(format!("run `git config {level}--unset-all core.hooksPath`")));
    }
    if facts.hooks_path_is_ours() && facts.record.is_none() {
        return Err(Problem::refuse(
            "hooks-path",
            "core.hooksPath leads into gsync's folder, whose record is gone",
        )
        .hint("run `git config --unset-all core.hooksPath`, then `gsync install`"));
    }
    let foreign = matches!(scope, "global" | "system" | "command");
    if foreign && !facts.config_hooks && !wish.force {
        let whose = match scope {
            "global" => "user",
            "system" => "system",
            _ => "command line",
        };
        let problem =
            Problem::refuse("hooks-path", format!("core.hooksPath of the {whose} is set")).because(
                format!(
                    "it is {}, and hooks of this repository are not run",
                    shell_quote(&at.value)
                ),
            );
        let problem = match scope {
            "command" => problem.hint("unset it in GIT_CONFIG_COUNT or GIT_CONFIG_PARAMETERS"),
            _ => problem.hint(format!(
                "run `git config {level}--unset-all core.hooksPath` if nothing needs it"
            )),
        };
        return Err(problem.hint(
            "run `gsync install --force` to set it for this repository, and chain those hooks",
        ));
    }
    Ok(())
}

/// Puts the hooks in where nothing of ours is. `now` is what is there by then.
fn put_in(
    facts: &Facts,
    now: &mut Facts,
    former: Option<&Record>,
    plan: &mut Plan,
) -> Result<Record, Problem> {
    let mode = facts.right_mode();
    let wanted = wanted(facts.bare);
    let mut record = Record {
        version: facts.version.clone(),
        git: facts.git_version.clone(),
        mode,
        shims: Vec::new(),
        made_folder: false,
        chain: None,
        aside: None,
        moved: Vec::new(),
        mirrors: Vec::new(),
        hooks: None,
        role: former.and_then(|former| former.role.clone()),
        toml: former.and_then(|former| former.toml.clone()),
    };
    match mode {
        Mode::Folder => into_folder(now, former, &mut record, plan)?,
        Mode::Override => {
            let dir = now.own.dir.clone();
            if !now.own.exists {
                plan.steps.push(Step::MakeDir { dir: dir.clone() });
            }
            let chain = match (&facts.hooks_path, former) {
                (Some(_), Some(former)) if facts.hooks_path_is_ours() => former.chain.clone(),
                (Some(at), _) => Some(at.path.clone()),
                (None, _) => Some(now.hooks.dir.to_string_lossy().into_owned()),
            };
            for hook in wanted {
                let text = shim::shim(*hook, &facts.version, &facts.binary);
                plan.steps.push(write(&dir.join(hook.name()), text));
                record.shims.push(hook.name().to_owned());
            }
            for name in passed(now) {
                let to = format!("{}/{name}", chain.as_deref().unwrap_or_default());
                plan.steps.push(write(&dir.join(&name), shim::pass(&name, &facts.version, &to)));
                record.shims.push(name);
            }
            record.chain = chain;
        }
        Mode::Config => {}
    }
    if let Some(chain) = &record.chain {
        let file = Some(File::text(format!("{chain}\n")));
        plan.steps.push(Step::Write { path: facts.chain_file(), file });
    }
    put_settings(facts, former, &mut record, plan);
    Ok(record)
}

fn write(path: &std::path::Path, text: String) -> Step {
    Step::Write { path: path.to_owned(), file: Some(File::script(text)) }
}

fn into_folder(
    now: &Facts,
    former: Option<&Record>,
    record: &mut Record,
    plan: &mut Plan,
) -> Result<(), Problem> {
    let dir = &now.hooks.dir;
    record.made_folder = !now.hooks.exists
        || former.is_some_and(|former| former.made_folder && now.hooks.entries.is_empty());
    if !now.hooks.exists {
        plan.steps.push(Step::MakeDir { dir: dir.clone() });
    }
    let wanted = wanted(now.bare);
    for hook in wanted {
        match now.hooks.entries.get(hook.name()) {
            Some(Entry::Dir) => {
                return Err(Problem::refuse(
                    "hook-is-a-directory",
                    format!("a directory is where the {hook} hook belongs"),
                )
                .because(dir.join(hook.name()).display().to_string())
                .hint(format!(
                    "move it away: `mv {0} {0}.away`",
                    shell_quote(&dir.join(hook.name()).to_string_lossy())
                )));
            }
            Some(Entry::Foreign { .. }) => record.moved.push(hook.name().to_owned()),
            // Ours without a record: written over below.
            Some(Entry::Ours { .. }) | None => {}
        }
    }
    if !record.moved.is_empty() {
        let aside = now.common_dir.join(&now.free_aside);
        plan.steps.push(Step::MakeDir { dir: aside.clone() });
        for name in &record.moved {
            plan.steps.push(Step::Move { from: dir.join(name), to: aside.join(name) });
        }
        for name in now.hooks.entries.keys() {
            let ours = wanted.iter().any(|hook| hook.name() == name);
            if !ours && !name.ends_with(".sample") {
                let to = std::path::Path::new("../hooks").join(name);
                plan.steps.push(Step::Link { at: aside.join(name), to: Some(to) });
                record.mirrors.push(name.clone());
            }
        }
        record.chain = Some(aside.to_string_lossy().into_owned());
        record.aside = Some(now.free_aside.clone());
    }
    for hook in wanted {
        let text = shim::shim(*hook, &now.version, &now.binary);
        plan.steps.push(write(&dir.join(hook.name()), text));
        record.shims.push(hook.name().to_owned());
    }
    Ok(())
}

/// The settings that make git run the hooks. The former ones stay in the record as long as
/// they are still in effect, so that an uninstall leads back to the very first state.
fn put_settings(facts: &Facts, former: Option<&Record>, record: &mut Record, plan: &mut Plan) {
    let edits = match record.mode {
        Mode::Folder => Vec::new(),
        Mode::Override => vec![Edit::set("core.hooksPath", facts.own.dir.to_string_lossy())],
        Mode::Config => keys(facts),
    };
    let old = former.and_then(|former| former.hooks.as_ref());
    let in_effect = former.is_some_and(|former| match former.mode {
        Mode::Override => facts.hooks_path_is_ours(),
        Mode::Folder | Mode::Config => true,
    });
    if let (Some(old), true) = (old, in_effect)
        && old.edits == edits
        && record.mode != Mode::Config
    {
        record.hooks = Some(old.clone());
        return;
    }
    if let (Some(former), true) = (former, in_effect) {
        uninstall::settings(facts, former, plan);
    }
    if edits.is_empty() {
        return;
    }
    // A path that only this work tree has can only be overridden there.
    let scope = facts.hooks_path.as_ref().map(|at| at.scope.as_str());
    let worktree = record.mode == Mode::Override
        && match old {
            Some(old) if in_effect => old.worktree,
            _ => scope == Some("worktree"),
        };
    let (file, now) = if worktree {
        (&facts.worktree_config_file, &facts.worktree_config)
    } else {
        (&facts.config_file, &facts.config)
    };
    let was = match old {
        Some(old) if in_effect => old.was.clone(),
        _ => now.clone(),
    };
    plan.steps.push(Step::Config { file: file.clone(), edits: edits.clone() });
    record.hooks = Some(Layer { edits, was, worktree });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::{Folder, HooksPath};

    fn facts() -> Facts {
        let folder = |dir: &str| Folder { dir: dir.into(), exists: true, ..Folder::default() };
        Facts {
            common_dir: "/r/.git".into(),
            work_dir: Some("/r".into()),
            version: "1.0.0".into(),
            binary: "/bin/gsync".into(),
            git_version: "2.47.3".into(),
            hooks: folder("/r/.git/hooks"),
            own: Folder { exists: false, ..folder("/r/.git/gsync/hooks") },
            free_aside: "hooks.before-gsync".into(),
            config_file: "/r/.git/config".into(),
            toml_known: true,
            ..Facts::default()
        }
    }

    fn steps(facts: &Facts, wish: &Wish) -> Vec<String> {
        plan(facts, wish).unwrap().steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_hook_of_somebody_else_is_moved_never_written_over() {
        let mut facts = facts();
        facts.hooks.entries.insert("pre-push".into(), Entry::Foreign { runs: true });
        facts.hooks.entries.insert("helper".into(), Entry::Foreign { runs: false });
        facts.hooks.entries.insert("pre-push.sample".into(), Entry::Foreign { runs: true });
        let steps = steps(&facts, &Wish::default());
        assert_eq!(
            steps[..3],
            [
                "mkdir -p /r/.git/hooks.before-gsync",
                "mv -n /r/.git/hooks/pre-push /r/.git/hooks.before-gsync/pre-push",
                "ln -sfn ../hooks/helper /r/.git/hooks.before-gsync/helper",
            ]
        );
        assert_eq!(steps.iter().filter(|step| step.contains("sample")).count(), 0);
        assert!(steps.last().unwrap().ends_with("install.json"), "the record is the last word");
    }

    #[test]
    fn one_way_is_chosen_and_only_one() {
        let mut facts = facts();
        assert_eq!(facts.right_mode(), Mode::Folder);
        facts.hooks_path =
            Some(HooksPath { scope: "local".into(), value: "h".into(), path: "h".into() });
        assert_eq!(facts.right_mode(), Mode::Override);
        assert!(
            steps(&facts, &Wish::default())
                .contains(&"git config core.hooksPath /r/.git/gsync/hooks".to_owned())
        );
        facts.config_hooks = true;
        assert_eq!(facts.right_mode(), Mode::Config);
        let steps = steps(&facts, &Wish::default());
        assert!(!steps.iter().any(|step| step.contains("/hooks/")), "{steps:?}");
    }

    #[test]
    fn a_hooks_path_that_is_not_of_this_repository_needs_force() {
        for scope in ["global", "system", "command"] {
            let mut facts = facts();
            facts.hooks_path =
                Some(HooksPath { scope: scope.into(), value: "h".into(), path: "h".into() });
            assert_eq!(plan(&facts, &Wish::default()).unwrap_err().code, "hooks-path");
            assert!(plan(&facts, &Wish { force: true, role: None }).is_ok());
        }
    }
}
