//! Refs against the rules: pull before push, pull before commit, branches that are not
//! rewritten, branches that drifted away.

use super::policy::Policy;
use super::{Finding, Place, Scene, Severity};
use crate::base::{Commit, CommitId, RefName, RefUpdate, RepoPath, Time, count, shell_quote};
use crate::config::Mode;

/// Commits that are named one by one.
pub const NAMED: usize = 5;
/// Paths that are named one by one.
const PATHS: usize = 5;

/// What is known of one ref that a push would move.
#[derive(Debug, Clone)]
pub struct RefFacts {
    pub update: RefUpdate,
    /// Whether what stands there is contained in what shall stand there. Nothing: it is not
    /// known here. Only of a ref that is there and is not deleted.
    pub contained: Option<bool>,
    /// How many commits of the hub's main branch, as known here, it lacks.
    pub drift: usize,
    /// What the push would pass over.
    pub lost: Option<Lost>,
    /// gsync showed what would be cut off (a forced push, which leaves protected branches alone,
    /// or an undo on the hub), and holds a lease on it.
    pub leased: bool,
    /// It is the branch that is checked out here, going to the same name on the hub.
    pub checked_out: bool,
}

/// Commits that the other side has and the push has not.
#[derive(Debug, Clone, Default)]
pub struct Lost {
    /// The newest of them.
    pub commits: Vec<Commit>,
    pub count: usize,
    /// The paths in which pulling would conflict. Nothing: not known.
    pub conflicts: Option<Vec<RepoPath>>,
}

/// A branch that is known to be behind what it follows.
#[derive(Debug, Clone)]
pub struct Behind {
    pub branch: String,
    /// The short name of what it follows: `origin/main`.
    pub upstream: String,
    pub lost: Lost,
}

/// Where a push goes, in words.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub remote: &'a str,
    pub scene: Scene,
    pub now: Time,
}

/// What the rules say of one ref.
pub fn judge(policy: &Policy, target: Target<'_>, facts: &RefFacts) -> Vec<Finding> {
    let update = &facts.update;
    let Some(branch) = update.name.branch() else { return Vec::new() };
    let branch = branch.as_str();
    let place = Place {
        reference: Some(update.name.clone()),
        commit: update.new.clone(),
        ..Place::default()
    };
    let mut found = Vec::new();
    let rewrites = update.old.is_some() && update.new.is_some() && facts.contained != Some(true);
    if rewrites && target.scene == Scene::Push && !facts.leased {
        let severity = severity(policy.config.work.pull_before_push);
        found.extend(severity.map(|severity| pull_first(policy, target, facts, severity, &place)));
    }
    let refused = found.iter().any(|found: &Finding| found.severity == Severity::Error);
    let change = match update.new {
        // Taking a push back was asked for by name, and shown, with a lease on what it put there.
        _ if facts.leased && target.scene == Scene::Push => None,
        None => Some("deleted"),
        Some(_) if rewrites && !refused => Some("rewritten"),
        Some(_) => None,
    };
    if let (Some(change), true) = (change, policy.protects_branch(branch)) {
        let mut finding = finding("protected-branch", Severity::Error, place.clone());
        finding.message = format!("the branch {} must not be {change}", quoted(branch));
        finding.because = vec![format!("it is one of `protected_branches` in {}", policy.origin)];
        finding.hints = match change {
            "deleted" => vec!["push the other refs without it".to_owned()],
            _ => vec![pull(target.remote, branch)],
        };
        found.push(finding);
    }
    if facts.drift > 0 && facts.drift >= policy.config.work.base_drift as usize {
        let hub = &policy.config.hub;
        let mut finding = finding("base-drift", Severity::Warning, place);
        finding.message = format!(
            "{} lacks {} of {}/{}",
            quoted(branch),
            count(facts.drift, "commit"),
            hub.remote,
            hub.branch
        );
        finding.hints = vec![pull(&hub.remote, &hub.branch)];
        found.push(finding);
    }
    found.retain(|finding| !policy.allows(finding.rule, None));
    found
}

