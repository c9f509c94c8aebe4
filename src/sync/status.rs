//! What the facts about a clone mean: its relation to the hub, and whether all is well.

use serde::Serialize;

use super::facts::{Asked, Facts, Unfinished, Upstream};
use crate::base::{
    Branch, Change, Commit, CommitId, Operation, PeerId, PeerSeen, RepoPath, Time, count,
};

/// How a branch stands to its upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    Synced,
    Ahead,
    Behind,
    Diverged,
    /// The branch follows nothing.
    None,
    /// The hub has it no longer, or never had it.
    Gone,
    /// The upstream once had commits of ours and has them no longer.
    Rewound,
    Detached,
    Unborn,
    Unknown,
}

impl Relation {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Ahead => "ahead",
            Self::Behind => "behind",
            Self::Diverged => "diverged",
            Self::None => "none",
            Self::Gone => "gone",
            Self::Rewound => "rewound",
            Self::Detached => "detached",
            Self::Unborn => "unborn",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weather {
    Clean,
    Conflict,
    Unknown,
}

/// What pulling now would meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outlook {
    pub result: Weather,
    pub paths: Vec<RepoPath>,
    /// Those of the paths on which commits conflict; on the others it is uncommitted work.
    pub commits: Vec<RepoPath>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unpushed {
    pub branch: Branch,
    pub ahead: usize,
}

/// Where a clone stands, as the contract words it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub peer: PeerId,
    pub role: String,
    pub host: String,
    pub path: String,
    pub hub: String,
    pub branch: Option<Branch>,
    pub head: Option<CommitId>,
    pub upstream: Option<String>,
    pub relation: Relation,
    pub ahead: usize,
    pub behind: usize,
    pub fetched_at: Option<Time>,
    /// Whether the hub answered; nothing if it was not asked.
    pub online: Option<bool>,
    /// Why it did not answer.
    pub offline: Option<String>,
    pub outgoing: Vec<Commit>,
    pub incoming: Vec<Commit>,
    /// Commits here that the upstream once had and has no longer.
    pub rewound: Vec<Commit>,
    pub changes: Vec<Change>,
    pub clean: bool,
    pub stashes: usize,
    pub unpushed_branches: Vec<Unpushed>,
    pub operation: Option<Operation>,
    /// The branch that a rebase is about.
    pub operation_branch: Option<Branch>,
    pub forecast: Outlook,
    pub unfinished: Option<Unfinished>,
    /// What else a person should know.
    pub notes: Vec<String>,
    /// The same as the exit code of `--exit-code`.
    pub in_sync: bool,
    pub peers: Vec<PeerSeen>,
    pub handoffs: Vec<serde_json::Value>,
    pub apps: Vec<serde_json::Value>,
    /// The hub answered, and has no branch: nothing was ever pushed there.
    #[serde(skip)]
    pub hub_is_empty: bool,
    #[serde(skip)]
    pub now: Time,
}

impl Status {
    /// Takes over the answer of the hub from an earlier look.
    pub fn hub_said(&mut self, online: Option<bool>, offline: Option<String>) {
        self.in_sync = self.in_sync && online != Some(false);
        self.online = online;
        self.offline = offline;
    }
}

/// What the facts come to.
pub fn status(facts: Facts) -> Status {
    let relation = relation(&facts);
    let forecast = outlook(&facts, relation);
    let notes = notes(&facts, relation);
    let Facts { peer, scan, operation, .. } = facts;
    let role = peer.role.clone().unwrap_or_default();
    let name = peer.role.unwrap_or(peer.user);
    let number = peer.worktree.map(|n| format!("#{n}")).unwrap_or_default();
    let (online, offline) = match facts.asked {
        Asked::Answered => (Some(true), None),
        Asked::NotAsked => (None, None),
        Asked::Failed(why) => (Some(false), Some(why)),
        Asked::TimedOut => (Some(false), Some("it did not answer in time".to_owned())),
        Asked::NoHub => (Some(false), None),
    };
    let clean = scan.changes.is_empty() && operation.is_none() && !facts.untracked_hidden;
    let outgoing = facts.outgoing.unwrap_or_default();
    let incoming = facts.incoming.unwrap_or_default();
    Status {
        peer: PeerId::new(format!("{name}@{}{number}", peer.host)),
        role,
        host: peer.host,
        path: RepoPath::new(facts.path.as_os_str().as_encoded_bytes()).quoted(),
        hub: facts.hub,
        branch: facts.head.branch,
        head: facts.head.id,
        upstream: facts.upstream.as_ref().map(Upstream::short),
        relation,
        ahead: outgoing.count,
        behind: incoming.count,
        in_sync: relation == Relation::Synced
            && clean
            && online != Some(false)
            && facts.fetched_at.is_some(),
        fetched_at: facts.fetched_at,
        online,
        offline,
        outgoing: outgoing.newest,
        incoming: incoming.newest,
        rewound: facts.lost,
        changes: scan.changes,
        clean,
        stashes: scan.stashes,
        unpushed_branches: facts
            .unpushed
            .into_iter()
            .map(|(branch, ahead)| Unpushed { branch, ahead })
            .collect(),
        operation: operation.as_ref().map(|(operation, _)| *operation),
        operation_branch: operation.and_then(|(_, branch)| branch),
        forecast,
        unfinished: facts.unfinished,
        notes,
        peers: Vec::new(),
        handoffs: Vec::new(),
        apps: Vec::new(),
        hub_is_empty: facts.hub_is_empty,
        now: facts.now,
    }
}