/// What the rules say of a commit on a branch that is behind.
pub fn before_commit(policy: &Policy, behind: &Behind, now: Time) -> Option<Finding> {
    let severity = severity(policy.config.work.pull_before_commit)?;
    let reference = Some(RefName::new(format!("refs/heads/{}", behind.branch)));
    let mut finding =
        finding("pull-before-commit", severity, Place { reference, ..Place::default() });
    finding.message = format!(
        "{} is {} behind {}",
        quoted(&behind.branch),
        count(behind.lost.count, "commit"),
        quoted(&behind.upstream)
    );
    finding.because = commits(&behind.lost, now);
    finding.hints = vec!["gsync pull".to_owned()];
    (!policy.allows(finding.rule, None)).then_some(finding)
}

fn pull_first(
    policy: &Policy,
    target: Target<'_>,
    facts: &RefFacts,
    severity: Severity,
    place: &Place,
) -> Finding {
    let update = &facts.update;
    let branch = update.name.short();
    let shown = format!("{} on {}", quoted(branch), quoted(target.remote));
    let mut finding = finding("pull-before-push", severity, place.clone());
    let count_of = facts.lost.as_ref().map(|lost| lost.count);
    finding.message = match count_of {
        Some(n) => {
            format!("{shown} has {} that this push lacks: pull first", count(n, "commit"))
        }
        None => format!("{shown} has commits that are not here: pull first"),
    };
    match &facts.lost {
        Some(lost) => {
            finding.because = commits(lost, target.now);
            finding.because.extend(lost.conflicts.as_deref().map(conflicts));
        }
        None => {
            let old = update.old.as_ref().map_or("?", CommitId::short);
            finding.because =
                vec![format!("it stands at {old}, and the hub could not be asked what that is")];
        }
    }
    if facts.checked_out {
        finding.hints = vec!["gsync pull".to_owned()];
        if facts.contained == Some(false) && !policy.protects_branch(branch) {
            finding.hints.push("replace them if you must: `gsync push --force`".to_owned());
        }
        return finding;
    }
    finding.hints = vec![pull(target.remote, branch)];
    if let (Some(false), Some(old), false) =
        (facts.contained, &update.old, policy.protects_branch(branch))
    {
        let lease = shell_quote(&format!("--force-with-lease={branch}:{old}"));
        let source = if update.source.is_empty() { branch } else { &update.source };
        let refspec = shell_quote(&format!("{source}:{}", update.name));
        let remote = shell_quote(target.remote);
        finding.hints.push(format!(
            "replace them if you must: `GSYNC_SKIP=1 git push {lease} {remote} {refspec}`"
        ));
    }
    finding
}

fn pull(remote: &str, branch: &str) -> String {
    // A server does not know by which name somebody calls it.
    if remote.is_empty() {
        return "take in what is there, then push again: `git pull --rebase`".to_owned();
    }
    format!("git pull --rebase {} {}", shell_quote(remote), shell_quote(branch))
}

/// `a1b2c3d Bob, 5 minutes ago: fix the thing`
fn commits(lost: &Lost, now: Time) -> Vec<String> {
    let mut lines: Vec<String> = lost
        .commits
        .iter()
        .take(NAMED)
        .map(|commit| {
            let (id, ago) = (commit.id.short(), commit.time.ago(now));
            format!("{id} {}, {ago}: {}", commit.author, commit.summary)
        })
        .collect();
    let rest = lost.count.saturating_sub(lines.len());
    if rest > 0 {
        lines.push(format!("and {} more", count(rest, "commit")));
    }
    lines
}

fn conflicts(paths: &[RepoPath]) -> String {
    if paths.is_empty() {
        return "pulling would not conflict".to_owned();
    }
    let named: Vec<String> = paths.iter().take(PATHS).map(RepoPath::quoted).collect();
    let rest = paths.len().saturating_sub(PATHS);
    let rest = if rest > 0 { format!(" and {}", count(rest, "other path")) } else { String::new() };
    format!("pulling would conflict in {}{rest}", named.join(", "))
}

/// A name from elsewhere inside a sentence.
fn quoted(name: &str) -> String {
    crate::base::plain(name)
}

fn severity(mode: Mode) -> Option<Severity> {
    match mode {
        Mode::Block => Some(Severity::Error),
        Mode::Warn => Some(Severity::Warning),
        Mode::Off => None,
    }
}

fn finding(rule: &'static str, severity: Severity, place: Place) -> Finding {
    Finding::new(rule, severity, place, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn id(letter: char) -> CommitId {
        CommitId::new(letter.to_string().repeat(40))
    }

    fn facts(name: &str, old: bool, new: bool, contained: Option<bool>) -> RefFacts {
        let update = RefUpdate {
            name: RefName::new(name),
            old: old.then(|| id('a')),
            new: new.then(|| id('b')),
            source: "refs/heads/x".into(),
        };
        RefFacts { update, contained, drift: 0, lost: None, leased: false, checked_out: false }
    }

    fn rules(mode: Mode, scene: Scene, facts: &RefFacts) -> Vec<(&'static str, Severity)> {
        let mut config = Config::default();
        config.work.pull_before_push = mode;
        let policy = Policy::new("x", config, false);
        let target = Target { remote: "origin", scene, now: Time(0) };
        let found = judge(&policy, target, facts);
        assert!(found.iter().all(|found| !found.message.is_empty() && !found.hints.is_empty()));
        found.into_iter().map(|found| (found.rule, found.severity)).collect()
    }

    #[test]
    fn what_goes_forward_or_is_new_or_is_no_branch_passes() {
        for scene in [Scene::Push, Scene::Receive] {
            assert_eq!(
                rules(Mode::Block, scene, &facts("refs/heads/main", true, true, Some(true))),
                []
            );
            assert_eq!(rules(Mode::Block, scene, &facts("refs/heads/main", false, true, None)), []);
            assert_eq!(rules(Mode::Block, scene, &facts("refs/tags/main", true, true, None)), []);
            assert_eq!(
                rules(Mode::Block, scene, &facts("refs/heads/topic", true, false, None)),
                []
            );
        }
    }

    #[test]
    fn a_protected_branch_is_never_rewritten_nor_deleted_whatever_else_is_off() {
        let protected = ("protected-branch", Severity::Error);
        for mode in [Mode::Block, Mode::Warn, Mode::Off] {
            for contained in [Some(false), None] {
                let rewritten = facts("refs/heads/main", true, true, contained);
                assert!(rules(mode, Scene::Receive, &rewritten).contains(&protected));
                let found = rules(mode, Scene::Push, &rewritten);
                assert!(found.iter().any(|(_, severity)| *severity == Severity::Error), "{mode:?}");
            }
            let deleted = facts("refs/heads/main", true, false, None);
            for scene in [Scene::Push, Scene::Receive] {
                assert_eq!(rules(mode, scene, &deleted), [protected]);
            }
        }
    }

    #[test]
    fn a_push_that_lacks_what_others_pushed_is_refused_warned_of_or_let_pass_as_configured() {
        let behind = facts("refs/heads/topic", true, true, Some(false));
        let rule = "pull-before-push";
        assert_eq!(rules(Mode::Block, Scene::Push, &behind), [(rule, Severity::Error)]);
        assert_eq!(rules(Mode::Warn, Scene::Push, &behind), [(rule, Severity::Warning)]);
        assert_eq!(rules(Mode::Off, Scene::Push, &behind), []);
        assert_eq!(rules(Mode::Block, Scene::Receive, &behind), [], "git decides that there");
    }

    #[test]
    fn drift_is_only_a_warning_and_counts_from_the_limit_on() {
        let mut drifted = facts("refs/heads/topic", true, true, Some(true));
        drifted.drift = 19;
        assert_eq!(rules(Mode::Block, Scene::Push, &drifted), []);
        drifted.drift = 20;
        assert_eq!(rules(Mode::Block, Scene::Push, &drifted), [("base-drift", Severity::Warning)]);
    }
}