/// Also for the prompt, which has no more than this.
pub fn relation(facts: &Facts) -> Relation {
    if facts.head.id.is_none() {
        return Relation::Unborn;
    }
    if facts.head.branch.is_none() {
        return Relation::Detached;
    }
    let Some(upstream) = &facts.upstream else { return Relation::None };
    if upstream.tracking.is_none() {
        return Relation::Unknown;
    }
    if upstream.id.is_none() || facts.missing {
        return Relation::Gone;
    }
    let (Some(outgoing), Some(incoming)) = (&facts.outgoing, &facts.incoming) else {
        return Relation::Unknown;
    };
    // Without a common beginning in sight the counts of a shallow clone mean nothing.
    if facts.shallow && !facts.related {
        return Relation::Unknown;
    }
    match (outgoing.count > 0, incoming.count > 0) {
        _ if !facts.lost.is_empty() => Relation::Rewound,
        (false, false) => Relation::Synced,
        (true, false) => Relation::Ahead,
        (false, true) => Relation::Behind,
        (true, true) => Relation::Diverged,
    }
}

fn outlook(facts: &Facts, relation: Relation) -> Outlook {
    let unknown = Outlook { result: Weather::Unknown, paths: Vec::new(), commits: Vec::new() };
    if matches!(relation, Relation::Unknown) {
        return unknown;
    }
    let Some(forecast) = &facts.forecast else { return unknown };
    let mut paths = forecast.conflicts.clone();
    paths.extend(facts.met.iter().cloned());
    paths.sort();
    paths.dedup();
    let silent = matches!(facts.asked, Asked::Failed(_) | Asked::TimedOut);
    let result = match paths.is_empty() {
        // What the hub has by now is not known.
        true if silent => Weather::Unknown,
        true => Weather::Clean,
        false => Weather::Conflict,
    };
    Outlook { result, paths, commits: forecast.conflicts.clone() }
}

fn notes(facts: &Facts, relation: Relation) -> Vec<String> {
    let mut notes = Vec::new();
    if facts.asked == Asked::NoHub {
        notes.push(format!("there is no remote `{}`: what is here is only here", facts.remote));
    }
    if facts.shallow {
        notes.push("this clone is shallow: older history is not here".to_owned());
    }
    if relation == Relation::Diverged && !facts.related {
        notes.push("the two histories have no common beginning".to_owned());
    }
    if facts.untracked_hidden {
        let key = "status.showUntrackedFiles=no";
        notes.push(format!("untracked files were not looked for ({key})"));
    }
    if relation == Relation::Rewound {
        let lost = count(facts.lost.len(), "commit");
        notes.push(format!("the hub once had {lost} of yours and dropped them"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Kind, RefName};
    use crate::sync::facts::{Forecast, Head, Scan, Side};

    fn synced() -> Facts {
        Facts {
            head: Head {
                branch: Some(Branch::new("main")),
                id: Some(CommitId::new("a".repeat(40))),
            },
            upstream: Some(Upstream {
                remote: "origin".into(),
                merge: RefName::new("refs/heads/main"),
                tracking: Some(RefName::new("refs/remotes/origin/main")),
                id: Some(CommitId::new("a".repeat(40))),
            }),
            outgoing: Some(Side::default()),
            incoming: Some(Side::default()),
            forecast: Some(Forecast::default()),
            related: true,
            asked: Asked::Answered,
            fetched_at: Some(Time(1)),
            ..Facts::default()
        }
    }

    fn commit(id: &str) -> Commit {
        let id = CommitId::new(id.repeat(40));
        Commit { id, summary: "s".into(), author: "a".into(), time: Time(1) }
    }

    fn side(count: usize) -> Side {
        Side { count, newest: vec![commit("b"); count] }
    }

    type Blemish = (&'static str, fn(&mut Facts));

    /// Everything that can be the matter, one at a time.
    fn blemishes() -> Vec<Blemish> {
        vec![
            ("unborn", |facts| facts.head.id = None),
            ("detached", |facts| facts.head.branch = None),
            ("no upstream", |facts| facts.upstream = None),
            ("unmapped", |facts| facts.upstream.iter_mut().for_each(|up| up.tracking = None)),
            ("gone", |facts| facts.upstream.iter_mut().for_each(|up| up.id = None)),
            ("deleted over there", |facts| facts.missing = true),
            ("ahead", |facts| facts.outgoing = Some(side(1))),
            ("behind", |facts| facts.incoming = Some(side(2))),
            ("not countable", |facts| facts.incoming = None),
            ("not countable", |facts| facts.outgoing = None),
            ("rewound", |facts| facts.lost = vec![commit("b")]),
            ("offline", |facts| facts.asked = Asked::Failed("no route".into())),
            ("slow", |facts| facts.asked = Asked::TimedOut),
            ("no hub", |facts| facts.asked = Asked::NoHub),
            ("never asked", |facts| facts.fetched_at = None),
            ("merging", |facts| facts.operation = Some((Operation::Merge, None))),
            ("untracked not looked for", |facts| facts.untracked_hidden = true),
            ("dirty", |facts| {
                facts.scan.changes.push(Change {
                    path: "x".into(),
                    from: None,
                    index: None,
                    worktree: Some(Kind::Untracked),
                    submodule: false,
                    staged: None,
                });
            }),
        ]
    }

    #[test]
    fn only_the_clone_with_no_blemish_is_in_sync() {
        assert!(status(synced()).in_sync);
        for (one, spoil) in blemishes() {
            for (other, spoil_more) in blemishes() {
                let mut facts = synced();
                spoil(&mut facts);
                spoil_more(&mut facts);
                assert!(!status(facts).in_sync, "{one} and {other}");
            }
        }
    }

    #[test]
    fn the_relation_follows_from_what_each_side_has() {
        for (ahead, behind, expect) in [
            (0, 0, Relation::Synced),
            (1, 0, Relation::Ahead),
            (0, 1, Relation::Behind),
            (3, 2, Relation::Diverged),
        ] {
            let facts =
                Facts { outgoing: Some(side(ahead)), incoming: Some(side(behind)), ..synced() };
            assert_eq!(relation(&facts), expect);
            let shallow = Facts { shallow: true, related: false, ..facts };
            assert_eq!(relation(&shallow), Relation::Unknown);
        }
    }

    #[test]
    fn what_git_cannot_foretell_is_unknown_and_never_clean() {
        let facts = Facts { incoming: Some(side(1)), forecast: None, ..synced() };
        assert_eq!(status(facts).forecast.result, Weather::Unknown);
        let mut facts = Facts { incoming: Some(side(1)), met: vec!["b".into()], ..synced() };
        facts.forecast.as_mut().unwrap().conflicts = vec!["b".into(), "a".into()];
        let told = status(facts).forecast;
        assert_eq!(told.result, Weather::Conflict);
        assert_eq!(told.paths, ["a", "b"].map(RepoPath::from));
    }

    #[test]
    fn a_peer_is_a_role_or_a_user_at_a_host_with_a_number_for_further_work_trees() {
        let mut facts = synced();
        facts.peer.user = "ada".into();
        facts.peer.host = "laptop".into();
        assert_eq!(status(facts.clone()).peer.as_str(), "ada@laptop");
        facts.peer.role = Some("qc".into());
        facts.peer.worktree = Some(2);
        facts.scan = Scan { stashes: 4, ..Scan::default() };
        let told = status(facts);
        assert_eq!((told.peer.as_str(), told.role.as_str()), ("qc@laptop#2", "qc"));
        assert_eq!(told.stashes, 4);
    }
}
